"""Which flows differ between two worlds, and how to say it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rewriter.cilium.identity import Identity, NamedPort
from rewriter.cilium.policy import INGRESS
from rewriter.cilium.policy_set import LoadedEntry, match_entries, narrow_required
from rewriter.cilium.terms import reserved_term
from rewriter.cilium.universe import Universe, positions
from rewriter.reach.describe import Describer
from rewriter.reach.difference import (
    CLOSED,
    DIRECTIONS,
    OPENED,
    Difference,
    Enforcement,
    FlowStatement,
    join,
)
from rewriter.reach.port_line import PortSet
from rewriter.reach.side import Change, Ground, Rule, changes, denies_by_default
from rewriter.reach.space import Space, build_space, same_content, subject_bits
from rewriter.reach.world import PolicyWorld

Rules = tuple[frozenset[Rule], ...]
"""The rules of one subject and direction: before, after, and in the other worlds if there are some."""


@dataclass(frozen=True, slots=True)
class Step:
    """The worlds beside `before` and `after` that tell in which of their differences one step has a part.

    `after` and `beside` are the target with and without the step. `early_without` and `early` are the source without
    and with it, so that a step is also seen where the target alone comes to the same.
    """

    beside: PolicyWorld
    early_without: PolicyWorld
    early: PolicyWorld


def reach(
    before: PolicyWorld, after: PolicyWorld, identities: Sequence[Identity] = (), step: Step | None = None
) -> Difference:
    """The flows that `after` opens and closes, over the identities and witnesses of every selection in any world.

    With a step, only the flows count in which it has a part: where `before` and `beside` agree and `after` differs, and
    where the step makes the same difference early, under the source settings.

    Directions are compared one by one: a flow that ingress opens may still be closed on egress. The answer is complete
    over the identities given, deterministic, and does not depend on the order of policies or rules.
    """
    if same_content(before, after):
        return Difference()
    if step and same_content(step.beside, after) and same_content(step.early_without, step.early):
        return Difference()
    worlds = (before, after, step.beside, step.early_without, step.early) if step else (before, after)
    comparison = _Comparison(worlds, identities)
    flows: dict[_Flow, int] = {}
    enforcement: dict[tuple[str, bool], int] = {}
    for direction in DIRECTIONS:
        for subjects, rules, ground in comparison.classes(direction):
            for change in comparison.changes(rules, ground):
                flow = _Flow(change.change, direction, change.peers, change.ports, change.limits)
                flows[flow] = flows.get(flow, 0) | subjects
            first, now, *rest = map(denies_by_default, rules)
            if first != now and _has_part(first, now, rest) and not ground.always_denied:
                place = (direction, now)
                enforcement[place] = enforcement.get(place, 0) | subjects
    return comparison.difference(flows, enforcement)


def _has_part(first: bool, now: bool, rest: Sequence[bool]) -> bool:
    """Whether the step, if there is one, has a part in the difference between `first` and `now`."""
    if not rest:
        return True
    beside, early_without, early = rest
    return beside == first or (early_without == first and early == now)


class _Flow(NamedTuple):
    change: str
    direction: str
    peers: int
    ports: PortSet
    limits: str


def _may_differ(rules: Rules) -> bool:
    before, after, *rest = rules
    return before != after and (not rest or rest[0] != after or rest[1] != rest[2])


class _PortNames(NamedTuple):
    """How names of ports are read; subjects that read them alike are taken together."""

    known: tuple[NamedPort, ...]
    complete: bool


class _Comparison:
    """Two worlds, or five with a step, loaded over one space."""

    def __init__(self, worlds: tuple[PolicyWorld, ...], identities: Sequence[Identity]) -> None:
        self.space: Space = build_space(worlds, identities)
        self.universe = self.space.universe(cidr_match_nodes=False)
        self._with_nodes: Universe | None = None
        loaded = {id(world): self._load(world) for world in worlds}
        self._worlds = tuple(loaded[id(world)] for world in worlds)
        self._subjects = subject_bits(self.space, self.universe)
        self._host = self.universe.select(reserved_term("host"))
        self._init = self.universe.select(reserved_term("init"))
        self._known: dict[tuple[Rules, Ground], tuple[Change, ...]] = {}

    def classes(self, direction: str) -> Iterator[tuple[int, Rules, Ground]]:
        """The subjects that rules of the direction select and to whom not the same rules apply before and after."""
        groups: dict[int, tuple[set[Rule], ...]] = {}
        names_used = False
        for position, loaded in enumerate(self._worlds):
            for item in loaded:
                entry, subjects = item.entry, item.subjects & self._subjects
                if entry.direction == direction and subjects:
                    rule = Rule(entry.deny, entry.default_deny, item.peers, entry.ports)
                    groups.setdefault(subjects, tuple(set() for _ in self._worlds))[position].add(rule)
                    names_used = names_used or any(grant.match.name for grant in entry.ports)
        differing = 0
        for subjects, (_, new, *_) in groups.items():
            if any(side != new for side in groups[subjects]):
                differing |= subjects
        members: dict[int, list[int]] = {}
        for index, subjects in enumerate(groups):
            for position in positions(subjects & differing):
                members.setdefault(position, []).append(index)
        classes: dict[tuple[tuple[int, ...], _PortNames, bool], int] = {}
        for position, found in members.items():
            names = self._port_names(position, direction) if names_used else _PortNames((), False)
            key = (tuple(found), names, bool(self._init >> position & 1))
            classes[key] = classes.get(key, 0) | 1 << position
        sides = list(groups.values())
        for (indexes, names, without_identity), subjects in classes.items():
            rules = tuple(
                frozenset[Rule]().union(*(sides[index][world] for index in indexes))
                for world in range(len(self._worlds))
            )
            if _may_differ(rules):
                yield subjects, rules, self._ground(direction, names, without_identity)

    def changes(self, rules: Rules, ground: Ground) -> tuple[Change, ...]:
        found = self._known.get((rules, ground))
        if found is None:
            found = self._known[rules, ground] = tuple(changes(rules, ground))
        return found

    def difference(self, flows: dict[_Flow, int], enforcement: dict[tuple[str, bool], int]) -> Difference:
        describer = Describer(self.space, self.universe, self._subjects)
        statements = sorted(self._statement(flow, subjects, describer) for flow, subjects in flows.items())
        states = {
            begun: tuple(
                Enforcement(direction, join(describer.subjects(mask)), describer.workloads(mask))
                for (direction, change), mask in sorted(enforcement.items())
                if change is begun
            )
            for begun in (True, False)
        }
        return Difference(
            opened=tuple(s for s in statements if s.change == OPENED),
            closed=tuple(s for s in statements if s.change == CLOSED),
            enforced=states[True],
            released=states[False],
            exact=self.space.exact,
        )

    def _load(self, world: PolicyWorld) -> list[LoadedEntry]:
        loaded: list[LoadedEntry] = []
        for policies in world.sets:
            universe = self.universe
            if policies.settings.cidr_match_nodes:
                self._with_nodes = self._with_nodes or self.space.universe(cidr_match_nodes=True)
                universe = self._with_nodes
            loaded += match_entries(policies, universe)
        return narrow_required(loaded, self.universe)

    def _port_names(self, position: int, direction: str) -> _PortNames:
        if direction == INGRESS and self.space.given >> position & 1:
            return _PortNames(self.space.identities[position - self.space.cell_count].named_ports, True)
        return _PortNames(() if direction == INGRESS else self.space.mesh_ports, False)

    def _ground(self, direction: str, names: _PortNames, without_identity: bool) -> Ground:
        return Ground(
            everyone=self.universe.all,
            always_allowed=self._host if direction == INGRESS else 0,
            always_denied=without_identity,
            line=self.space.line,
            named_ports=names.known,
            ports_complete=names.complete,
        )

    def _statement(self, flow: _Flow, subjects: int, describer: Describer) -> FlowStatement:
        return FlowStatement(
            change=flow.change,
            direction=flow.direction,
            subject=join(describer.subjects(subjects)),
            peers=describer.peers(flow.peers),
            ports=self.space.line.text(flow.ports),
            limits=flow.limits,
            subject_workloads=describer.workloads(subjects),
            peer_workloads=describer.workloads(flow.peers),
            port_ranges=self.space.line.ranges(flow.ports),
        )
