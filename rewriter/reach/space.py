"""The identities on which two worlds are compared: those of the inventory, and witnesses of every selection."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, NamedTuple

from rewriter.cilium.cidr import Prefix
from rewriter.cilium.compile import Entry
from rewriter.cilium.identity import Identity, reserved_identity
from rewriter.cilium.labels import CLUSTER_LABEL, NAMESPACE_LABEL
from rewriter.cilium.policy import EGRESS
from rewriter.cilium.policy_set import PolicySet, Rules
from rewriter.cilium.settings import Settings
from rewriter.cilium.terms import (
    SERVICE,
    CidrTerm,
    LabelTerm,
    Term,
    pods_with,
    reserved_term,
)
from rewriter.cilium.universe import LabelMask, Universe
from rewriter.cilium.version import NAMED_PORTS_PER_DESTINATION
from rewriter.reach.cells import OTHER, Dimension, cell_count, cell_masks, dimensions, dimensions_up_to
from rewriter.reach.hosts import host_witnesses
from rewriter.reach.odd_witnesses import odd_witnesses
from rewriter.reach.outside import Range, address_ranges, range_identity
from rewriter.reach.port_line import PortLine
from rewriter.reach.shared import touched
from rewriter.reach.witnesses import pod_witnesses
from rewriter.reach.world import PolicyWorld
from rewriter.records import dataclass

#: More combinations of labels than this are not all made: each selection then has witnesses of its own.
MAX_CELLS = 768

#: Reserved identities of the local cluster that have a policy of their own.
_ENFORCED = ("host", "health", "ingress", "init")
_RESERVED = ("host", "remote-node", "kube-apiserver", "health", "init", "ingress", "unmanaged")


@dataclass(frozen=True, slots=True)
class Space:
    """Every identity of a comparison, as bits: cells of pods first, then the explicit ones.

    The `places` are the clusters that witnesses are in, the local one first; `other` stands for clusters that are not
    known. `exact` says that the pods cover every combination of the labels that the changed rules look at.
    """

    dims: tuple[Dimension, ...]
    cells: tuple[LabelMask, ...]
    cell_count: int
    identities: tuple[Identity, ...]
    first_pod: int
    first_odd: int
    ranges: tuple[Range, ...]
    first_range: int
    first_given: int
    places: tuple[str, ...]
    exact: bool
    terms: tuple[LabelTerm, ...]
    line: PortLine

    @property
    def local_cluster(self) -> str:
        return self.places[0]

    def universe(self, *, cidr_match_nodes: bool = False, cidr_match_pods: bool = False) -> Universe:
        return Universe(
            self.identities,
            cidr_match_nodes=cidr_match_nodes,
            cidr_match_pods=cidr_match_pods,
            cells=self.cells,
            cell_count=self.cell_count,
        )

    @property
    def given_identities(self) -> list[tuple[int, Identity]]:
        """The identities of the inventory, each with its bit."""
        first = self.first_given - self.cell_count
        return [(1 << self.cell_count + first + i, identity) for i, identity in enumerate(self.identities[first:])]

    @property
    def witness_pods(self) -> int:
        """The bits of the pods that are not of the inventory."""
        return ((1 << self.cell_count) - 1) | _bits(self.first_pod, self.first_odd)

    @property
    def behind_services(self) -> int:
        """The bits of the witnesses behind Services."""
        odd = self.identities[self.first_odd - self.cell_count : self.first_range - self.cell_count]
        services = (n for n, identity in enumerate(odd) if any(label.source == SERVICE for label in identity.labels))
        return sum(1 << self.first_odd + n for n in services)

    @property
    def always_there(self) -> int:
        """The bits of what is no pod: nodes and other built-in identities, DNS names and addresses."""
        everything = _bits(0, self.cell_count + len(self.identities))
        return everything & ~(self.witness_pods | self.behind_services | self.given)

    @property
    def range_bits(self) -> int:
        return _bits(self.first_range, self.first_given)

    @property
    def given(self) -> int:
        """The bits of the identities of the inventory."""
        return _bits(self.first_given, self.cell_count + len(self.identities))


def build_space(
    worlds: Sequence[PolicyWorld],
    identities: Sequence[Identity],
    inside: Sequence[Prefix] = (),
    clusters: Sequence[str] = (),
    beside: Sequence[PolicyWorld] = (),
    *,
    narrow: bool,
) -> Space:
    """The space that distinguishes the worlds, and all that `beside` names, over the given identities and witnesses.

    No address `inside` has a witness: those are pods, nodes and Services. Where `clusters` are given, pods have
    witnesses in these and in those that policies name, else in others too. With `narrow`, where not every combination
    of labels can be tried, witnesses are made of the rules that a step touches, not of all that the upgrade changes.
    """
    compared = _Compared(worlds, beside)
    dual_stack = any(policies.settings.dual_stack for policies in worlds[1].sets)
    local = worlds[1].local_cluster
    dims, cells = _cells(compared, local, clusters)
    exact = bool(cells)
    if exact or not narrow:
        changed = compared.changed()
    else:
        changed = [*touched(worlds), *{entry.content: entry for entry in compared.named}.values()]
    if not exact:
        dims = dimensions(_label_terms(_terms(changed)), local, clusters)
    identities = sorted(identities, key=lambda identity: (identity.name, sorted(map(str, identity.labels))))
    given = {identity.labels for identity in identities}
    reserved = [identity for identity in map(reserved_identity, _RESERVED) if identity.labels not in given]
    places = tuple(dict.fromkeys([local, *clusters])) if clusters else (local, OTHER)
    pods = [] if exact else _pods(changed, places)
    asked = compared.asked()
    terms = [term for part in asked for term in part.special]
    odd = [*odd_witnesses(terms, places), *host_witnesses(subject for part in asked for subject in part.nodes)]
    total = cell_count(dims) if exact else 0
    ranges = address_ranges((term for term in terms if isinstance(term, CidrTerm)), inside)
    first_pod = total + len(reserved)
    first_range = first_pod + len(pods) + len(odd)
    outside = [range_identity(found, dual_stack=dual_stack) for found in ranges]
    names = sorted({name for part in asked for name in part.port_names})
    return Space(
        dims=dims,
        cells=cells,
        cell_count=total,
        identities=(*reserved, *pods, *odd, *outside, *identities),
        first_pod=first_pod,
        first_odd=first_pod + len(pods),
        ranges=tuple(ranges),
        first_range=first_range,
        first_given=first_range + len(outside),
        places=places,
        exact=exact,
        terms=tuple(sorted(_label_terms(_terms(changed)))),
        line=PortLine(tuple(names)),
    )


def _pods(changed: Iterable[Entry], places: Sequence[str]) -> list[Identity]:
    """The pods that stand for those which the rules of each subject distinguish."""
    groups: dict[LabelTerm, list[Term]] = {}
    for entry in changed:
        groups.setdefault(entry.subject, []).extend(_terms([entry]))
    return pod_witnesses([_label_terms(group) for group in groups.values()], places)


class _Compared:
    """The worlds of a comparison, and those beside that it names, with what their entries do."""

    __slots__ = ("_worlds", "contents", "named")

    def __init__(self, worlds: Sequence[PolicyWorld], beside: Sequence[PolicyWorld]) -> None:
        self._worlds = list({id(world): world for world in worlds}.values())
        self.contents = [_by_content(world) for world in self._worlds]
        self.named = [entry for world in beside for entry in world.entries()]

    def entries(self) -> list[Entry]:
        """Those of every world, and those beside."""
        return [*self._known().values(), *self.named]

    def changed(self) -> list[Entry]:
        """The entries that not every world has; what stands beside always changes."""
        in_all = set(self.contents[0]).intersection(*self.contents[1:])
        return [*(entry for content, entry in self._known().items() if content not in in_all), *self.named]

    def _known(self) -> Mapping[Hashable, Entry]:
        known: dict[Hashable, Entry] = {}
        for entries in self.contents:
            known.update(entries)
        return known

    def asked(self) -> list[_Asked]:
        """What the entries name beside labels of pods, those of the first world first."""
        found: dict[int, _Asked] = {}
        for policies in (policies for world in self._worlds for policies in world.sets):
            for stretch in policies.stretches:
                if id(stretch) not in found:
                    found[id(stretch)] = _asked_in(stretch)
            if policies.tiers:
                found[id(policies.tiers)] = _asked_by(entry for _, entry in policies.tiers)
        return [*found.values(), _asked_by(self.named)]

    def hold(self, contents: frozenset[Hashable]) -> bool:
        """Whether one of the worlds is known to have entries that do all this."""
        return any(contents <= held.keys() for held in self.contents)

    def change(self, contents: frozenset[Hashable]) -> bool:
        """Whether entries that do this are known to change, all of them."""
        return self.hold(contents) and any(held.keys().isdisjoint(contents) for held in self.contents)


class _Asked(NamedTuple):
    """What entries name beside labels of pods."""

    special: list[Term]
    nodes: list[LabelTerm]
    """The subjects that are nodes."""
    port_names: list[str]


def _asked_by(entries: Iterable[Entry]) -> _Asked:
    found = _Asked([], [], [])
    for entry in entries:
        if entry.special:
            found.special.extend(entry.special)
        if entry.subject_is_node:
            found.nodes.append(entry.subject)
        if entry.named:
            found.port_names.extend(grant.match.name for grant in entry.ports if grant.match.name)
    return found


def _asked_in(rules: Rules) -> _Asked:
    """As `_asked_by`, of a stretch of rules."""
    known: _Asked | None = rules.answers.get("asked")
    if known is None:
        known = rules.answers["asked"] = _asked_by(entry for _, entry in rules)
    return known


def _bits(first: int, end: int) -> int:
    return (1 << end) - (1 << first)


def same_content(before: PolicyWorld, after: PolicyWorld) -> bool:
    """Whether both worlds hold the same rules and match addresses alike: then no flow differs."""
    one, other = map(_by_matching, (before, after))
    return one.keys() == other.keys() and all(found == other[nodes] for nodes, found in one.items())


def _by_matching(world: PolicyWorld) -> dict[bool, Set[Any]]:
    """What the rules of a world do, by whether CIDRs match nodes there."""
    found: dict[bool, Set[Any]] = {}
    for policies in world.sets:
        nodes, contents = policies.settings.cidr_match_nodes, _contents(policies).keys()
        if contents:
            found[nodes] = found[nodes] | contents if nodes in found else contents
    return found


def pod_bits(universe: Universe) -> int:
    return universe.select(pods_with(NAMESPACE_LABEL))


def subject_bits(space: Space, universe: Universe) -> int:
    """The identities on which the local cluster's agents enforce policy: its pods, its host and the like.

    What is behind a Service that is not known stands for a peer alone: as subjects its pods are among the others.
    """
    local = universe.select(pods_with(CLUSTER_LABEL, space.local_cluster))
    unknown = pod_bits(universe) & ~universe.select(pods_with(CLUSTER_LABEL))
    pods = (local | unknown) & ~space.behind_services
    return pods | universe.select_any(map(reserved_term, _ENFORCED))


def _by_content(world: PolicyWorld) -> Mapping[Hashable, Entry]:
    """The entries of a world by what they do."""
    if len(world.sets) == 1:
        return _contents(world.sets[0])
    return {content: entry for policies in world.sets for content, entry in _contents(policies).items()}


def _contents(policies: PolicySet) -> Mapping[Any, Entry]:
    """The entries of a set by what they do under its settings."""
    names = not policies.plain and policies.settings.version >= NAMED_PORTS_PER_DESTINATION
    if not names and not policies.settings.matches_pods_by_address:
        return policies.by_content
    return {_content(entry, policies.settings): entry for entry in policies.all_entries()}


def _content(entry: Entry, settings: Settings) -> Hashable:
    """What an entry does, without where it stands."""
    named = entry.named and entry.direction == EGRESS and settings.version >= NAMED_PORTS_PER_DESTINATION
    by_address = (
        bool(entry.special)
        and settings.matches_pods_by_address
        and any(isinstance(term, CidrTerm) for term in entry.peers)
    )
    return (named, by_address, entry.content) if named or by_address else entry.content


def _terms(entries: Iterable[Entry]) -> Iterator[Term]:
    for entry in entries:
        yield from _of_entry(entry)


def _of_entry(entry: Entry) -> tuple[Term, ...]:
    return (entry.subject, *entry.peers, *entry.required)


def _label_terms(terms: Iterable[Term]) -> list[LabelTerm]:
    return list(dict.fromkeys(term for term in terms if isinstance(term, LabelTerm)))


def _cells(
    compared: _Compared, local: str, clusters: Sequence[str]
) -> tuple[tuple[Dimension, ...], tuple[LabelMask, ...]]:
    """The dimensions and all their combinations: of all terms, else of the changed, else none: too many."""
    known = _MANY.setdefault((local, tuple(clusters)), deque(maxlen=_KEPT))
    if any(map(compared.change, known)):
        return (), ()
    dims = None if any(map(compared.hold, known)) else _dimensions(compared.entries(), local, clusters)
    if dims is None:
        dims = _dimensions(compared.changed(), local, clusters)
    return ((), ()) if dims is None else (dims, tuple(cell_masks(dims)))


def _dimensions(entries: Sequence[Entry], local: str, clusters: Sequence[str]) -> tuple[Dimension, ...] | None:
    """The dimensions of the terms of entries; None where they have too many combinations: more terms have no fewer."""
    dims, count = dimensions_up_to(MAX_CELLS, map(_of_entry, entries), local, clusters)
    if not count:
        return dims
    # Fixes go through a list from its end: what they come to last has too many for the longest time, and then what they
    # have left behind.
    _, last = dimensions_up_to(MAX_CELLS, map(_of_entry, reversed(entries)), local, clusters)
    for some in (entries[-last:], entries[:count]):
        _MANY[local, tuple(clusters)].appendleft(frozenset(entry.content for entry in some))
    return None


#: What entries of the last comparisons do that had too many combinations, by their clusters: the next step of a policy
#: with many rules has most of the same.
_MANY: dict[tuple[object, ...], deque[frozenset[Hashable]]] = {}
_KEPT = 4
