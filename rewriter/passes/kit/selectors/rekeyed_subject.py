"""What a policy does once the key of its subject is set right."""

from __future__ import annotations

from dataclasses import replace

from rewriter.cilium.nodes import DefaultDeny
from rewriter.cilium.policy import EGRESS, INGRESS, Policy, Spec
from rewriter.cilium.selector import Requirement
from rewriter.evidence.context import Context
from rewriter.evidence.reachable import reach_of
from rewriter.finding import FlowClaim, Operation
from rewriter.passes.kit.changes.change import Change
from rewriter.passes.kit.changes.claims import all_other, rules_flows
from rewriter.passes.kit.changes.forms import Form, as_written, members_of, with_specs
from rewriter.passes.kit.enforced.enforcement import denies_more
from rewriter.passes.kit.selectors.label_sources import RightKey, subject_with_key
from rewriter.passes.kit.sides.deny_effects import pods_cut_off
from rewriter.records import dataclass
from rewriter.text import join_names, subject_text


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """The change, and what its deny rules alone would have shut of the pods (CNP023), in words that follow others."""

    change: Change
    shut: str = ""


def rekeyed(context: Context, spec: Spec, requirement: Requirement, right: RightKey) -> Rekeyed | None:
    """The old subject is free, the new one is under the rules; None where what it does to the pods is not known.

    Where deny rules would put the pods into default deny, and no policy lets anything through, that is turned off in
    the same step: the next run would find it, and the pods would be shut until then.
    """
    after, new = _with(context, spec, requirement, right.key, {})
    applied = replace(context, policy=after)
    denying = {rule.direction for rule in spec.rules if rule.deny}
    reaches = reach_of(applied, new) if denying else ()
    if denying and (not reaches or any(reach.hidden for reach in reaches)):
        return None
    cut_off = {
        direction: found for direction in sorted(denying) if (found := pods_cut_off(applied, new, reaches, direction))
    }
    if not cut_off:
        return Rekeyed(_change(context, spec, after, new, right.operations))
    off = dict.fromkeys(cut_off, False)
    after, new = _with(context, spec, requirement, right.key, off)
    pods = join_names({str(reach.workload): None for found in cut_off.values() for reach in found if reach.workload})
    shut = f"; its deny rules alone would shut all {join_names(cut_off)} of {pods}, which the fix turns off"
    operations = (*right.operations, *_turned_off(spec, off))
    return Rekeyed(_change(context, spec, after, new, operations), shut)


def _with(
    context: Context, spec: Spec, requirement: Requirement, key: str, off: dict[str, bool]
) -> tuple[Policy, Spec]:
    """The policy with the other key, and default deny off in some directions; and the rule set in it."""

    def rule_set(other: Spec) -> Form:
        if other is not spec:
            return as_written(other)
        form = subject_with_key(other, requirement, key)
        return {**form, "enableDefaultDeny": {**members_of(form.get("enableDefaultDeny")), **off}} if off else form

    after = with_specs(context.policy, rule_set)
    return after, next(other for other in after.specs if other.route == spec.route)


def _turned_off(spec: Spec, off: dict[str, bool]) -> tuple[Operation, ...]:
    written = spec.default_deny
    if isinstance(written, DefaultDeny):
        return tuple({"op": "add", "path": f"{written.route}/{name}", "value": value} for name, value in off.items())
    return ({"op": "add", "path": f"{spec.route}/enableDefaultDeny", "value": off},)


def _change(context: Context, spec: Spec, after: Policy, new: Spec, operations: tuple[Operation, ...]) -> Change:
    policy = context.policy
    opens: list[FlowClaim] = []
    closes: list[FlowClaim] = []
    for direction in (INGRESS, EGRESS):
        rules = [rule for rule in new.rules if rule.direction == direction]
        if not rules:
            continue
        always = not denies_more(context, spec)
        if not always or any(rule.deny for rule in rules):
            opens.append(all_other(f"{direction} of {subject_text(policy, spec)}", spec, direction))
        allowing = [rule for rule in rules if not rule.deny]
        if allowing:
            words = f"{direction} of {subject_text(after, new)} that the rules allow"
            allowed = rules_flows(words, new, direction, allowing, after)
            opens.append(replace(allowed, rest=len(allowing) < len(rules)))
            if always:
                old = [rule for rule in spec.rules if rule.direction == direction and not rule.deny]
                words = f"{direction} of {subject_text(policy, spec)} that the rules allow"
                closes.append(rules_flows(words, spec, direction, old))
        if not always or any(rule.deny for rule in rules):
            closes.append(_of(all_other(f"all other {direction} of {subject_text(after, new)}", new, direction), after))
    return Change(operations, tuple(opens), tuple(closes))


def _of(declared: FlowClaim, policy: Policy) -> FlowClaim:
    return FlowClaim(declared.words, declared.direction, declared.spec, rest=declared.rest, policy=policy)
