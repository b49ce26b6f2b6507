"""The pods that are known, on which it shows whether the flows of a comparison are flows that exist."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rewriter.cilium.identity import Identity, NamedPort
from rewriter.cilium.policy import INGRESS
from rewriter.cilium.terms import LabelTerm
from rewriter.cilium.universe import Universe
from rewriter.reach.difference import FlowStatement
from rewriter.reach.world import PolicyWorld


class KnownPods:
    """The identities of the pods that are known in the clusters which a cluster's policies concern."""

    __slots__ = ("_universe",)

    def __init__(self, identities: Sequence[Identity]) -> None:
        self._universe = Universe(identities)

    def told_apart(self, own: Iterable[PolicyWorld], worlds: Iterable[PolicyWorld]) -> list[Identity]:
        """One pod for each kind that the worlds distinguish, of those that rules of `own` select or name as peers."""
        universe = self._universe
        concerned = 0
        for world in own:
            for entry in world.entries():
                concerned |= universe.select(entry.subject) | universe.select_any(_pods(entry.peers))
        if not concerned:
            return []
        entries = [entry for world in worlds for entry in world.entries()]
        terms = dict.fromkeys(term for entry in entries for term in (entry.subject, *_pods(entry.peers)))
        conditions = dict.fromkeys(condition for term in terms for condition in term.conditions)
        masks = [universe.meeting(condition) for condition in conditions]
        if any(entry.named for entry in entries):
            masks += self._by_port_names()
        kinds = [concerned]
        for mask in masks:
            kinds = [part for kind in kinds for part in (kind & mask, kind & ~mask) if part]
        return [universe.members(kind & -kind)[0] for kind in kinds]

    def _by_port_names(self) -> list[int]:
        found: dict[tuple[NamedPort, ...], int] = {}
        for position, identity in enumerate(self._universe.identities):
            found[identity.named_ports] = found.get(identity.named_ports, 0) | 1 << position
        return list(found.values())


def _pods(terms: Iterable[object]) -> list[LabelTerm]:
    return [term for term in terms if isinstance(term, LabelTerm)]


def unknown_ends(statement: FlowStatement) -> str:
    """Which ends of a flow are pods of which none is known, in words; empty where both ends exist.

    The statement is one of a comparison that the known pods take part in.
    """
    subject = bool(statement.subject_workloads) or statement.subject_is_there
    peers = bool(statement.peer_workloads) or statement.peers_are_there
    ends = (subject, peers) if statement.direction != INGRESS else (peers, subject)
    missing = [name for name, known in zip(("source", "destination"), ends, strict=True) if not known]
    return f"no such {' or '.join(missing)} is known" if missing else ""
