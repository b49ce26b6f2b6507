"""Whether all policies of the same pods together let a flow pass that one rule does not."""

from __future__ import annotations

from rewriter.cilium.identity import Identity, reserved_identity
from rewriter.cilium.policy import Spec
from rewriter.evidence.context import Context
from rewriter.evidence.reachable import Reach, reach_of

#: The API server on a node of the cluster, and one outside of it.
API_SERVER_NODE = reserved_identity("kube-apiserver")


def reaches(context: Context, spec: Spec) -> tuple[Reach, ...]:
    """What the pods of a rule set may reach (`reach_of`), judged once for each rule set of a policy."""
    key = ("reaches", spec.route, context.to_version, context.cluster.name if context.cluster else None)
    if key not in context.policy.answers:
        context.policy.answers[key] = reach_of(context, spec)
    found: tuple[Reach, ...] = context.policy.answers[key]
    return found


def passes(context: Context, spec: Spec, direction: str, peer: Identity, port: int, protocol: str = "TCP") -> bool:
    """Whether every known pod of a rule set has the flow let through for certain."""
    found = reaches(context, spec)
    answers = [reach.verdict(direction, peer, protocol, port) for reach in found]
    return bool(answers) and all(answer.allowed for answer in answers)
