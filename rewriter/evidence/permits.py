"""Whether all policies of the same pods together let a flow pass that one rule does not."""

from __future__ import annotations

from rewriter.cilium.identity import Identity, reserved_identity
from rewriter.cilium.policy import Spec
from rewriter.evidence.context import Context
from rewriter.evidence.reachable import reach_of

#: The API server on a node of the cluster, and one outside of it.
API_SERVER_NODE = reserved_identity("kube-apiserver")


def passes(context: Context, spec: Spec, direction: str, peer: Identity, port: int, protocol: str = "TCP") -> bool:
    """Whether every known pod of a rule set has the flow let through for certain."""
    answers = [reach.verdict(direction, peer, protocol, port) for reach in reach_of(context, spec)]
    return bool(answers) and all(answer.allowed for answer in answers)
