"""What a repair of a manifest does: whether the result is accepted, how far it may be trusted, and its flows.

A repair is a handful of operations on what no release takes as it is: a field that the API does not have, a value that
every parser rejects. The pass that makes it says so with `Repaired`, and asks no other pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace

from rewriter.cilium.policy import Policy, Rule, Spec, read_policy
from rewriter.cilium.validation import Rejection
from rewriter.evidence.context import Context
from rewriter.finding import Applicability, FlowClaim, Operation
from rewriter.passes.kit.changes.change import Change
from rewriter.passes.kit.changes.claims import rule_flows
from rewriter.passes.kit.changes.forms import Form, members_of
from rewriter.passes.kit.enforced.enforcement import rejected, rejected_today, switched_on
from rewriter.passes.kit.enforced.upgrade_semantics import changed_by_upgrade
from rewriter.records import dataclass
from rewriter.text import subject_text

_ALWAYS_HARMLESS = frozenset({"metadata", "apiVersion", "kind", "status"})
_HARMLESS_IN_SPEC = frozenset({"description", "labels", "log"})


@dataclass(frozen=True, slots=True)
class Repaired:
    """A manifest after a repair: how far the repair may be trusted, what it changes, and what it rests on.

    `rejected` is why the target release rejects the result all the same (None: it does not).
    """

    policy: Policy
    applicability: Applicability
    change: Change
    evidence: tuple[str, ...] = ()
    rejected: Rejection | None = None


def repaired(
    context: Context, route: str, operations: Sequence[Operation], *, narrows: bool = False, same: bool = False
) -> Repaired:
    """What operations at a route do to the policy of a context.

    `narrows` says that an allow rule means less with them than without, `same` that no flow changes as the releases
    read it. A policy that no release enforces wakes up: unsafe, with what it then opens and closes.
    """
    policy = context.policy
    fixed = read_policy(applied(policy.raw, operations, policy.route), namespace=policy.namespace, base=policy.route)
    still = rejected(fixed, context.to_version, context.flags)
    if still is not None:
        return Repaired(fixed, Applicability.MANUAL, Change(tuple(operations)), (), still)
    after = replace(context, policy=fixed)
    if rejected_today(context) is not None:
        changes = switched_on(after)
        change = Change(tuple(operations), _of(changes.opens, fixed), _of(changes.closes, fixed))
        return Repaired(fixed, Applicability.UNSAFE, change, changes.evidence)
    if rejected(policy, context.to_version, context.flags) is not None and not narrows:
        kept = changed_by_upgrade(after)
        moves = bool(kept.opens or kept.closes)
        change = Change(tuple(operations), _of(kept.opens, fixed), _of(kept.closes, fixed))
        return Repaired(fixed, Applicability.EVIDENT if moves else Applicability.SAFE, change)
    if same or _harmless(route.removeprefix(policy.route)):
        return Repaired(fixed, Applicability.SAFE, Change(tuple(operations)))
    found = rule_at(policy, route)
    if found is None:
        return Repaired(fixed, Applicability.UNSAFE, _any_flow(context, fixed, route, operations))
    spec, rule = found
    # What the rule means both ways stays as it is: the rest is what it means one way alone.
    lost = replace(rule_flows(context, spec, rule, "the peers of the rule without the field"), rest=True)
    new = next((other for other in fixed.rules() if other.route == rule.route), rule)
    gained = replace(rule_flows(context, spec, new, "the peers of the rule with it"), rest=True)
    if narrows and not rule.deny:
        # Requests under a narrower limit are flows under another one: they stand for those under the wider one.
        limited = (gained,) if "/rules/http/" in route else ()
        return Repaired(fixed, Applicability.EVIDENT, Change(tuple(operations), limited, (lost,)))
    opens, closes = (lost, gained) if rule.deny else (gained, lost)
    return Repaired(fixed, Applicability.UNSAFE, Change(tuple(operations), (opens,), (closes,)))


def rule_at(policy: Policy, route: str) -> tuple[Spec, Rule] | None:
    """The rule that a route leads into, with its rule set."""
    for spec in policy.specs:
        for rule in spec.rules:
            if route == rule.route or route.startswith(f"{rule.route}/"):
                return spec, rule
    return None


def applied(manifest: Mapping[str, object], operations: Iterable[Operation], base: str) -> Form:
    """A manifest with operations (add, remove, replace, move) made in it; `base` is its own route."""
    made: Form = deepcopy(dict(manifest))
    for operation in operations:
        kind = operation["op"]
        value = deepcopy(operation.get("value"))
        if kind == "move":
            value = _take(made, operation["from"].removeprefix(base))
        path = operation["path"].removeprefix(base)
        if kind == "remove":
            _take(made, path)
            continue
        parent, token = _parent(made, path)
        if isinstance(parent, list):
            index = len(parent) if token == "-" else int(token)
            parent[index : index + (kind == "replace")] = [value]
        else:
            members_of(parent)[token] = value
    return made


def _parent(value: object, path: str) -> tuple[object, str]:
    tokens = [token.replace("~1", "/").replace("~0", "~") for token in path.split("/")[1:]]
    for token in tokens[:-1]:
        value = value[int(token)] if isinstance(value, list) else members_of(value)[token]
    return value, tokens[-1]


def _take(value: object, path: str) -> object:
    parent, token = _parent(value, path)
    return parent.pop(int(token)) if isinstance(parent, list) else members_of(parent).pop(token)


def _harmless(route: str) -> bool:
    """Whether what stands at a route of the manifest decides no flow."""
    tokens = route.split("/")[1:]
    if not tokens or tokens[0] in _ALWAYS_HARMLESS:
        return True
    inner = tokens[1:] if tokens[0] == "spec" else tokens[2:]
    return bool(inner) and inner[0] in _HARMLESS_IN_SPEC


def _any_flow(context: Context, fixed: Policy, route: str, operations: Sequence[Operation]) -> Change:
    """A change of a whole rule set: whatever it allows and denies."""
    opens: list[FlowClaim] = []
    closes: list[FlowClaim] = []
    for policy in (context.policy, fixed):
        for spec in policy.specs:
            words = f"flows of {subject_text(policy, spec)}"
            for flows in (opens, closes):
                flows.append(FlowClaim(words, "", spec.route, rest=True, policy=policy))
    return Change(tuple(operations), tuple(opens), tuple(closes))


def _of(flows: Iterable[FlowClaim], policy: Policy) -> tuple[FlowClaim, ...]:
    """Flows that are declared of rule sets of another policy than the finding's own."""
    return tuple(replace(flow, policy=flow.policy or policy) for flow in flows)
