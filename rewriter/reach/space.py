"""The identities on which two worlds are compared: those of the inventory, and witnesses of every selection."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence, Set
from typing import Any

from rewriter.cilium.cidr import Prefix
from rewriter.cilium.compile import Entry
from rewriter.cilium.fqdn import sample_names
from rewriter.cilium.identity import Identity, reserved_identity
from rewriter.cilium.labels import ANY, CLUSTER_LABEL, K8S, NAMESPACE_LABEL, NAMESPACE_LABELS_PREFIX, RESERVED, Label
from rewriter.cilium.policy import EGRESS
from rewriter.cilium.policy_set import PolicySet
from rewriter.cilium.services import API_SERVERS
from rewriter.cilium.settings import Settings
from rewriter.cilium.terms import (
    OPAQUE_SOURCES,
    SERVICE,
    CidrTerm,
    FqdnTerm,
    LabelTerm,
    Term,
    opaque_name,
    opaque_term,
    pods_with,
    reserved_term,
)
from rewriter.cilium.universe import LabelMask, Universe
from rewriter.cilium.version import NAMED_PORTS_PER_DESTINATION
from rewriter.reach.cells import OTHER, Dimension, cell_count, cell_masks, dimensions, has_more_cells
from rewriter.reach.hosts import host_witnesses
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
    entries, changed = _entries_of(worlds, beside)
    dual_stack = any(policies.settings.dual_stack for policies in worlds[1].sets)
    local = worlds[1].local_cluster
    dims, cells = _cells(entries, changed, local, clusters)
    exact = bool(cells)
    if not exact:
        if narrow:
            named = {entry.content: entry for world in beside for entry in world.entries()}
            changed = [*touched(worlds), *named.values()]
        dims = dimensions(_label_terms(_terms(changed)), local, clusters)
    identities = sorted(identities, key=lambda identity: (identity.name, sorted(map(str, identity.labels))))
    given = {identity.labels for identity in identities}
    reserved = [identity for identity in map(reserved_identity, _RESERVED) if identity.labels not in given]
    pods: list[Identity] = []
    places = tuple(dict.fromkeys([local, *clusters])) if clusters else (local, OTHER)
    if not exact:
        groups: dict[LabelTerm, list[Term]] = {}
        for entry in changed:
            groups.setdefault(entry.subject, []).extend(_terms([entry]))
        pods = pod_witnesses([_label_terms(group) for group in groups.values()], places)
    terms = [term for entry in entries for term in entry.special]
    odd = [*_odd_witnesses(terms, places), *host_witnesses(entries)]
    total = cell_count(dims) if exact else 0
    ranges = address_ranges((term for term in terms if isinstance(term, CidrTerm)), inside)
    first_pod = total + len(reserved)
    first_range = first_pod + len(pods) + len(odd)
    outside = [range_identity(found, dual_stack=dual_stack) for found in ranges]
    names = sorted({grant.match.name for entry in entries if entry.named for grant in entry.ports if grant.match.name})
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


def _entries_of(worlds: Sequence[PolicyWorld], beside: Sequence[PolicyWorld]) -> tuple[list[Entry], list[Entry]]:
    """The entries of all worlds and those beside, and of these the ones that count as changed.

    An entry changes that another world of the comparison does not have; what stands beside always does.
    """
    distinct = list({id(world): world for world in worlds}.values())
    found = [_by_content(world) for world in distinct]
    known: dict[Hashable, Entry] = {}
    for entries in found:
        known.update(entries)
    in_all = set(found[0]).intersection(*found[1:])
    changed = [entry for content, entry in known.items() if content not in in_all]
    named = [entry for world in beside for entry in world.entries()]
    return [*known.values(), *named], [*changed, *named]


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
    entries: Sequence[Entry], changed: Sequence[Entry], local: str, clusters: Sequence[str]
) -> tuple[tuple[Dimension, ...], tuple[LabelMask, ...]]:
    """The dimensions and all their combinations: of all terms, else of the changed, else none: too many."""
    for chosen in (entries, changed):
        dims = _dimensions(chosen, local, clusters)
        if dims is not None:
            return dims, tuple(cell_masks(dims))
    return (), ()


def _dimensions(entries: Sequence[Entry], local: str, clusters: Sequence[str]) -> tuple[Dimension, ...] | None:
    """The dimensions of the terms of entries; None where they have too many combinations: more terms have no fewer."""
    known = _MANY.setdefault((local, tuple(clusters)), deque(maxlen=_KEPT))
    there = set(map(id, entries))
    if any(ids <= there for ids, _ in known):
        return None
    count = has_more_cells(map(_of_entry, entries), local, clusters, MAX_CELLS)
    if count:
        first = tuple(entries[:count])
        known.appendleft((frozenset(map(id, first)), first))
        return None
    return dimensions(_label_terms(_terms(entries)), local, clusters)


#: Entries of the last comparisons that had too many combinations, by their clusters, with the identities of these: the
#: next step of a policy with many rules has most of the same.
_MANY: dict[tuple[object, ...], deque[tuple[frozenset[int], tuple[Entry, ...]]]] = {}
_KEPT = 4


def _odd_witnesses(terms: Iterable[Term], clusters: Sequence[str]) -> Iterator[Identity]:
    """Identities behind terms that are neither pod labels nor CIDRs: nodes by label, DNS names, groups, services.

    The first of the `clusters` is the local one.
    """
    made: set[frozenset[Label]] = set()
    names: dict[str, str] = {}
    for term in dict.fromkeys(terms):
        if isinstance(term, FqdnTerm):
            exact = "*" not in term.written
            for name in sample_names(term.written):
                names.setdefault(name, f"DNS name {name}" if exact else f"DNS names like {name}")
        elif isinstance(term, LabelTerm):
            for labels in _odd_labels(term, clusters):
                if labels not in made:
                    made.add(labels)
                    yield Identity(_odd_name(labels), labels)
    for name, text in names.items():
        yield Identity(text, frozenset({Label(RESERVED, "world")}), dns_names=(name,))


def _odd_labels(term: LabelTerm, clusters: Sequence[str]) -> Iterator[frozenset[Label]]:
    odd = [c for c in term.conditions if c.source not in (ANY, K8S)]
    if not odd or (len(term.conditions) == 1 and odd[0].source == RESERVED):
        return
    labels = {
        Label(K8S if c.source == ANY else c.source, c.key, c.values[0] if c.values else _some_value(c.key))
        for c in term.conditions
        if c.operator in ("In", "Exists")
    }
    source, key = odd[0].source, odd[0].key
    placed = any(c.key == CLUSTER_LABEL for c in term.conditions)
    if source == SERVICE and key == API_SERVERS:
        # Whether nodes or addresses outside, they are what the entity means, and are in no other cluster.
        yield frozenset(labels | {Label(RESERVED, "kube-apiserver")})
        return
    if source == SERVICE:
        namespace = key.partition("/")[0]
        labels.add(Label(K8S, NAMESPACE_LABEL, OTHER if namespace == "*" else namespace))
        places = [[]] if placed else [[Label(K8S, CLUSTER_LABEL, cluster)] for cluster in clusters]
        yield from (frozenset([*labels, *place]) for place in places)
        return
    if source in OPAQUE_SOURCES:
        yield frozenset(labels | {Label(RESERVED, "world")})
        return
    in_namespace = any(
        label.key == NAMESPACE_LABEL or label.key.startswith(NAMESPACE_LABELS_PREFIX) for label in labels
    )
    node = Label(RESERVED, "remote-node") in labels
    if placed or not (in_namespace or node):
        yield frozenset(labels)
    if not placed:
        # Whatever is in a namespace is in a cluster, and so is a node.
        for cluster in clusters if in_namespace or node else clusters[:1]:
            yield frozenset(labels | {Label(K8S, CLUSTER_LABEL, cluster)})


def _some_value(key: str) -> str:
    return OTHER if key == CLUSTER_LABEL else ""


def _odd_name(labels: frozenset[Label]) -> str:
    """A name for people: what stands behind a group or service, or the labels of a node."""
    cluster = next((label.value for label in labels if label.key == CLUSTER_LABEL), "")
    where = "" if not cluster else " in other clusters" if cluster == OTHER else f" in {cluster}"
    for label in labels:
        if label.source in OPAQUE_SOURCES:
            return f"what is behind {opaque_name(opaque_term(label.source, label.key))}{where}"
    node = Label(RESERVED, "remote-node")
    shown = sorted(str(label) for label in labels - {node} if label.key != CLUSTER_LABEL)
    if node in labels:
        own = ", ".join(text.removeprefix(f"{K8S}:") for text in shown)
        return f"nodes{f' with {own}' if own else ''}{where}"
    return f"identities with {', '.join(shown)}{where}"
