"""Whether all policies of the same pods together let a flow pass that one rule does not."""

from __future__ import annotations

from rewriter.cilium.identity import Identity, reserved_identity
from rewriter.cilium.policy import INGRESS, Spec
from rewriter.evidence.context import Context
from rewriter.evidence.reachable import Reach, reach_of

#: The API server on a node of the cluster, and one outside of it.
API_SERVER_NODE = reserved_identity("kube-apiserver")


def passes(context: Context, spec: Spec, direction: str, peer: Identity, port: int, protocol: str = "TCP") -> bool:
    """Whether every known pod of a rule set has the flow let through for certain."""
    answers = [reach.verdict(direction, peer, protocol, port) for reach in reach_of(context, spec)]
    return bool(answers) and all(answer.allowed for answer in answers)


def lets_nobody_in(reach: Reach, port: int) -> bool:
    """Whether pods are in ingress default deny, and no rule is for a TCP port of theirs, whoever it lets in."""
    if reach.workload is None or reach.hidden or not reach.denied_by_default(INGRESS):
        return False
    named = {other.name: other.number for other in reach.workload.ports}
    for applied in (*reach.rules(INGRESS), *reach.possible, *reach.tiers):
        entry = applied.entry
        if entry.direction != INGRESS or entry.deny:
            continue
        if applied.filled or any(
            named.get(grant.match.name, port) == port if grant.match.name else grant.match.covers("TCP", port, ())
            for grant in entry.ports
        ):
            return False
    return True
