"""## What it does

Finds policies that the validator of the source or the target release rejects for a reason that no other pass
reports, and gives that reason in Cilium's own words.

## Why it matters

A rejected policy is not enforced at all. Today that leaves pods open that the manifest says are protected; at an
upgrade it switches a working policy off. The other way round, a release may accept a policy that was rejected until
then: the upgrade switches it on.

## Example

```yaml
ingress:
- fromEntities: [clusters]     # unsupported entity: clusters
```

## Fix safety

Mostly manual: no fact says what was meant. What is a matter of form is mended: a number where Cilium wants a text or
the other way round (`port: 80`), one item where it wants a list, `reserved:ingress` and misspelt entities (the nearest
name, where one is nearest), the backslashes of a Helm `--set` path in a label key, `icmps` beside `toPorts` (a sibling
rule with the same peers), ports of HTTP rules without `protocol: TCP`, `8000-8100` as a port, an operator, a protocol
or a policy type in the wrong case, a wildcard, a URL or an IPv6 address in `matchName`, an address for a CIDR
(`192.0.2.7` as `192.0.2.7/32`; not one that ends in zeros, which may mean a network). That is unsafe while the policy
is not enforced, since it switches enforcement on; the finding says what it opens and closes. An empty mapping for a
list of rules stays manual: an empty list and a list of an empty rule mean opposite things.

A port entry without a port is accepted where the agents run with `enable-extended-ip-protocols` (1.19 and later, off by
default); the setting is read from Helm values, from `cilium-config` and from snapshots.

What a `${PLACEHOLDER}` decides is left open: only the manifest that comes out of the substitution can be judged.

A policy with `fromNodes` or `toNodes` is rejected unless the agents run with `enable-node-selector-labels`, which is
off by default. cnpfix reads the setting from Helm values (`nodeSelectorLabels`), from `cilium-config` and from
snapshots, or from `node_selector_labels` in `[[clusters]]`. Where it is unknown, the policy counts as rejected, as by
default, and no pass rewrites it: if it is enforced after all, a fix might open traffic that no finding states.

## References

- Cilium source, `pkg/policy/api/rule_validation.go` and `pkg/k8s/apis/cilium.io/v2`
- Kubernetes source, `pkg/apis/networking/validation` for a NetworkPolicy
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rewriter.cilium.policy import KNP, Policy
from rewriter.cilium.validation import Rejection
from rewriter.cilium.version import NODE_PEERS, SUPPORTED, Version
from rewriter.evidence.context import Context
from rewriter.finding import Finding, Severity
from rewriter.passes.bare_address import find as bare_address
from rewriter.passes.kit.enforced.enforcement import (
    default_denies,
    has_wrong_types,
    rejected,
    rests_on_node_labels,
    upgrades,
)
from rewriter.passes.kit.enforced.mechanical import mended
from rewriter.passes.kit.enforced.mended_fields import accepted_with_fields
from rewriter.passes.kit.enforced.rejection_words import rejected_finding
from rewriter.passes.kit.enforced.repair import Repaired, repaired
from rewriter.passes.kit.registry import EVERY_KIND, antipattern
from rewriter.passes.mixed_peers import find as mixed_peers
from rewriter.passes.no_rules import find as no_rules
from rewriter.passes.removed_l7 import find as removed_l7
from rewriter.passes.requires import find as requires
from rewriter.passes.service_with_ports import find as service_with_ports
from rewriter.text import join_names

#: The passes that report by themselves why a release rejects a policy.
OTHERS = (mixed_peers, service_with_ports, requires, bare_address, no_rules, removed_l7)


@antipattern(
    code="CNP014",
    id="rejected",
    title="a policy that a release rejects, and so does not enforce",
    kinds=EVERY_KIND,
    any_types=True,
    exposes=True,
)
def find(context: Context) -> Iterator[Finding]:
    before, after = (_other_reason(context, version) for version in (context.from_version, context.to_version))
    if (before or after) and accepted_with_fields(context, context.to_version):
        return  # CNP016 reports it.
    if before is not None and after is not None:
        yield _rejected_throughout(context, after)
    elif after is not None:
        yield _rejected_by_upgrade(context, after)
    elif before is not None:
        yield _accepted_by_upgrade(context, before)
    else:
        yield from _by_default(context)


def _other_reason(context: Context, version: Version) -> Rejection | None:
    """Why a release rejects the policy once everything is set right that other passes report."""
    policy = context.policy
    reason = rejected(policy, version, context.flags)
    if reason is None or policy.kind == KNP or has_wrong_types(policy):
        return reason

    for other in OTHERS:
        if other.concerns(context.from_version, context.to_version):
            policy = other.set_right(policy, version)
    return rejected(policy, version, context.flags)


def _repairs(context: Context) -> Repaired | None:
    """The mechanical repairs of a policy that the target release rejects; None where one needs a decision."""
    version = context.to_version

    def reason(policy: Policy) -> Rejection | None:
        return _other_reason(replace(context, policy=policy), version)

    operations = mended(context.policy, reason, version)
    return repaired(context, operations[0]["path"], operations) if operations else None


def _rejected_throughout(context: Context, reason: Rejection) -> Finding:
    later = next((v for v in SUPPORTED if v > context.to_version and _other_reason(context, v) is None), None)
    return rejected_finding(
        context,
        reason,
        Severity.ERROR,
        f"rejected: {reason.message}",
        f"the policy is not enforced today, and not on {context.to_version} either"
        + (f"; {later} accepts it" if later else ""),
        made=None if later else _repairs(context),
    )


def _rejected_by_upgrade(context: Context, reason: Rejection) -> Finding:
    since = next(version for version in upgrades(context) if _other_reason(context, version) is not None)
    denied = join_names(default_denies(context))
    lost = f": Cilium no longer denies {denied} by default" if denied else ""
    return rejected_finding(
        context,
        reason,
        Severity.ERROR,
        f"rejected from Cilium {since} on: {reason.message}",
        f"the policy stops being enforced at {since}{lost}",
        made=_repairs(context),
    )


def _accepted_by_upgrade(context: Context, reason: Rejection) -> Finding:
    since = next(version for version in upgrades(context) if _other_reason(context, version) is None)
    denied = join_names(default_denies(context))
    gained = f", and Cilium denies {denied} by default" if denied else ""
    return rejected_finding(
        context,
        reason,
        Severity.WARNING,
        f"rejected before Cilium {since}: {reason.message}",
        f"the policy is not enforced today; the upgrade switches it on at {since}{gained}",
    )


def _by_default(context: Context) -> Iterator[Finding]:
    """A policy that is rejected unless the agents run with enable-node-selector-labels, where that is unknown."""
    if context.node_selector_labels is not None or not rests_on_node_labels(context.policy, context.to_version):
        return
    reason = rejected(context.policy, context.to_version, context.flags._replace(node_selector_labels=False))
    if reason is None or rejected(context.policy, context.to_version) is not None:
        return
    since = "" if context.from_version >= NODE_PEERS else f"from Cilium {NODE_PEERS} on "
    yield rejected_finding(
        context,
        reason,
        Severity.ERROR,
        f"rejected {since}by default: {reason.message}",
        "the policy is enforced only where the agents run with enable-node-selector-labels, and it is unknown whether "
        "they do; until then it is not rewritten",
        "set `node_selector_labels = true` in [[clusters]] if they do; if not, set Helm `nodeSelectorLabels`",
    )
