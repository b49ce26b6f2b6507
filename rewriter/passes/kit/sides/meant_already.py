"""Rules that pods have already and that may be meant for what they do not reach: other passes speak of these."""

from __future__ import annotations

from collections.abc import Sequence

from rewriter.cilium.labels import NAMESPACE_LABEL
from rewriter.cilium.policy import EGRESS
from rewriter.cilium.terms import FqdnTerm, LabelTerm, reserved_term
from rewriter.evidence.reachable import Reach
from rewriter.inventory.facts.model import Workload

#: Entities that hold no pods.
_NO_PODS = (reserved_term("world"), reserved_term("kube-apiserver"))


def names_port(reach: Reach, numbers: Sequence[int]) -> bool:
    """Whether an allow rule that may mean pods names one of the ports: for whom is the question of other passes."""
    every = (rule.entry for rule in (*reach.rules(EGRESS), *reach.possible) if not rule.entry.deny)
    allowing = [entry for entry in every if not all(isinstance(p, FqdnTerm) or p in _NO_PODS for p in entry.peers)]
    return any(
        grant.match.low == number == grant.match.high
        for entry in allowing
        for grant in entry.ports
        for number in numbers
    )


def names_neighbours(reach: Reach, workload: Workload) -> bool:
    """Whether a rule lets the pods out to others of their namespace: it may be meant for a label that is not known."""
    return any(
        isinstance(peer, LabelTerm)
        and any(c.key == NAMESPACE_LABEL and workload.namespace in c.values for c in peer.conditions)
        for rule in (*reach.rules(EGRESS), *reach.possible)
        for peer in rule.entry.peers
        if not rule.entry.deny
    )
