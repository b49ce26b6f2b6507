"""Whether one of many rules says as much as another: found by what its peers ask for, not by trying all of them.

Peers that ask for one value of a label lie under that value, ranges of addresses under their prefix. What asks in
another way is tried each time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from typing import NamedTuple

from rewriter.cilium.cidr import Prefix
from rewriter.cilium.compile import Entry, PortGrant
from rewriter.cilium.labels import ANY, CLUSTER_LABEL, K8S, NAMESPACE_LABEL, NAMESPACE_NAME_KEY
from rewriter.cilium.ports import ANY_PROTOCOL, EVERYTHING, PORT_PROTOCOLS, PortMatch
from rewriter.cilium.terms import CidrTerm, Condition, LabelTerm, Term

#: The label of a namespace's own name is the namespace, on every pod.
_SAME = {NAMESPACE_NAME_KEY: NAMESPACE_LABEL}
_NAMESPACE = frozenset({NAMESPACE_NAME_KEY, NAMESPACE_LABEL})


class _Held(NamedTuple):
    """A peer, the ports beside it, and which rule both are of."""

    owner: int
    peer: Term
    ports: tuple[PortGrant, ...]


class Covering:
    """Entries of rules, each added with a number that says which rule it is of."""

    __slots__ = ("_any", "_by_prefix", "_by_term", "_by_value", "_sizes")

    def __init__(self) -> None:
        self._any: list[_Held] = []
        self._by_value: dict[tuple[str, str], list[_Held]] = {}
        self._by_prefix: dict[Prefix, list[_Held]] = {}
        self._by_term: dict[Term, list[_Held]] = {}
        self._sizes: set[tuple[int, int]] = set()

    def add(self, owner: int, entries: Iterable[Entry]) -> None:
        for entry in entries:
            for peer in entry.peers:
                self._put(_Held(owner, peer, entry.ports))

    def covers(self, wanted: Iterable[Entry], *, but: int) -> bool:
        """Whether each peer and port that is wanted is in one of the entries, those of the rule `but` left out.

        What allows nothing is not covered.
        """
        pairs = [pair for entry in wanted for pair in product(entry.peers, entry.ports)]
        return bool(pairs) and all(self.covers_pair(peer, grant, but=but) for peer, grant in pairs)

    def owners(self, peer: Term, grant: PortGrant) -> set[int]:
        """The rules that have a peer with its ports."""
        return {
            held.owner for held in self._likely(peer) if _any_covers(held.ports, grant) and term_covers(held.peer, peer)
        }

    def covers_pair(self, peer: Term, grant: PortGrant, *, but: int) -> bool:
        """Whether a peer with its ports is in one of the entries."""
        for held in self._likely(peer):
            if held.owner != but and _any_covers(held.ports, grant) and term_covers(held.peer, peer):
                return True
        return False

    def _put(self, held: _Held) -> None:
        peer = held.peer
        if isinstance(peer, CidrTerm):
            self._sizes.add((peer.prefix.width, peer.prefix.bits))
            self._by_prefix.setdefault(peer.prefix, []).append(held)
        elif not isinstance(peer, LabelTerm):
            self._by_term.setdefault(peer, []).append(held)
        elif (telling := self._telling(peer)) is not None:
            for value in telling.values:
                self._by_value.setdefault((_SAME.get(telling.key, telling.key), value), []).append(held)
        else:
            self._any.append(held)

    def _telling(self, peer: LabelTerm) -> Condition | None:
        """The condition under which a peer is found: the one under which the fewest others lie.

        Every peer has the namespace, and many have a label of their team; what is covered has each of the conditions.
        """
        listed = [condition for condition in peer.conditions if condition.operator == "In" and condition.values]
        return min(listed, key=self._crowd, default=None)

    def _crowd(self, condition: Condition) -> int:
        key = _SAME.get(condition.key, condition.key)
        return sum(len(self._by_value.get((key, value), ())) for value in condition.values)

    def _likely(self, peer: Term) -> Iterator[_Held]:
        """All entries' peers that may cover a peer: those that do not share with it what they lie under cannot."""
        yield from self._any
        if isinstance(peer, CidrTerm):
            width, network, bits = peer.prefix
            for size in sorted(self._sizes):
                if size[0] == width and size[1] <= bits:
                    shift = width - size[1]
                    yield from self._by_prefix.get(Prefix(width, network >> shift << shift, size[1]), ())
        elif not isinstance(peer, LabelTerm):
            yield from self._by_term.get(peer, ())
        elif any(condition.operator == "In" and not condition.values for condition in peer.conditions):
            for every in self._by_value.values():  # What no value meets is less than anything.
                yield from every
        else:
            for condition in peer.conditions:
                if condition.operator == "In":
                    key = _SAME.get(condition.key, condition.key)
                    yield from self._by_value.get((key, condition.values[0]), ())


def _any_covers(ports: Iterable[PortGrant], narrow: PortGrant) -> bool:
    return any(grant_covers(wide, narrow) for wide in ports)


def term_covers(wide: Term, narrow: Term) -> bool:
    """Whether all that one peer selects another does too."""
    if isinstance(wide, LabelTerm):
        if not wide.conditions:
            return True
        conditions = narrow.conditions if isinstance(narrow, LabelTerm) else ()
        return all(any(_implies(given, needed) for given in conditions) for needed in wide.conditions)
    if isinstance(wide, CidrTerm) and isinstance(narrow, CidrTerm):
        excepted = all(any(other.contains(one) for other in narrow.exceptions) for one in wide.exceptions)
        return wide.prefix.contains(narrow.prefix) and excepted
    return wide == narrow


def _implies(given: Condition, needed: Condition) -> bool:
    if given.key != needed.key and not (given.key in _NAMESPACE and needed.key in _NAMESPACE):
        return False
    if _source(needed) not in (ANY, _source(given)):
        return False
    match needed.operator:
        case "In":
            return given.operator == "In" and set(given.values) <= set(needed.values)
        case "Exists":
            return given.operator in ("In", "Exists")
        case "NotIn":
            if given.operator == "In":
                return not set(given.values) & set(needed.values)
            return given.operator == "DoesNotExist" or (
                given.operator == "NotIn" and set(needed.values) <= set(given.values)
            )
        case _:
            return given.operator == "DoesNotExist"


def _source(condition: Condition) -> str:
    """The source of a key; Cilium's own are `k8s` however they are written."""
    return K8S if condition.key in (NAMESPACE_LABEL, NAMESPACE_NAME_KEY, CLUSTER_LABEL) else condition.source


def grant_covers(wide: PortGrant, narrow: PortGrant) -> bool:
    """Whether all ports of one grant are ports of another, with no more demanded of them."""
    return wide.limits in ((), narrow.limits) and _ports_cover(wide.match, narrow.match)


def _ports_cover(wide: PortMatch, narrow: PortMatch) -> bool:
    if wide == EVERYTHING:
        return True
    if wide.protocol != narrow.protocol and not (wide.protocol == ANY_PROTOCOL and narrow.protocol in PORT_PROTOCOLS):
        return False
    if wide.name or narrow.name:
        return wide.name == narrow.name or (not wide.name and (wide.low, wide.high) == (0, EVERYTHING.high))
    return wide.low <= narrow.low and narrow.high <= wide.high
