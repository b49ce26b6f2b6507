"""fromRequires and toRequires of one direction, and the selectors that say the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rewriter.cilium.labels import NAMESPACE_LABEL, NAMESPACE_LABELS_PREFIX
from rewriter.cilium.local_cluster import names_cluster
from rewriter.cilium.policy import INGRESS, PeerField, Policy, Rule, Spec
from rewriter.cilium.selector import Requirement, Selector, escape_pointer
from rewriter.evidence.context import Context
from rewriter.finding import Operation
from rewriter.passes.kit.changes.forms import Form, list_of, members_of
from rewriter.passes.kit.enforced.enforcement import (
    may_share_pods,
)
from rewriter.records import dataclass
from rewriter.text import selector_text


class UnclearError(Exception):
    """Why the requirements cannot be folded in; the message is for people."""


@dataclass(frozen=True, slots=True)
class RequirementGroup:
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


def _field(rule: Rule, kind: str) -> PeerField | None:
    return rule.peer(("from" if rule.direction == INGRESS else "to") + kind)


def requirement_groups(spec: Spec) -> Iterator[RequirementGroup]:
    for key in dict.fromkeys((rule.direction, rule.deny) for rule in spec.rules):
        yield RequirementGroup(spec, tuple(rule for rule in spec.rules if (rule.direction, rule.deny) == key))


def operations_for(
    context: Context, groups: Sequence[RequirementGroup], requiring: Sequence[RequirementGroup]
) -> Iterator[Operation]:
    """Adds the requirements to the selectors, then drops the fields, and the rules that were nothing else."""
    for group in groups:
        required = [
            requirement
            for other in requiring
            if _shares_pods(context.policy, other, group)
            for requirement in other.requirements
        ]
        if not required:
            continue
        for field in group.narrowed:
            for entry, selector in zip(field.entries, field.selectors, strict=True):
                yield from _narrowed(context, entry, selector, required)
    for group in requiring:
        yield from _dropped(group)


def _shares_pods(policy: Policy, group: RequirementGroup, other: RequirementGroup) -> bool:
    """Whether the requirements of a group hold for another. Raises where that is so for some pods only."""
    first, second = group.rules[0], other.rules[0]
    if (first.direction, first.deny) != (second.direction, second.deny):
        return False
    if group.spec is other.spec or _subject(group.spec) == _subject(other.spec):
        return True
    if not other.narrowed or not may_share_pods(policy, group.spec, policy, other.spec):
        return False
    raise UnclearError("the rule sets of the policy may share some pods; add the requirements where they are meant")


def _subject(spec: Spec) -> object:
    return _conditions(spec.subject), _conditions(spec.node_subject)


def _conditions(selector: Selector | None) -> frozenset[tuple[str, str, tuple[str, ...]]] | None:
    return frozenset(map(_condition, selector.requirements)) if selector else None


def _condition(requirement: Requirement) -> tuple[str, str, tuple[str, ...]]:
    return requirement.written_key, requirement.operator, requirement.values


def _narrowed(
    context: Context, entry: object, selector: Selector | None, required: Sequence[Selector | None]
) -> Iterator[Operation]:
    """The operations that put the requirements into one selector."""
    if selector is None or None in required:
        raise UnclearError("a selector is malformed; correct it first")
    for other in required:
        _check_same_scope(context, selector, other)
    labels, expressions = _additions(selector, [r for selector in required if selector for r in selector.requirements])
    route = selector.route
    if entry is None:
        added: Form = {"matchLabels": labels, "matchExpressions": expressions}
        yield {"op": "replace", "path": route, "value": {name: value for name, value in added.items() if value}}
        return
    own = members_of(entry)
    present = list_of(own.get("matchExpressions"))
    if labels and own.get("matchLabels"):
        for key, value in labels.items():
            yield {"op": "add", "path": f"{route}/matchLabels/{escape_pointer(key)}", "value": value}
    elif labels:
        yield _member(own, route, "matchLabels", labels)
    if expressions and present:
        for number, expression in enumerate(expressions, len(present)):
            yield {"op": "add", "path": f"{route}/matchExpressions/{number}", "value": expression}
    elif expressions:
        yield _member(own, route, "matchExpressions", expressions)


def _additions(selector: Selector, requirements: Sequence[Requirement]) -> tuple[dict[str, str], list[Form]]:
    """What matchLabels and matchExpressions lack of the requirements, in the form in which these are written."""
    known = set(map(_condition, selector.requirements))
    own = {r.written_key for r in selector.requirements if "/matchLabels/" in r.route}
    labels: dict[str, str] = {}
    expressions: list[Form] = []
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


def _member(entry: Mapping[str, object], route: str, name: str, value: object) -> Operation:
    return {"op": "replace" if name in entry else "add", "path": f"{route}/{name}", "value": value}


def _check_same_scope(context: Context, selector: Selector, required: Selector | None) -> None:
    """Raises unless a selector and a requirement mean the same namespaces and clusters with what Cilium adds."""
    assert required is not None
    text = selector_text(selector) or "{}"
    if selector.names_reserved or required.names_reserved:
        raise UnclearError(f"the selector {text} and the requirement match no pod together; say what is meant")
    policy = context.policy
    same = _namespaces(policy, selector) == _namespaces(policy, required)
    if not same and policy.namespace is not None:
        raise UnclearError(
            f"the selector {text} and the requirement {selector_text(required) or '{}'} mean different namespaces, "
            "and match nothing together; say what is meant"
        )
    if context.default_local_cluster(context.from_version) and names_cluster(selector) != names_cluster(required):
        raise UnclearError(f"the selector {text} and the requirement mean different clusters; say what is meant")


def _namespaces(policy: Policy, selector: Selector) -> frozenset[tuple[str, str, tuple[str, ...]]]:
    """The conditions on namespaces, with the one that Cilium adds where there is none."""
    written = [
        (r.key, r.operator, r.values)
        for r in selector.requirements
        if r.key == NAMESPACE_LABEL or r.key.startswith(NAMESPACE_LABELS_PREFIX)
    ]
    return frozenset(written or [(NAMESPACE_LABEL, "In", (policy.namespace or "",))])


def _dropped(group: RequirementGroup) -> Iterator[Operation]:
    """Drops the fields; rules that held nothing else go too, but for one where no other rule is in the list."""
    empty: list[Rule] = []
    for rule in group.rules:
        field = _field(rule, "Requires")
        if field is None:
            continue
        if rule.selects_nobody or any(other.entries for other in rule.peers if other is not field):
            yield {"op": "remove", "path": field.route}
        elif rule.raw.get("toPorts") or rule.raw.get("icmps"):
            raise UnclearError(
                f"a rule with `{field.name}` and ports but no peers allows any peer, today too; name the peers"
            )
        else:
            empty.append(rule)
    if len(empty) == len(group.rules):
        first = empty.pop(0)
        yield from ({"op": "remove", "path": f"{first.route}/{escape_pointer(name)}"} for name in first.raw)
    yield from ({"op": "remove", "path": rule.route} for rule in reversed(empty))
