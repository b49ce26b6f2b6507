"""## What it does

Finds `fromRequires` and `toRequires`.

## Why it matters

They are gone in Cilium 1.19: the whole policy is rejected there, and its pods lose their rules.

Up to 1.18 a requirement narrows the `fromEndpoints` (`toEndpoints`) of every rule, in every policy, that applies to
the same pods. Like any selector of a CiliumNetworkPolicy it means its own namespace unless it names another.

## Example

```diff
   ingress:
-  - fromRequires:
-    - matchLabels:
-        env: prod
   - fromEndpoints:
     - matchLabels:
         app: web
+        env: prod
```

## Fix safety

The fix adds the requirements to each selector that they narrow and drops the field: safe. Where other policies may
apply to the same pods, these lose the requirement at the upgrade, with or without the fix: the finding lists them, and
the fix is evident, as it is where the upgrade widens other rules of the policy (authentication, `**.`), which the fix
keeps alive. Where the policy is not enforced today, the fix switches it on: unsafe.

Where requirement and selector mean different namespaces they match nothing together today. That is manual,
as is a policy whose rule sets may share only some of their pods.

## References

- Cilium documentation, upgrade notes of 1.19
- Cilium source (1.18), `pkg/policy/rules.go`, `resolveL4IngressPolicy`
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from rewriter.cilium.labels import NAMESPACE_LABEL, NAMESPACE_LABELS_PREFIX
from rewriter.cilium.local_cluster import names_cluster
from rewriter.cilium.policy import INGRESS, KNP, PeerField, Policy, Rule, Spec
from rewriter.cilium.selector import Requirement, Selector, escape_pointer
from rewriter.cilium.version import REQUIRES_REMOVED
from rewriter.evidence.context import Context
from rewriter.finding import Applicability, Finding, Fix, FlowClaim, Operation, Severity
from rewriter.passes.kit.claims import rules_flows
from rewriter.passes.kit.enforcement import (
    FlowChanges,
    default_denies,
    may_share_pods,
    other_policies,
    rejected_today,
    switched_on,
)
from rewriter.passes.kit.registry import antipattern
from rewriter.passes.kit.upgrade_semantics import changed_by_upgrade
from rewriter.text import join_names, policy_text, selector_text

VERSIONS = str(REQUIRES_REMOVED)


class _UndecidedError(Exception):
    """Why the requirements cannot be folded in; the message is for people."""


@dataclass(frozen=True, slots=True)
class _Group:
    """The rules that share requirements: those of one rule set, one direction, allow or deny."""

    spec: Spec
    rules: tuple[Rule, ...]

    @property
    def required(self) -> list[PeerField]:
        return [field for rule in self.rules if (field := _field(rule, "Requires")) and field.entries]

    @property
    def narrowed(self) -> list[PeerField]:
        return [field for rule in self.rules if (field := _field(rule, "Endpoints"))]

    @property
    def requirements(self) -> list[Selector | None]:
        return [selector for field in self.required for selector in field.selectors]


@antipattern(
    code="CNP007",
    id="requires",
    title="fromRequires and toRequires, which 1.19 rejects",
    change=REQUIRES_REMOVED,
    after=("fqdn-double-star",),
)
def find(context: Context) -> Iterator[Finding]:
    groups = [group for spec in context.policy.specs for group in _groups(spec)]
    requiring = [group for group in groups if group.required]
    if not requiring:
        return
    try:
        operations = tuple(_operations(context, groups, requiring))
    except _UndecidedError as error:
        yield _finding(context, requiring, Applicability.MANUAL, advice=str(error))
        return
    others = _others(context, requiring)
    advice = "narrow the policies listed too, where they are meant to be narrowed" if others else ""
    kept = changed_by_upgrade(context)
    applicability = Applicability.EVIDENT if others or kept.opens or kept.closes else Applicability.SAFE
    if rejected_today(context) is not None:
        applicability = Applicability.UNSAFE
    yield _finding(context, requiring, applicability, advice=advice, fix=Fix(operations), others=others)


def _field(rule: Rule, kind: str) -> PeerField | None:
    return rule.peer(("from" if rule.direction == INGRESS else "to") + kind)


def _groups(spec: Spec) -> Iterator[_Group]:
    for key in dict.fromkeys((rule.direction, rule.deny) for rule in spec.rules):
        yield _Group(spec, tuple(rule for rule in spec.rules if (rule.direction, rule.deny) == key))


def _operations(context: Context, groups: Sequence[_Group], requiring: Sequence[_Group]) -> Iterator[Operation]:
    """Adds the requirements to the selectors, then drops the fields, and the rules that were nothing else."""
    for group in groups:
        required = [
            each for other in requiring if _shares_pods(context.policy, other, group) for each in other.requirements
        ]
        if not required:
            continue
        for field in group.narrowed:
            for entry, selector in zip(field.entries, field.selectors, strict=True):
                yield from _narrowed(context, entry, selector, required)
    for group in requiring:
        yield from _dropped(group)


def _shares_pods(policy: Policy, group: _Group, other: _Group) -> bool:
    """Whether the requirements of a group hold for another. Raises where that is so for some pods only."""
    first, second = group.rules[0], other.rules[0]
    if (first.direction, first.deny) != (second.direction, second.deny):
        return False
    if group.spec is other.spec or _subject(group.spec) == _subject(other.spec):
        return True
    if not other.narrowed or not may_share_pods(policy, group.spec, policy, other.spec):
        return False
    raise _UndecidedError("the rule sets of the policy may share some pods; add the requirements where they are meant")


def _subject(spec: Spec) -> object:
    return _conditions(spec.subject), _conditions(spec.node_subject)


def _conditions(selector: Selector | None) -> frozenset[tuple[str, str, tuple[str, ...]]] | None:
    return frozenset(map(_condition, selector.requirements)) if selector else None


def _condition(requirement: Requirement) -> tuple[str, str, tuple[str, ...]]:
    return requirement.written_key, requirement.operator, requirement.values


def _narrowed(
    context: Context, entry: Any, selector: Selector | None, required: Sequence[Selector | None]
) -> Iterator[Operation]:
    """The operations that put the requirements into one selector."""
    if selector is None or None in required:
        raise _UndecidedError("a selector is malformed; correct it first")
    for each in required:
        _check_same_scope(context, selector, each)
    labels, expressions = _additions(selector, [r for each in required if each for r in each.requirements])
    route = selector.route
    if entry is None:
        added: dict[str, Any] = {"matchLabels": labels, "matchExpressions": expressions}
        yield {"op": "replace", "path": route, "value": {name: value for name, value in added.items() if value}}
        return
    present = entry.get("matchLabels")
    if labels and present:
        for key, value in labels.items():
            yield {"op": "add", "path": f"{route}/matchLabels/{escape_pointer(key)}", "value": value}
    elif labels:
        yield _member(entry, route, "matchLabels", labels)
    present = entry.get("matchExpressions")
    if expressions and present:
        for number, expression in enumerate(expressions, len(present)):
            yield {"op": "add", "path": f"{route}/matchExpressions/{number}", "value": expression}
    elif expressions:
        yield _member(entry, route, "matchExpressions", expressions)


def _additions(selector: Selector, requirements: Sequence[Requirement]) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """What matchLabels and matchExpressions lack of the requirements, in the form in which these are written."""
    known = set(map(_condition, selector.requirements))
    own = {r.written_key for r in selector.requirements if "/matchLabels/" in r.route}
    labels: dict[str, str] = {}
    expressions: list[dict[str, Any]] = []
    for requirement in requirements:
        if _condition(requirement) in known:
            continue
        known.add(_condition(requirement))
        key = requirement.written_key
        if "/matchLabels/" in requirement.route and key not in own and key not in labels:
            labels[key] = requirement.values[0]
            continue
        values = {"values": list(requirement.values)} if requirement.values else {}
        expressions.append({"key": key, "operator": requirement.operator, **values})
    return labels, expressions


def _member(entry: Mapping[str, Any], route: str, name: str, value: Any) -> Operation:
    return {"op": "replace" if name in entry else "add", "path": f"{route}/{name}", "value": value}


def _check_same_scope(context: Context, selector: Selector, required: Selector | None) -> None:
    """Raises unless a selector and a requirement mean the same namespaces and clusters with what Cilium adds."""
    assert required is not None
    text = selector_text(selector) or "{}"
    if selector.names_reserved or required.names_reserved:
        raise _UndecidedError(f"the selector {text} and the requirement match no pod together; say what is meant")
    policy = context.policy
    same = _namespaces(policy, selector) == _namespaces(policy, required)
    if not same and policy.namespace is not None:
        raise _UndecidedError(
            f"the selector {text} and the requirement {selector_text(required) or '{}'} mean different namespaces, "
            "and match nothing together; say what is meant"
        )
    if context.default_local_cluster(context.from_version) and names_cluster(selector) != names_cluster(required):
        raise _UndecidedError(f"the selector {text} and the requirement mean different clusters; say what is meant")


def _namespaces(policy: Policy, selector: Selector) -> frozenset[tuple[str, str, tuple[str, ...]]]:
    """The conditions on namespaces, with the one that Cilium adds where there is none."""
    written = [
        (r.key, r.operator, r.values)
        for r in selector.requirements
        if r.key == NAMESPACE_LABEL or r.key.startswith(NAMESPACE_LABELS_PREFIX)
    ]
    return frozenset(written or [(NAMESPACE_LABEL, "In", (policy.namespace or "",))])


def _dropped(group: _Group) -> Iterator[Operation]:
    """Drops the fields; rules that held nothing else go too, but for one where no other rule is in the list."""
    empty: list[Rule] = []
    for rule in group.rules:
        field = _field(rule, "Requires")
        if field is None:
            continue
        if rule.selects_nobody or any(other.entries for other in rule.peers if other is not field):
            yield {"op": "remove", "path": field.route}
        elif rule.raw.get("toPorts") or rule.raw.get("icmps"):
            raise _UndecidedError(
                f"a rule with `{field.name}` and ports but no peers allows any peer, today too; name the peers"
            )
        else:
            empty.append(rule)
    if len(empty) == len(group.rules):
        first = empty.pop(0)
        yield from ({"op": "remove", "path": f"{first.route}/{escape_pointer(name)}"} for name in first.raw)
    yield from ({"op": "remove", "path": rule.route} for rule in reversed(empty))


#: How many other policies the evidence names.
_MOST_OTHERS = 5


class _Other(NamedTuple):
    """Rules of another policy that may apply to the same pods, and so lose the requirements."""

    policy: Policy
    deny: bool
    flows: FlowClaim


def _others(context: Context, requiring: Sequence[_Group]) -> tuple[_Other, ...]:
    return tuple(
        _Other(policy, group.rules[0].deny, flows)
        for policy in other_policies(context)
        for group in requiring
        for spec in policy.specs
        if (flows := _losing(context.policy, group, policy, spec)) is not None
    )


def _losing(own: Policy, group: _Group, policy: Policy, spec: Spec) -> FlowClaim | None:
    """What a rule set of another policy allows or denies, of which the requirements of a group hold a part back."""
    rule = group.rules[0]
    fields = ("from", "to") if policy.kind == KNP else ("fromEndpoints", "toEndpoints")
    rules = [
        each
        for each in spec.rules
        if (each.direction, each.deny) == (rule.direction, rule.deny)
        and any(field.entries for field in each.peers if field.name in fields)
    ]
    if not rules or not may_share_pods(own, group.spec, policy, spec):
        return None
    words = f"what {policy_text(policy)} {'denies' if rule.deny else 'allows'} and the requirement holds back"
    return rules_flows(words, spec, rule.direction, rules, policy)


def _finding(
    context: Context,
    requiring: Sequence[_Group],
    applicability: Applicability,
    *,
    advice: str = "",
    fix: Fix | None = None,
    others: tuple[_Other, ...] = (),
) -> Finding:
    fields = [field for group in requiring for field in group.required]
    names = join_names(sorted({f"`{field.name}`" for field in fields}))
    denied = join_names(default_denies(context))
    dead = rejected_today(context) is not None
    changes = switched_on(context) if dead else changed_by_upgrade(context)
    if fix is None:
        changes = FlowChanges()
    if dead:
        why = f"the policy is not enforced today; once it is, {denied or 'nothing more'} is denied by default"
    else:
        why = f"the whole policy stops being enforced at {REQUIRES_REMOVED}" + (
            f", and {denied} is no longer denied by default" if denied else ""
        )
    if others:
        why += "; the upgrade opens what other policies allow the same pods and the requirement holds back today"
    named = list(dict.fromkeys(policy_text(other.policy) for other in others))
    evidence = [f"{other} may apply to the same pods and loses the requirement" for other in named[:_MOST_OTHERS]]
    if len(named) > _MOST_OTHERS:
        evidence.append(f"and {len(named) - _MOST_OTHERS} more policies")
    return Finding(
        severity=Severity.ERROR,
        applicability=applicability,
        route=fields[0].route,
        message=f"{names} is gone in Cilium {REQUIRES_REMOVED}, which rejects the policy",
        why=why,
        evidence=(*evidence, *changes.evidence),
        advice=advice,
        fix=fix,
        versions=VERSIONS,
        opens=(*changes.opens, *(other.flows for other in others if fix and not other.deny)),
        closes=(*changes.closes, *(other.flows for other in others if fix and other.deny)),
        at_key=True,
    )
