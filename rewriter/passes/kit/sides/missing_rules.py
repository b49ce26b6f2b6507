"""At which policy of many a missing rule is reported, and where in it."""

from __future__ import annotations

from rewriter.cilium.policy import Spec
from rewriter.evidence.context import Context
from rewriter.evidence.policies import AppliedRule, is_same_policy
from rewriter.evidence.reachable import Reach
from rewriter.text import policy_text


def stands_here(context: Context, spec: Spec, reach: Reach, direction: str) -> bool:
    """Whether, of all that put a workload into default deny, this rule set is the one at which a rule is missing.

    That is the policy that is most the workload's own: not clusterwide, with allow rules, with the narrowest subject.
    """
    denying = [rule for rule in reach.rules(direction) if rule.entry.default_deny and not rule.entry.subject_is_node]
    if not denying or reach.hidden:
        return False
    allowing = {id(r.policy) for r in reach.rules(direction) if not r.entry.deny and r.entry.peers and r.entry.ports}

    def rank(rule: AppliedRule) -> tuple[object, ...]:
        own = -len(rule.entry.subject.conditions)
        where = (policy_text(rule.policy), rule.entry.route)
        return rule.policy.clusterwide, id(rule.policy) not in allowing, own, where

    chosen = min(denying, key=rank)
    return is_same_policy(chosen.policy, context.policy) and chosen.entry.route.startswith(spec.route)


def route_of(spec: Spec, direction: str) -> str:
    return f"{spec.route}/{direction}" if direction in spec.members else spec.route
