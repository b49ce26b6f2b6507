"""What a comparison says: the flows that one world allows and the other does not."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from rewriter.cilium.policy import EGRESS, INGRESS
from rewriter.reach.port_line import PortRange
from rewriter.records import dataclass
from rewriter.text import join_names

OPENED = "opened"
CLOSED = "closed"


@dataclass(frozen=True, slots=True, order=True)
class FlowStatement:
    """Flows of one direction that changed alike: between a subject and each of the peers, on the ports.

    `subject_workloads` and `peer_workloads` are the identities of the inventory among them, by name. `port_ranges`
    are the ports again, for programs: none means every port. `limits` says which part of the traffic changed where L7
    rules or authentication are at work, and is empty where all did. `subject_is_there` and `peers_are_there` say that
    something other than pods is among them, which every cluster has: nodes, other built-in identities, the world.
    """

    change: str
    direction: str
    subject: str
    peers: tuple[str, ...]
    ports: str
    limits: str = ""
    subject_workloads: tuple[str, ...] = ()
    peer_workloads: tuple[str, ...] = ()
    port_ranges: tuple[PortRange, ...] = ()
    subject_is_there: bool = field(default=False, compare=False)
    peers_are_there: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        peers = join_phrases(self.peers)
        ends = f"to {self.subject} from {peers}" if self.direction == INGRESS else f"from {self.subject} to {peers}"
        tail = f", {self.limits}" if self.limits else ""
        return f"{self.direction} {ends} on {self.ports}{tail}"

    def as_json(self) -> dict[str, Any]:
        """The statement with its parts, for reports."""
        return {
            "change": self.change,
            "direction": self.direction,
            "subject": self.subject,
            "peers": list(self.peers),
            "ports": self.ports,
            "portRanges": [found._asdict() for found in self.port_ranges],
            "limits": self.limits,
            "subjectWorkloads": list(self.subject_workloads),
            "peerWorkloads": list(self.peer_workloads),
            "text": str(self),
        }


@dataclass(frozen=True, slots=True)
class Enforcement:
    """Identities for which default deny began or ended in a direction."""

    direction: str
    subject: str
    workloads: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.direction} of {self.subject}"


@dataclass(frozen=True, slots=True)
class Difference:
    """The flows that the second world opens and closes, and where it begins or ends to deny by default.

    `exact` says that every combination of the labels in question was tried; else witnesses of every selection were.
    """

    opened: tuple[FlowStatement, ...] = ()
    closed: tuple[FlowStatement, ...] = ()
    enforced: tuple[Enforcement, ...] = ()
    released: tuple[Enforcement, ...] = ()
    exact: bool = True

    def __bool__(self) -> bool:
        return bool(self.opened or self.closed)


NO_DIFFERENCE = Difference()


#: Identities that have the name of an entity: `ingress` alone could be read as the direction.
_ENTITIES = frozenset({"health", "host", "ingress", "init", "kube-apiserver", "remote-node", "unmanaged"})


def join_phrases(parts: tuple[str, ...]) -> str:
    """`a`, `a and b`, `a, b and c`; semicolons where the parts have commas; entities come last, and are called so."""
    entities = [part for part in parts if part in _ENTITIES]
    phrases = [part for part in parts if part not in _ENTITIES]
    if entities:
        phrases.append(f"the {'entity' if len(entities) == 1 else 'entities'} {join_names(entities, most=None)}")
    if any("," in part for part in phrases[:-1]):
        return f"{'; '.join(phrases[:-1])}; and {phrases[-1]}"
    return join_names(phrases, most=None)


DIRECTIONS = (INGRESS, EGRESS)
