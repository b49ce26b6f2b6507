"""## What it does

Finds rules with `authentication.mode: required`.

## Why it matters

Cilium's mutual authentication is off by default from 1.19 on. With it off the rule is an ordinary allow rule: peers
get in without having proved who they are, which is weaker than what is written. From 1.20 on the field is deprecated:
it still works there where `authentication.enabled` is set, and a later release removes it.

Where the values of Cilium's installation set `authentication.enabled: true`, the upgrade to 1.19 changes nothing, and
there is no finding. Where they set it to false, Cilium up to 1.18 still holds back what a rule with this field
allows, and no agent authenticates it: there the upgrade opens what is dropped today.

## Example

```yaml
- fromEndpoints: [{matchLabels: {app: web}}]
  authentication:
    mode: required      # not enforced in 1.19 unless authentication.enabled is set
```

## Fix safety

Manual: set the Helm value `authentication.enabled` before the upgrade, or drop the field if nothing relies on it. The
candidate, a change that cnpfix shows and does not write, drops it.

## References

- Cilium documentation, "Mutual Authentication", and the upgrade notes of 1.19
- Cilium Helm reference, `authentication.enabled`: without it requests that require authentication are still blocked
"""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.cilium.policy import Rule, Spec
from rewriter.cilium.version import AUTHENTICATION_DEPRECATED, AUTHENTICATION_OFF
from rewriter.evidence.context import Context
from rewriter.finding import Applicability, Finding, Severity
from rewriter.inventory.facts.model import Cluster
from rewriter.passes.kit.changes.change import Change, in_place
from rewriter.passes.kit.changes.claims import flow_claim
from rewriter.passes.kit.changes.forms import without
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.registry import antipattern
from rewriter.text import flow_text


@antipattern(
    code="CNP012",
    id="authentication",
    title="mutual authentication: off by default from 1.19 on, deprecated from 1.20",
    change=AUTHENTICATION_OFF,
    spans=lambda before, after: before < AUTHENTICATION_OFF <= after or before < AUTHENTICATION_DEPRECATED <= after,
)
def find(context: Context) -> Iterator[Finding]:
    for spec in context.policy.specs:
        for rule in spec.rules:
            if rule.authentication == "required" and not rule.deny:
                finding = _finding(context, spec, rule)
                if finding is not None:
                    yield finding


def _finding(context: Context, spec: Spec, rule: Rule) -> Finding | None:
    """None where the clusters' own values keep it on, and the target release does not deprecate it."""
    enabled = context.cluster.mutual_authentication if context.cluster else None
    deprecated = f"deprecated from Cilium {AUTHENTICATION_DEPRECATED} on"
    if context.from_version >= AUTHENTICATION_OFF or enabled:
        if context.to_version < AUTHENTICATION_DEPRECATED:
            return None
        message = f"`authentication` is {deprecated}"
        why = "Cilium enforces it only where `authentication.enabled` is set, and a later release removes it"
        advice = "plan for encryption (WireGuard, IPsec, ztunnel) in its place, or drop the field"
        versions, change = str(AUTHENTICATION_DEPRECATED), None
    else:
        flow = f"{flow_text(context.policy, spec, rule, 'the peers of the rule')} without mutual authentication"
        free = without(rule, "authentication")
        ends = f", and {deprecated}" if context.to_version >= AUTHENTICATION_DEPRECATED else ""
        by_default = "" if enabled is False else " by default"
        message = (
            f"`authentication.mode: required` is not enforced{by_default} from Cilium {AUTHENTICATION_OFF} on{ends}"
        )
        why = f"the upgrade opens flows {flow}"
        if enabled is False:
            why += ", which Cilium drops today: with `authentication.enabled` false no agent authenticates it"
        advice = "set the Helm value `authentication.enabled`, or drop the field"
        versions = str(AUTHENTICATION_OFF)
        change = Change(in_place(rule, free), (flow_claim(flow, spec, rule, free),))
    return report(
        context,
        f"{rule.route}/authentication/mode",
        Applicability.MANUAL,
        message,
        why,
        severity=Severity.NOTE,
        change=change,
        evidence=_stated(context.cluster),
        advice=advice,
        versions=versions,
    )


def _stated(cluster: Cluster | None) -> tuple[str, ...]:
    """What the values of the cluster say of mutual authentication, with its place."""
    if cluster is None or cluster.mutual_authentication is None:
        return ()
    place = cluster.source_of("mutual_authentication")
    return (f"{cluster.name}, {place}: authentication.enabled is {str(cluster.mutual_authentication).lower()}",)
