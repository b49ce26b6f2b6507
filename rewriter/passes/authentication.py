"""## What it does

Finds rules with `authentication.mode: required`.

## Why it matters

Cilium's mutual authentication is off by default from 1.19 on. With it off the rule is an ordinary allow rule: peers
get in without having proved who they are, which is weaker than what is written. From 1.20 on the field is deprecated:
it still works there where `authentication.enabled` is set, and a later release removes it.

Where the values of Cilium's installation set `authentication.enabled: true`, the upgrade to 1.19 changes nothing, and
nothing is reported of it; where they set it to false, the field is without effect on every release.

## Example

```yaml
- fromEndpoints: [{matchLabels: {app: web}}]
  authentication:
    mode: required      # not enforced in 1.19 unless authentication.enabled is set
```

## Fix safety

Manual: set the Helm value `authentication.enabled` before the upgrade, or drop the field if nothing relies on it.
The candidate drops it.

## References

- Cilium documentation, "Mutual Authentication", and the upgrade notes of 1.19
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
    deprecated = f"deprecated from Cilium {AUTHENTICATION_DEPRECATED} on"
    enabled = context.cluster.mutual_authentication if context.cluster else None
    if context.from_version >= AUTHENTICATION_OFF or enabled:
        return _deprecated(context, rule, deprecated) if context.to_version >= AUTHENTICATION_DEPRECATED else None
    ends = f", and {deprecated}" if context.to_version >= AUTHENTICATION_DEPRECATED else ""
    free = without(rule, "authentication")
    if enabled is False:
        return _note(
            context,
            rule,
            f"`authentication.mode: required` is not enforced: `authentication.enabled` is false{ends}",
            "the rule allows its peers without mutual authentication",
            advice="set the Helm value `authentication.enabled`, or drop the field",
            change=Change(in_place(rule, free)),
        )
    flow = flow_text(context.policy, spec, rule, "the peers of the rule")
    return _note(
        context,
        rule,
        f"`authentication.mode: required` is not enforced by default from Cilium {AUTHENTICATION_OFF} on{ends}",
        f"the upgrade opens {flow} without mutual authentication",
        advice="set the Helm value `authentication.enabled`, or drop the field",
        change=Change(
            in_place(rule, free),
            (flow_claim(f"{flow} without mutual authentication", spec, rule, free),),
        ),
        versions=str(AUTHENTICATION_OFF),
    )


def _deprecated(context: Context, rule: Rule, deprecated: str) -> Finding:
    return _note(
        context,
        rule,
        f"`authentication` is {deprecated}",
        "Cilium enforces it only where `authentication.enabled` is set, and a later release removes it",
        advice="plan for encryption (WireGuard, IPsec, ztunnel) in its place, or drop the field",
        versions=str(AUTHENTICATION_DEPRECATED),
    )


def _note(
    context: Context,
    rule: Rule,
    message: str,
    why: str,
    *,
    advice: str,
    change: Change | None = None,
    versions: str = "",
) -> Finding:
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
