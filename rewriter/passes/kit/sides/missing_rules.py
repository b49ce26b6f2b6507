"""At which policy of many a missing rule is reported, and where in it."""

from __future__ import annotations

from rewriter.cilium.policy import Spec
from rewriter.evidence.context import Context
from rewriter.evidence.policies import is_same_policy
from rewriter.evidence.reachable import Reach


def stands_here(context: Context, spec: Spec, reach: Reach, direction: str) -> bool:
    """Whether, of all that put a workload into default deny, this rule set is the one at which a rule is missing.

    That is the policy that is most the workload's own: not clusterwide, with allow rules, with the narrowest subject.
    """
    chosen = None if reach.hidden else reach.most_own(direction)
    if chosen is None:
        return False
    return is_same_policy(chosen.policy, context.policy) and chosen.entry.route.startswith(spec.route)


def route_of(spec: Spec, direction: str) -> str:
    return f"{spec.route}/{direction}" if direction in spec.members else spec.route
