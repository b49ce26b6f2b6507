"""## What it does

Finds the L7 rules `kafka`, `l7proto` and `l7` in `toPorts`.

## Why it matters

They are deprecated in Cilium 1.19 and gone in 1.20. There the field is dropped and the rule becomes a plain port
rule: everything on the port is allowed, where before only what the L7 rule listed was.

## Example

```yaml
- toPorts:
  - ports: [{port: "9092", protocol: TCP}]
    rules:
      kafka: [{topic: orders, role: produce}]     # nothing checks the topic in 1.20
```

## Fix safety

Manual: what the L7 rule protected has to be protected by something else (the broker's own access lists, mTLS), and no
fact says whether it is. The candidate, a change that cnpfix shows and does not write, is what 1.20 makes of the rule.

## References

- Cilium documentation, upgrade notes of 1.19 and 1.20
- Cilium source, `pkg/policy/api/l4.go`
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rewriter.cilium.nodes import L7Rules, PortRule
from rewriter.cilium.policy import Rule, Spec
from rewriter.cilium.version import L7_GENERIC_DEPRECATED, L7_GENERIC_REMOVED
from rewriter.evidence.context import Context
from rewriter.finding import Applicability, Finding, Operation, Severity
from rewriter.passes.kit.changes.change import Change
from rewriter.passes.kit.changes.claims import flow_claim
from rewriter.passes.kit.changes.forms import Form, changed, l7_without, with_rules
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.enforced.enforcement import rejected_today, switched_on
from rewriter.passes.kit.registry import antipattern
from rewriter.text import flow_text, join_names

VERSIONS = str(L7_GENERIC_REMOVED)
_REMOVED = ("kafka", "l7proto", "l7")


def _without_l7(rule: Rule) -> Form:
    if rule.deny or not rule.l7_rules:
        return changed(rule)
    return changed(rule, toPorts=[l7_without(item, removed_kinds) for item in rule.port_rules])


@antipattern(
    code="CNP009",
    id="removed-l7",
    title="L7 rules that 1.20 drops, which opens their port",
    change=L7_GENERIC_REMOVED,
    crossing=True,
    exposes=True,
    repairs=lambda spec, _: with_rules(spec, _without_l7),
)
def find(context: Context) -> Iterator[Finding]:
    for spec in context.policy.specs:
        for rule in spec.rules:
            for item in () if rule.deny else rule.port_rules:
                if isinstance(item, PortRule) and isinstance(item.rules, L7Rules) and removed_kinds(item.rules):
                    yield _finding(context, spec, rule, item, item.rules)


def removed_kinds(rules: L7Rules) -> list[str]:
    """The members of an item's `rules` that 1.20 drops, as far as they hold anything."""
    return [name for name in _REMOVED if name in rules.members and rules.written[name] != []]


def _finding(context: Context, spec: Spec, rule: Rule, item: PortRule, rules: L7Rules) -> Finding:
    names = removed_kinds(rules)
    only = changed(rule, toPorts=[l7_without(item, removed_kinds)])
    peers = "the peers of the rule" if any(field.entries for field in rule.peers) else "any peer"
    opened = f"all traffic {flow_text(context.policy, spec, rule, peers)} that the L7 rule holds back today"
    changes = switched_on(context) if rejected_today(context) else None
    today = f"; {context.from_version} rejects the policy, so the upgrade may switch it on" if changes else ""
    flows = changes if changes else Change((), (flow_claim(opened, spec, rule, only),))
    return report(
        context,
        f"{rules.route}/{names[0]}",
        Applicability.MANUAL,
        f"Cilium {L7_GENERIC_REMOVED} drops {join_names([f'`{name}`' for name in names])}, which leaves the port open",
        f"the upgrade opens {opened}{today}",
        severity=Severity.ERROR,
        change=Change(_without(rules, names), flows.opens, flows.closes),
        advice=f"protect the port another way before the upgrade to {L7_GENERIC_REMOVED} (deprecated since "
        f"{L7_GENERIC_DEPRECATED}), then drop the rule",
        versions=VERSIONS,
        at_key=True,
    )


def _without(rules: L7Rules, names: Sequence[str]) -> tuple[Operation, ...]:
    """What the removal of the fields leaves: the other L7 rules, or none at all."""
    if set(rules.written) <= set(names):
        return ({"op": "remove", "path": rules.route},)
    return tuple({"op": "remove", "path": f"{rules.route}/{name}"} for name in names)
