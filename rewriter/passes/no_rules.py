"""## What it does

Finds a policy without a single rule (`ingress: []` and nothing else), and rules whose `toPorts` hold no port.

## Why it matters

In a Kubernetes NetworkPolicy `ingress: []` denies everything. In a Cilium policy a list without items says nothing:
up to 1.16 the policy does nothing, from 1.17 on it is rejected, with all its other rule sets. Either way the pods it
selects are open. Default deny is written `ingress: [{}]` there: a rule that allows nothing.

`enableDefaultDeny.ingress: true` changes nothing of that: without a rule of its direction it denies nothing, whatever
the rest of the rule set says.

`toPorts: [{ports: []}]` beside a peer allows nothing either, and neither do `rules` without a port: rarely what was
meant.

## Example

```diff
   endpointSelector: {}
-  ingress: []
+  ingress: [{}]
```

## Fix safety

Unsafe, since it closes traffic: offered where the policy's name, description or comments say that denying was meant
(deny, lockdown, isolate, default) or `enableDefaultDeny` does, in each direction that is written. Otherwise manual:
remove the policy, or write the rules that were meant.

## References

- Cilium documentation, "Policy Enforcement Modes"; upgrade notes of 1.17
- Cilium source, `pkg/policy/api/rule_validation.go`
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from rewriter.cilium.policy import EGRESS, INGRESS, Policy, Rule, Spec
from rewriter.cilium.version import RULES_REQUIRED
from rewriter.evidence.context import Context
from rewriter.finding import Applicability, Finding, Fix, FlowClaim, Operation, Severity
from rewriter.passes.kit.change import Change
from rewriter.passes.kit.claims import all_other, rule_flows
from rewriter.passes.kit.enforcement import rejected_today, subject_evidence, switched_on
from rewriter.passes.kit.registry import antipattern
from rewriter.passes.kit.report import report
from rewriter.passes.kit.upgrade_semantics import changed_by_upgrade
from rewriter.text import join_names, subject_text

_LISTS = ("ingress", "ingressDeny", "egress", "egressDeny")
_DENYING = re.compile(r"deny|denie|lock-?down|isolat|default", re.IGNORECASE)


def has_no_rules(raw: Mapping[str, Any]) -> bool:
    """Whether a rule set has no item in any of its lists; a list that is no list is another matter."""
    lists = [raw.get(name) for name in _LISTS]
    return all(items is None or items == [] for items in lists) and any(
        name in raw for name in ("endpointSelector", "nodeSelector")
    )


@antipattern(
    code="CNP011", id="no-rules", title="a rule set without a single rule, which denies nothing", change=RULES_REQUIRED
)
def find(context: Context) -> Iterator[Finding]:
    for spec in context.policy.specs:
        if has_no_rules(spec.raw) and context.to_version >= RULES_REQUIRED:
            yield _without_rules(context, spec)
        elif spec.rules:
            for direction in _denied_by_name(spec):
                if all(rule.direction != direction for rule in spec.rules):
                    yield _without_direction(context, spec, direction)
        for rule in spec.rules:
            if _names_no_port(rule) and (_names_peers(rule) or _names_requests(rule)):
                yield _without_ports(context, spec, rule)


def _without_rules(context: Context, spec: Spec) -> Finding:
    subject = subject_text(context.policy, spec)
    before = context.from_version < RULES_REQUIRED
    today = (
        f"does nothing on {context.from_version} and is rejected from {RULES_REQUIRED} on"
        if before
        else (f"is rejected (from {RULES_REQUIRED} on)")
    )
    why = f"as far as this policy goes, all traffic of {subject} passes"
    if len(context.policy.specs) > 1:
        why += f", and the other rule sets of the policy {'stop being' if before else 'are not'} enforced with it"
    meant = _says_deny(context, spec)
    changes = switched_on(context) if rejected_today(context) else changed_by_upgrade(context)
    fix = Fix(tuple(_deny(spec, direction) for direction in _directions(spec)))
    return Finding(
        severity=Severity.ERROR,
        applicability=Applicability.UNSAFE if meant else Applicability.MANUAL,
        route=_route(spec),
        message=f"a rule set without a rule {today}; it does not deny anything",
        why=why,
        evidence=(*meant, *(subject_evidence(context) if meant else ())),
        advice="" if meant else "remove it, or write the rules that are meant; `ingress: [{}]` denies all ingress",
        fix=fix if meant else None,
        candidate=None if meant else fix,
        versions=str(RULES_REQUIRED),
        opens=changes.opens,
        closes=(*_denied(context.policy, spec), *changes.closes),
        at_key=True,
    )


def _denied(policy: Policy, spec: Spec) -> Iterator[FlowClaim]:
    """What rule sets without a rule deny once they have one: this one, then others that are waiting for the same."""
    waiting = [each for each in policy.specs if each is not spec and has_no_rules(each.raw)]
    for each in (spec, *waiting):
        subject = subject_text(policy, each)
        for direction in _directions(each):
            yield all_other(f"all {direction} of {subject}", each, direction)


def _directions(spec: Spec) -> list[str]:
    """The directions that the rule set speaks of; ingress where it speaks of none."""
    denied = _denied_by_name(spec)
    spoken = [n for n in (INGRESS, EGRESS) if n in spec.raw or f"{n}Deny" in spec.raw or n in denied]
    types = spec.raw.get("policyTypes")
    if not spoken and isinstance(types, list):
        spoken = [name for name in (INGRESS, EGRESS) if name.capitalize() in types]
    return spoken or [INGRESS]


def _denied_by_name(spec: Spec) -> list[str]:
    """The directions for which `enableDefaultDeny` is written true."""
    written = spec.raw.get("enableDefaultDeny")
    return [name for name in (INGRESS, EGRESS) if isinstance(written, dict) and written.get(name) is True]


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
    operation = "replace" if direction in spec.raw else "add"
    return {"op": operation, "path": f"{spec.route}/{direction}", "value": [{}]}


def _route(spec: Spec) -> str:
    return next((f"{spec.route}/{name}" for name in _LISTS if name in spec.raw), spec.route)


def _says_deny(context: Context, spec: Spec) -> tuple[str, ...]:
    """What says that denying was meant, as evidence."""
    metadata = context.policy.raw.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    described = [spec.raw.get("description")]
    described += list(annotations.values()) if isinstance(annotations, dict) else []
    said = [("its name", context.policy.name)]
    said += [("the rule set", f"enableDefaultDeny.{direction}: true") for direction in _denied_by_name(spec)]
    said += [("its description", text) for text in described if isinstance(text, str)]
    said += [("a comment", text) for text in context.comments if "cnpfix:" not in text]
    return tuple(f"{where} says {text.strip()!r:.80}" for where, text in said if _DENYING.search(text))[:3]


def _names_peers(rule: Rule) -> bool:
    return any(field.entries for field in rule.peers) and not rule.selects_nobody


def _names_no_port(rule: Rule) -> bool:
    items = rule.raw.get("toPorts")
    if not isinstance(items, list) or not items or rule.raw.get("icmps"):
        return False
    return all(item is None or (isinstance(item, dict) and item.get("ports") in (None, [])) for item in items)


def _names_requests(rule: Rule) -> bool:
    """Whether `toPorts` says which requests are allowed."""
    return not rule.deny and any(item.get("rules") for item in rule.to_ports)


def _without_ports(context: Context, spec: Spec, rule: Rule) -> Finding:
    if not _names_peers(rule):
        return report(
            context,
            f"{rule.route}/toPorts",
            Applicability.MANUAL,
            "`toPorts` with `rules` and without a port allows nothing",
            f"an entry is made for each port: the rule allows no traffic of {subject_text(context.policy, spec)}",
            severity=Severity.NOTE,
            advice="name the ports that the rules are about",
            at_key=True,
        )
    fields = join_names([f"`{field.name}`" for field in rule.peers if field.entries])
    verb = "denies" if rule.deny else "allows"
    subject = subject_text(context.policy, spec)
    every_port = {name: value for name, value in rule.raw.items() if name != "toPorts"}
    flow = rule_flows(context, spec, rule, f"the peers in {fields}", every_port)
    return Finding(
        severity=Severity.NOTE,
        applicability=Applicability.MANUAL,
        route=f"{rule.route}/toPorts",
        message=f"`toPorts` without a port beside {fields} {verb} nothing",
        why=f"the rule {verb} no traffic of {subject}",
        advice="drop `toPorts` if every port is meant, or name the ports",
        candidate=Fix(({"op": "remove", "path": f"{rule.route}/toPorts"},)),
        opens=() if rule.deny else (flow,),
        closes=(flow,) if rule.deny else (),
        at_key=True,
    )
