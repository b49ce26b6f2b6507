"""## What it does

Finds a policy without a single rule (`ingress: []` and nothing else), and rules whose `toPorts` hold no port.

## Why it matters

In a Kubernetes NetworkPolicy `ingress: []` denies everything. In a Cilium policy a list without items says nothing:
up to 1.16 the policy does nothing, from 1.17 on it is rejected, with all its other rule sets. Either way the pods it
selects are open. Default deny is written `ingress: [{}]` there: a rule that allows nothing.

`enableDefaultDeny.ingress: true` does not change that: without a rule of its direction it denies nothing, whatever the
rest of the rule set says. Neither does an empty `ingress:` or `ingress: []` beside egress rules, reported where no
policy denies the ingress of these pods. With `policyEnforcementMode: always` every pod is in default deny: no finding.

`toPorts: [{ports: []}]` beside a peer allows nothing either, and neither do `rules` without a port: rarely meant.

## Example

```diff
   endpointSelector: {}
-  ingress: []
+  ingress: [{}]
```

## Fix safety

The fix is unsafe, since it closes traffic. It is offered in each direction that is written, where `enableDefaultDeny`
or a word in the policy's name, description or comments (deny, lockdown, isolate, default) says that denying was meant.
Otherwise manual: remove the policy, or write the rules that were meant. Where `enableDefaultDeny` is false, no fix is
offered.

## References

- Cilium documentation, "Policy Enforcement Modes", upgrade notes of 1.17; source, `pkg/policy/api/rule_validation.go`
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rewriter.cilium.nodes import PortRule
from rewriter.cilium.policy import INGRESS, Rule, Spec
from rewriter.cilium.version import RULES_REQUIRED
from rewriter.evidence.context import Context
from rewriter.finding import Applicability, Finding, Operation, Severity
from rewriter.passes.kit.changes.change import Change, rule_becomes
from rewriter.passes.kit.changes.claims import all_other
from rewriter.passes.kit.changes.forms import as_written, with_list, without
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.changes.rule_directions import (
    LISTS,
    denied_by_name,
    denied_claims,
    directions_of,
    has_no_rules,
    says_deny,
)
from rewriter.passes.kit.enforced.empty_lists import empty_lists
from rewriter.passes.kit.enforced.enforcement import (
    always_enforced,
    denies_more,
    rejected_today,
    subject_evidence,
    switched_on,
)
from rewriter.passes.kit.enforced.mended_fields import with_fields_mended
from rewriter.passes.kit.enforced.upgrade_semantics import changed_by_upgrade
from rewriter.passes.kit.registry import antipattern
from rewriter.text import join_names, subject_text


@antipattern(
    code="CNP011",
    id="no-rules",
    title="a rule set without a single rule, which denies nothing",
    change=RULES_REQUIRED,
    exposes=True,
    guesses=True,
    repairs=lambda spec, _: with_list(spec, INGRESS, [{}]) if has_no_rules(spec) else as_written(spec),
)
def find(context: Context) -> Iterator[Finding]:
    for spec in context.policy.specs:
        if has_no_rules(spec) and context.to_version >= RULES_REQUIRED:
            if not _has_rules_elsewhere(context, spec):
                yield _without_rules(context, spec)
        elif spec.rules and not always_enforced(context):
            for direction in denied_by_name(spec):
                if all(rule.direction != direction for rule in spec.rules):
                    yield _without_direction(context, spec, direction)
            yield from empty_lists(context, spec)
        for rule in spec.rules:
            says = _names_peers(rule) or _names_requests(rule)
            if says and _names_no_port(rule) and not _has_ports_elsewhere(context, rule):
                yield _without_ports(context, spec, rule)


def _has_rules_elsewhere(context: Context, spec: Spec) -> bool:
    """Whether the rules of a rule set stand in a field that the API does not have, as CNP016 says."""
    mended = with_fields_mended(context)
    return mended is not None and any(other.route == spec.route and other.rules for other in mended.specs)


def _has_ports_elsewhere(context: Context, rule: Rule) -> bool:
    """Whether the ports of a rule stand in fields that the API does not have there, as CNP016 says."""
    mended = with_fields_mended(context)
    rules = mended.rules() if mended is not None else ()
    return any(other.route == rule.route and not _names_no_port(other) for other in rules)


def _without_rules(context: Context, spec: Spec) -> Finding:
    subject = subject_text(context.policy, spec)
    before = context.from_version < RULES_REQUIRED
    today = f"is rejected (from {RULES_REQUIRED} on)"
    if before:
        today = f"does nothing on {context.from_version} and is rejected from {RULES_REQUIRED} on"
    why = f"as far as this policy goes, all traffic of {subject} passes"
    if always_enforced(context):
        why = f"only `policyEnforcementMode: always` denies traffic of {subject} that no policy allows"
    if len(context.policy.specs) > 1:
        why += f", and the other rule sets of the policy {'stop being' if before else 'are not'} enforced with it"
    deniable = directions_of(spec)
    meant = says_deny(context, spec) if deniable else ()
    changes = switched_on(context) if rejected_today(context) else changed_by_upgrade(context)
    return report(
        context,
        _route(spec),
        Applicability.UNSAFE if meant else Applicability.MANUAL,
        f"a rule set without a rule {today}; it does not deny anything",
        why,
        severity=Severity.ERROR,
        change=Change(
            tuple(_deny(spec, direction) for direction in deniable),
            changes.opens,
            (*(denied_claims(context.policy, spec) if denies_more(context, spec) else ()), *changes.closes),
        )
        if deniable
        else None,
        evidence=(*meant, *(subject_evidence(context) if meant else ())),
        advice="" if meant else _advice(deniable),
        versions=str(RULES_REQUIRED),
        at_key=True,
    )


def _advice(deniable: Sequence[str]) -> str:
    advice = "remove it, or write the rules that are meant"
    if not deniable:
        return f"{advice}; while `enableDefaultDeny` is false, nothing is denied by default"
    return f"{advice}; `{deniable[0]}: [{{}}]` denies all {deniable[0]}"


def _without_direction(context: Context, spec: Spec, direction: str) -> Finding:
    """`enableDefaultDeny` of a direction without a rule: no entry is made for it, and nothing is denied."""
    subject = subject_text(context.policy, spec)
    return report(
        context,
        f"{spec.route}/enableDefaultDeny/{direction}",
        Applicability.UNSAFE,
        f"`enableDefaultDeny.{direction}: true` without a rule of {direction} does nothing",
        f"{direction} of {subject} is open as far as this policy goes: default deny comes with a rule of the direction",
        severity=Severity.ERROR,
        change=Change((_deny(spec, direction),), closes=(all_other(f"all {direction} of {subject}", spec, direction),)),
        evidence=subject_evidence(context),
        at_key=True,
    )


def _deny(spec: Spec, direction: str) -> Operation:
    operation = "replace" if direction in spec.members else "add"
    return {"op": operation, "path": f"{spec.route}/{direction}", "value": [{}]}


def _route(spec: Spec) -> str:
    return next((f"{spec.route}/{name}" for name in LISTS if name in spec.members), spec.route)


def _names_peers(rule: Rule) -> bool:
    return any(field.entries for field in rule.peers) and not rule.selects_nobody


def _names_no_port(rule: Rule) -> bool:
    items = rule.port_rules
    return bool(items) and not rule.has_icmps and all(isinstance(item, PortRule) and not item.ports for item in items)


def _names_requests(rule: Rule) -> bool:
    """Whether `toPorts` says which requests are allowed."""
    return not rule.deny and any(rules.written for rules in rule.l7_rules)


def _without_ports(context: Context, spec: Spec, rule: Rule) -> Finding:
    if not _names_peers(rule):
        return report(
            context,
            f"{rule.route}/toPorts",
            Applicability.MANUAL,
            "`toPorts` with `rules` and without a port allows nothing",
            "Cilium makes an entry for each port, and there is none here: the rule allows no traffic of "
            f"{subject_text(context.policy, spec)}",
            severity=Severity.NOTE,
            advice="name the ports that the rules are about",
            at_key=True,
        )
    fields = join_names([f"`{field.name}`" for field in rule.peers if field.entries])
    verb = "denies" if rule.deny else "allows"
    subject = subject_text(context.policy, spec)
    every_port = without(rule, "toPorts")
    return report(
        context,
        f"{rule.route}/toPorts",
        Applicability.MANUAL,
        f"`toPorts` without a port beside {fields} {verb} nothing",
        f"the rule {verb} no traffic of {subject}",
        severity=Severity.NOTE,
        change=rule_becomes(context, spec, rule, every_port, f"the peers in {fields}"),
        rule=rule,
        advice="drop `toPorts` if every port is meant, or name the ports",
        at_key=True,
    )
