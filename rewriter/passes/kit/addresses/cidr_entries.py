"""The CIDRs of a rule, and which parts of which clusters they cover."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import reduce

from rewriter.cilium.addresses import AddressSet, address_set
from rewriter.cilium.cidr import AddressError, Prefix, parse_prefix, parse_prefix_or_address
from rewriter.cilium.policy import PeerField
from rewriter.cilium.version import CIDR_MATCHES_PODS
from rewriter.evidence.clusters import ClusterRanges, parsed, ranges_of
from rewriter.evidence.context import Context
from rewriter.evidence.mesh import member_clusters
from rewriter.inventory.facts.model import CIDRGroup, Cluster
from rewriter.passes.kit.changes.forms import Form
from rewriter.records import dataclass

#: A prefix shorter than those means the internet, with private ranges in it by the way.
_INTERNET = {32: 8, 128: 7}


@dataclass(frozen=True, slots=True)
class CidrEntry:
    """One CIDR of a peer field: `addresses` are those inside it and outside its exceptions.

    `group` is the CiliumCIDRGroup that has it, where the field refers to that.
    """

    index: int
    text: str
    prefix: Prefix
    exceptions: tuple[Prefix, ...]
    addresses: AddressSet
    group: CIDRGroup | None = None

    @property
    def internet(self) -> bool:
        return self.prefix.bits < _INTERNET[self.prefix.width]

    @property
    def single(self) -> bool:
        return self.prefix.bits == self.prefix.width


@dataclass(frozen=True, slots=True)
class Member:
    """A cluster whose pods the policy's peers can be, with its ranges."""

    cluster: Cluster
    ranges: ClusterRanges

    @property
    def name(self) -> str:
        return self.cluster.name


@dataclass(frozen=True, slots=True)
class Held:
    """What one CIDR holds, by names of clusters: all their `pods`, a `part` of them, some `nodes`, some `services`."""

    entry: CidrEntry
    pods: tuple[str, ...]
    part: tuple[str, ...]
    nodes: tuple[str, ...]
    services: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the CIDRs of one field cover together. `own` is the policy's cluster, None where it is unknown.

    `pods` and `nodes` name the clusters all of whose pods or nodes, of one address family, are covered.
    """

    own: Member | None
    members: tuple[Member, ...]
    pods: frozenset[str]
    nodes: frozenset[str]
    held: tuple[Held, ...]

    @property
    def own_pods(self) -> bool:
        return self.own is not None and self.own.name in self.pods

    @property
    def own_nodes(self) -> bool:
        return self.own is not None and self.own.name in self.nodes


def read_entries(peers: PeerField) -> Iterator[CidrEntry]:
    """The well-formed CIDRs of from/toCIDR, from/toCIDRSet, or the ipBlocks of a NetworkPolicy's peers."""
    for index, raw in enumerate(peers.entries):
        try:
            if isinstance(raw, str) and peers.name.endswith("CIDR"):
                prefix = parse_prefix_or_address(raw)
                yield CidrEntry(index, raw, prefix, (), address_set([prefix]))
            else:
                block = _ip_block(raw) if peers.name in ("from", "to") else raw
                if isinstance(block, dict) and isinstance(block.get("cidr"), str):
                    yield _with_exceptions(index, block)
        except AddressError:
            continue


def _ip_block(peer: object) -> object:
    """The block of a NetworkPolicy peer that has no other member."""
    if not isinstance(peer, dict) or peer.get("podSelector") is not None or peer.get("namespaceSelector") is not None:
        return None
    return peer.get("ipBlock")


def _with_exceptions(index: int, block: Form) -> CidrEntry:
    cidr = str(block["cidr"])
    prefix = parse_prefix(cidr)
    written = block.get("except")
    texts = [text for text in written if isinstance(text, str)] if isinstance(written, list) else []
    exceptions = tuple(parse_prefix(text) for text in texts)
    text = cidr + (f" except {', '.join(texts)}" if texts else "")
    return CidrEntry(index, text, prefix, exceptions, address_set([prefix]) - address_set(exceptions))


