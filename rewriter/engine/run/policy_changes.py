"""What a rewrite by hand changes in the policies themselves: rules that come, go or change, with their places."""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.cilium.policy import Policy, Rule
from rewriter.engine.run.impact_result import GONE, NEW, PolicyChange, RewrittenPolicy
from rewriter.engine.run.rewrites import Rewrite
from rewriter.text import rule_text
from rewriter.yamltext.differences import ADDED, CHANGED, REMOVED, ValueDifference, differences

_RULE_LISTS = ("ingress", "ingressDeny", "egress", "egressDeny")


def rewritten_policy(rewrite: Rewrite) -> RewrittenPolicy | None:
    """What a rewrite changes in a policy; None where it leaves the policy as it was."""
    old, new, located = rewrite.old, rewrite.new, rewrite.located
    if old is new:
        return None
    line = located.document.line_of(located.policy.route)
    if old is None or new is None:
        return RewrittenPolicy(located, line, GONE if old else NEW, ())
    return RewrittenPolicy(located, line, "", tuple(_changes(old, new)))


def _changes(old: Policy, new: Policy) -> Iterator[PolicyChange]:
    old_rules, new_rules = _rules(old), _rules(new)
    for difference in differences(old.raw, new.raw):
        for single in _single_rules(difference):
            known = old_rules if single.change == REMOVED else new_rules
            rule = known.get(single.pointer)
            words = rule_text(rule) if rule else ""
            if rule and single.change == CHANGED:
                was = next((before for before in old_rules.values() if before.raw == single.old), None)
                words = f"{rule_text(was)} → {words}" if was else ""
            yield PolicyChange(single, words)


def _rules(policy: Policy) -> dict[str, Rule]:
    """The rules by their pointers in the manifest."""
    return {rule.route.removeprefix(policy.route): rule for rule in policy.rules()}


def _single_rules(difference: ValueDifference) -> Iterator[ValueDifference]:
    """A list of rules that comes or goes as its rules; any other difference as it is."""
    added = difference.change == ADDED
    value = difference.new if added else difference.old
    in_rule_list = bool(difference.steps) and difference.steps[-1] in _RULE_LISTS
    if difference.change == CHANGED or not (in_rule_list and isinstance(value, list) and value):
        yield difference
        return
    for index, rule in enumerate(value):
        old, new = (None, rule) if added else (rule, None)
        yield ValueDifference(difference.change, (*difference.steps, index), old, new)
