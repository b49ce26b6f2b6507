"""Flows between workloads of a mesh that pass in one state and not in another, both directions taken together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from rewriter.cilium.identity import Identity, NamedPort
from rewriter.cilium.labels import CLUSTER_LABEL
from rewriter.cilium.policy import EGRESS, INGRESS
from rewriter.cilium.policy_set import match_entries, match_tiers, narrow_required
from rewriter.cilium.settings import Settings
from rewriter.cilium.terms import pods_with
from rewriter.cilium.universe import Universe, positions
from rewriter.cilium.verdict import universe_for
from rewriter.reach.difference import CLOSED, OPENED
from rewriter.reach.port_line import PortLine, PortRange, PortSet, intersection, normalised
from rewriter.reach.port_names import with_numbers
from rewriter.reach.side import Masks, RuleBits, SubjectDefaults, by_peers, let_through
from rewriter.reach.world import PolicyWorld
from rewriter.records import dataclass

_BEFORE, _AFTER = 0, 1


class Member(NamedTuple):
    """A cluster: the policies in force there before and after.

    `within` are the clusters whose pods are pods to it, itself and those meshed with it; None where all are.
    """

    before: PolicyWorld
    after: PolicyWorld
    within: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, order=True)
class PairChange:
    """Workloads between which flows opened or closed: from each source to each destination, on the ports.

    `port_ranges` are the ports for programs: none means every port.
    """

    change: str
    sources: tuple[str, ...]
    destinations: tuple[str, ...]
    ports: str
    port_ranges: tuple[PortRange, ...] = ()

    @property
    def count(self) -> int:
        """The number of pairs."""
        return len(self.sources) * len(self.destinations)


@dataclass(frozen=True, slots=True)
class MeshDifference:
    """What differs between workloads. `released` are those that the policies select before and none does after."""

    pairs: tuple[PairChange, ...] = ()
    released: tuple[str, ...] = ()


def compare_mesh(members: Sequence[Member], identities: Iterable[Identity]) -> MeshDifference:
    """The pairs of workloads whose flows change: egress as the source's cluster judges it, ingress the destination's.

    Workloads with the same labels and named ports are treated as one; the cost follows the distinct ones and the rules
    that change, not the number of pairs. What L7 rules let through in part counts as passing.
    """
    return _compared(members, *_distinct(identities)).result()


def changes_rules(members: Sequence[Member], identities: Iterable[Identity]) -> tuple[MeshDifference, bool]:
    """As `compare_mesh`, and whether the rules of any workload let other flows through than before.

    While those of no workload do, no pairs change, whatever the rules of others are.
    """
    compared = _compared(members, *_distinct(identities))
    return compared.result(), compared.changes


def _distinct(
    identities: Iterable[Identity],
) -> tuple[dict[tuple[object, ...], list[str]], dict[tuple[object, ...], Identity]]:
    """The names of the identities of the same labels and named ports, and one of them."""
    names: dict[tuple[object, ...], list[str]] = {}
    distinct: dict[tuple[object, ...], Identity] = {}
    for identity in identities:
        key = (identity.labels, identity.named_ports)
        names.setdefault(key, []).append(identity.name)
        distinct.setdefault(key, identity)
    return names, distinct


def _compared(
    members: Sequence[Member],
    names: dict[tuple[object, ...], list[str]],
    distinct: dict[tuple[object, ...], Identity],
) -> _Comparison:
    return _Comparison(members, list(distinct.values()), [tuple(sorted(set(found))) for found in names.values()])


@dataclass(slots=True)
class _Class:
    """Subjects to which the same rules apply, and whom they let through before and after, by atom of the ports.

    `within` are the pods that are pods to them.
    """

    subjects: int
    within: int
    masks: list[Masks]
    spans: Mapping[int, PortSet]


class _Rectangle(NamedTuple):
    change: str
    sources: int
    destinations: int
    ports: PortSet


class _Comparison:
    def __init__(self, members: Sequence[Member], identities: list[Identity], names: list[tuple[str, ...]]) -> None:
        self._names = names
        self._universe = Universe(identities)
        self._by_address: dict[tuple[bool, bool], Universe] = {(False, False): self._universe}
        self._given = [(1 << position, identity) for position, identity in enumerate(identities)]
        worlds = [world for member in members for world in (member.before, member.after)]
        port_names = {grant.match.name for world in worlds for entry in world.entries() for grant in entry.ports}
        self._line = PortLine(tuple(sorted(filter(None, port_names))))
        self._selected = [0, 0]
        self._classes: dict[str, list[_Class]] = {INGRESS: [], EGRESS: []}
        for member in members:
            self._add(member)

    @property
    def changes(self) -> bool:
        """Whether the rules of any workload let other flows through than before."""
        return any(
            class_.masks[_BEFORE] != class_.masks[_AFTER] for found in self._classes.values() for class_ in found
        )

    def result(self) -> MeshDifference:
        rectangles = [*self._rectangles(INGRESS, EGRESS), *self._rectangles(EGRESS, INGRESS)]
        pairs = [
            PairChange(
                found.change,
                self._named(found.sources),
                self._named(found.destinations),
                self._line.text(found.ports),
                self._line.ranges(found.ports),
            )
            for found in _merged(rectangles)
        ]
        released = self._named(self._selected[_BEFORE] & ~self._selected[_AFTER])
        return MeshDifference(tuple(sorted(pairs)), released)

    def _add(self, member: Member) -> None:
        """Takes in the classes of one cluster's workloads."""
        always = any(policies.settings.denies_everybody for policies in member.after.sets)
        own = self._universe.select(pods_with(CLUSTER_LABEL, member.after.local_cluster))
        within = self._universe.all
        if member.within is not None:
            within = self._universe.select_any(pods_with(CLUSTER_LABEL, name) for name in member.within)
        groups: dict[str, dict[int, tuple[set[RuleBits], set[RuleBits]]]] = {INGRESS: {}, EGRESS: {}}
        for which, world in enumerate((member.before, member.after)):
            loaded = [
                item
                for policies in world.sets
                for item in with_numbers(
                    [
                        *match_entries(policies, self._universe_for(policies.settings)),
                        *match_tiers(policies, self._universe_for(policies.settings)),
                    ],
                    policies.settings.version,
                    policies.named_ports,
                    self._given,
                    0,
                )
            ]
            for item in narrow_required(loaded, self._universe):
                entry, subjects = item.entry, item.subjects & own
                if subjects:
                    self._selected[which] |= subjects if entry.tier is None else 0
                    rule = RuleBits(entry.deny, entry.default_deny, item.peers, entry.ports, entry.tier)
                    groups[entry.direction].setdefault(subjects, (set(), set()))[which].add(rule)
        for direction, found in groups.items():
            if always:
                found.setdefault(own, (set(), set()))
            self._classes[direction] += self._classed(direction, found, within, always=always)

    def _universe_for(self, settings: Settings) -> Universe:
        key = (settings.cidr_match_nodes, settings.matches_pods_by_address)
        if key not in self._by_address:
            self._by_address[key] = universe_for(self._universe.identities, settings)
        return self._by_address[key]

    def _classed(
        self, direction: str, groups: Mapping[int, tuple[set[RuleBits], set[RuleBits]]], within: int, *, always: bool
    ) -> Iterator[_Class]:
        names_used = bool(self._line.names)
        members: dict[int, list[int]] = {}
        for index, subjects in enumerate(groups):
            for position in positions(subjects):
                members.setdefault(position, []).append(index)
        classes: dict[tuple[tuple[int, ...], tuple[NamedPort, ...]], int] = {}
        for position, indexes in members.items():
            ports = self._universe.identities[position].named_ports if names_used and direction == INGRESS else ()
            key = (tuple(indexes), ports)
            classes[key] = classes.get(key, 0) | 1 << position
        sides = list(groups.values())
        for (chosen, ports), subjects in classes.items():
            rules = [frozenset[RuleBits]().union(*(sides[index][which] for index in chosen)) for which in range(2)]
            defaults = SubjectDefaults(
                everyone=self._universe.all,
                always_allowed=0,
                always_denied=always,
                line=self._line,
                named_ports=ports,
                ports_complete=direction == INGRESS,
            )
            atoms, masks = let_through(rules, defaults)
            spans = {atom: normalised(atoms.intervals([atom])) for atom in range(len(atoms.starts))}
            yield _Class(subjects, within, masks, spans)

    def _rectangles(self, direction: str, opposite: str) -> Iterator[_Rectangle]:
        """What changes by a direction, as far as the opposite lets it pass; what both change counts as ingress."""
        for class_ in self._classes[direction]:
            before, after = class_.masks
            if before == after:
                continue
            for change, first, second in ((OPENED, before, after), (CLOSED, after, before)):
                changed = {
                    atom: mask & ~first[atom] & class_.within
                    for atom, mask in second.items()
                    if mask & ~first[atom] & class_.within
                }
                for peers, atoms in by_peers(changed):
                    ports = _ports(class_, atoms)
                    for ours, theirs, shared in self._passing(opposite, change, class_.subjects, peers, ports):
                        ends = (theirs, ours) if direction == INGRESS else (ours, theirs)
                        yield _Rectangle(change, *ends, shared)

    def _passing(
        self, opposite: str, change: str, subjects: int, peers: int, ports: PortSet
    ) -> Iterator[tuple[int, int, PortSet]]:
        """The parts of subjects and peers for which the opposite direction is open too."""
        rest = peers
        for other in self._classes[opposite]:
            concerned = other.subjects & peers
            if not concerned:
                continue
            rest &= ~concerned
            open_there = other.masks[_AFTER if change == OPENED else _BEFORE]
            if opposite == INGRESS:
                open_there = {
                    atom: mask & other.masks[_AFTER if change == CLOSED else _BEFORE][atom]
                    for atom, mask in open_there.items()
                }
            for ours, atoms in by_peers(
                {atom: mask & subjects for atom, mask in open_there.items() if mask & subjects}
            ):
                shared = intersection(ports, _ports(other, atoms))
                if shared:
                    yield ours, concerned, shared
        if rest:
            yield subjects, rest, ports

    def _named(self, mask: int) -> tuple[str, ...]:
        return tuple(sorted(name for position in positions(mask) for name in self._names[position]))


def _ports(class_: _Class, atoms: Iterable[int]) -> PortSet:
    return normalised(interval for atom in atoms for interval in class_.spans[atom])


def _merged(rectangles: Iterable[_Rectangle]) -> list[_Rectangle]:
    """The same pairs in fewer rectangles: those with the same sources become one, then those with the same ends."""
    by_sources: dict[tuple[str, int, PortSet], int] = {}
    for change, sources, destinations, ports in rectangles:
        key = (change, sources, ports)
        by_sources[key] = by_sources.get(key, 0) | destinations
    by_destinations: dict[tuple[str, int, PortSet], int] = {}
    for (change, sources, ports), destinations in by_sources.items():
        key = (change, destinations, ports)
        by_destinations[key] = by_destinations.get(key, 0) | sources
    return [_Rectangle(change, sources, ends, ports) for (change, ends, ports), sources in by_destinations.items()]