def members_of(context: Context) -> tuple[Member | None, tuple[Member, ...]]:
    """The policy's own cluster, None where it is unknown, and every cluster whose pods have identities there."""
    members = tuple(Member(cluster, ranges_of(context.inventory, cluster)) for cluster in member_clusters(context))
    return (members[0] if context.cluster is not None else None), members


def matches_pods(context: Context) -> bool:
    """Whether CIDRs match pods by their address (policy-cidr-match-mode `pods`) on the target release."""
    return bool(context.cluster and context.cluster.cidr_match_pods) and context.to_version >= CIDR_MATCHES_PODS


def coverage(context: Context, entries: Sequence[CidrEntry]) -> Coverage:
    """What the entries of one field cover together, and what each of them holds that no CIDR matches."""
    own, members = members_of(context)
    whole = union(entry.addresses for entry in entries)
    pods = frozenset(
        member.name
        for member in members
        if _covers(whole, member.ranges.any_pods) and not _is_of_one_node(context, member, whole)
    )
    nodes = frozenset(
        member.name
        for member in members
        if _covers(whole, member.ranges.nodes) or _covers(whole, member.ranges.nodes_within)
    )
    held = []
    for entry in entries:
        exact = _touched(entry, ((member.name, member.ranges.pods) for member in members))
        touched = _touched(entry, ((member.name, member.ranges.any_pods) for member in members))
        held.append(
            Held(
                entry,
                pods=tuple(name for name in touched if name in pods),
                part=tuple(name for name in exact if name not in pods),
                nodes=tuple(_nodes(entry, members, pods)),
                services=_touched(entry, ((member.name, member.ranges.services) for member in members)),
            )
        )
    if matches_pods(context):
        held = [replace(one, pods=(), part=()) for one in held]
        pods = frozenset()
    return Coverage(own, members, pods, nodes, tuple(held))


def carves_inside_pods(context: Context, entry: CidrEntry) -> bool:
    """Whether an exception takes a part out of a pod range: then whoever wrote it took pods to be inside."""
    ranges = [pods for member in members_of(context)[1] if (pods := member.ranges.pods)]
    carved = [address_set([exception]) for exception in entry.exceptions]
    return any(part <= pods and not pods <= part for part in carved for pods in ranges)


def _is_of_one_node(context: Context, member: Member, whole: AddressSet) -> bool:
    """Whether addresses are those of one node's pods: nodes that are not known, or come later, have others."""
    nodes = context.inventory.nodes() if member.cluster.pod_cidrs is None else ()
    return any(node.cluster == member.name and node.pod_cidrs and whole <= parsed(node.pod_cidrs) for node in nodes)


def union(sets: Iterable[AddressSet]) -> AddressSet:
    return reduce(AddressSet.__or__, sets, AddressSet())


def _nodes(entry: CidrEntry, members: Iterable[Member], pods: frozenset[str]) -> Iterator[str]:
    """The clusters whose nodes an entry is about.

    A network in which single machines are known to be nodes is a LAN: it is about them only if pods are in it too. So
    is a range within which the nodes are, of which an entry must hold all.
    """
    for member in members:
        known = member.ranges.nodes
        if _covers(entry.addresses, member.ranges.nodes_within) and member.name in pods:
            yield member.name
        elif known and entry.addresses & known:
            about = not member.ranges.nodes_listed or entry.addresses <= known or member.name in pods
            if about:
                yield member.name


def _touched(entry: CidrEntry, ranges: Iterable[tuple[str, AddressSet | None]]) -> tuple[str, ...]:
    return tuple(name for name, known in ranges if known and entry.addresses & known)


def _covers(whole: AddressSet, known: AddressSet | None) -> bool:
    """Whether all known addresses of one family are in the whole: pods have one of each, and any of them will do."""
    families = [known.only(width) for width in (32, 128)] if known else []
    return any(family and family <= whole for family in families)
