"""From CIDRs that cover clusters to the peers that were meant, as operations on their rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from rewriter.cilium.addresses import AddressSet
from rewriter.cilium.entities import CLUSTER_MEMBERS, entity_terms
from rewriter.cilium.labels import NAMESPACE_LABEL
from rewriter.cilium.policy import INGRESS, KNP, PeerField, Rule
from rewriter.cilium.terms import Term, pods_with, reserved_term
from rewriter.evidence.clusters import parsed, ranges_of
from rewriter.evidence.context import Context
from rewriter.evidence.mesh import (
    any_namespace_requirement,
    mesh_pods,
    network_policy_mesh_peer,
    pods_of,
    reaches_other_clusters,
)
from rewriter.finding import Operation
from rewriter.passes.kit.addresses.cidr_entries import CidrEntry, Coverage, Held, matches_pods, union
from rewriter.passes.kit.changes.coverage import add_after, remove_entries, replace_rule, sibling, uncovered_rules
from rewriter.passes.kit.changes.forms import Form
from rewriter.records import dataclass
from rewriter.text import join_names


class Opened(NamedTuple):
    """Peers that a rule gets: in words, what they are, and the rule that names them."""

    words: str
    terms: tuple[Term, ...] | None
    rule: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A rule's CIDRs as peers: `handled` entries need nothing more, `removed` ones go.

    `operations` are empty where the rule is right already. `opens` are the peers that are new, `widens` names those
    among them that no CIDR covers.
    """

    operations: tuple[Operation, ...]
    handled: tuple[Held, ...]
    removed: tuple[CidrEntry, ...]
    opens: tuple[Opened, ...]
    widens: str


@dataclass(frozen=True, slots=True)
class _Peers:
    """Entries of one peer field, in words and (where their text is not all) as terms."""

    field: str
    entries: list[object]
    words: str
    terms: tuple[Term, ...] | None = None


@dataclass(frozen=True, slots=True)
class _Form:
    """How the own cluster is written: as the entity `cluster`, its nodes as entities, or its pods."""

    entity: bool
    nodes: bool


def rewrite(context: Context, rule: Rule, field: PeerField, covered: Coverage) -> Rewrite:
    """The peers that a field's CIDRs mean. The policy's own cluster must be known (`covered.own`)."""
    form = _form(context, covered)
    handled = tuple(held for held in covered.held if _is_handled(held, covered, form))
    removed = tuple(held.entry for held in handled if _goes(context, covered, form, held))
    if context.policy.kind == KNP:
        return _in_network_policy(context, rule, field, covered, handled, removed)
    peers = list(_cluster_peers(context, rule, covered, form, handled))
    siblings = [(peer, sibling(rule, {peer.field: peer.entries})) for peer in peers]
    new = uncovered_rules(context, rule, [raw for _, raw in siblings])
    added = [(peers, raw) for peers, raw in siblings if raw in new]
    operations: tuple[Operation, ...]
    if len(removed) < len(field.entries):
        operations = (
            *remove_entries(field.route, (entry.index for entry in removed)),
            *add_after(rule, [raw for _, raw in added]),
        )
    elif added:
        first, _ = added[0]
        operations = (
            {"op": "remove", "path": field.route},
            {"op": "add", "path": f"{rule.route}/{first.field}", "value": first.entries},
            *add_after(rule, [raw for _, raw in added[1:]]),
        )
    else:
        operations = replace_rule(rule, [])
    entities = any(peers.field.endswith("Entities") for peers, _ in added)
    widens = _widens(context, covered, form) if entities else ""
    return Rewrite(
        operations, handled, removed, tuple(Opened(peers.words, peers.terms, raw) for peers, raw in added), widens
    )


def _form(context: Context, covered: Coverage) -> _Form:
    local = context.config.internal_cidr.local
    if context.policy.kind == KNP or covered.own is None:
        return _Form(entity=False, nodes=False)
    entity = covered.own_pods and (local == "cluster" or (local is None and covered.own_nodes))
    return _Form(entity, covered.own_nodes and not entity and not covered.own.cluster.cidr_match_nodes)


def _is_handled(held: Held, covered: Coverage, form: _Form) -> bool:
    if held.pods:
        return True
    own_nodes = covered.own is not None and covered.own.name in held.nodes
    return own_nodes and not held.part and (form.entity or form.nodes)


def _goes(context: Context, covered: Coverage, form: _Form, held: Held) -> bool:
    """Whether nothing of an entry can match once its pods and nodes are named; a group may come to hold more."""
    outside = [ranges_of(context.inventory, c) for c in context.inventory.clusters if not _is_member(c.name, covered)]
    elsewhere = union(known for ranges in outside for known in (ranges.pods, ranges.nodes) if known)
    if held.entry.group is not None or held.part or held.entry.addresses & elsewhere:
        return False
    return held.entry.addresses <= _inside(context, covered, form)


def _is_member(name: str, covered: Coverage) -> bool:
    return any(member.name == name for member in covered.members)


def _inside(context: Context, covered: Coverage, form: _Form) -> AddressSet:
    """The addresses that nothing but pods has, and those that the config gives to the mesh.

    A range of nodes or of Services may hold other machines too. Where CIDRs match pods, none of them is without effect.
    """
    if matches_pods(context):
        return AddressSet()
    pods = union(member.ranges.pods for member in covered.members if member.ranges.pods)
    assert covered.own is not None
    if covered.own.cluster.cidr_match_nodes and not form.entity:
        return pods
    return union((pods, parsed(context.config.internal_cidrs)))


def _cluster_peers(
    context: Context, rule: Rule, covered: Coverage, form: _Form, handled: Sequence[Held]
) -> Iterator[_Peers]:
    """The entity, then the pods of clusters, then the nodes."""
    prefix = "from" if rule.direction == INGRESS else "to"
    assert covered.own is not None
    own = covered.own.name
    if form.entity and any(own in held.pods or own in held.nodes for held in handled):
        words = f"{join_names(CLUSTER_MEMBERS, most=9)} and every pod of {own}"
        yield _Peers(f"{prefix}Entities", ["cluster"], words, entity_terms("cluster", own))
    names = [member.name for member in covered.members if any(member.name in held.pods for held in handled)]
    if form.entity:
        names = [name for name in names if name != own]
    if names:
        meshed = reaches_other_clusters(context)
        selector = mesh_pods(context, names) if meshed else {"matchExpressions": [any_namespace_requirement(context)]}
        pods = pods_of(names) if meshed else pods_with(NAMESPACE_LABEL)
        yield _Peers(f"{prefix}Endpoints", [selector], f"every pod of {join_names(names)}", (pods,))
    if form.nodes and any(own in held.nodes and own not in held.pods for held in handled):
        nodes = (reserved_term("host"), reserved_term("remote-node"))
        yield _Peers(f"{prefix}Entities", ["host", "remote-node"], "the nodes of the cluster and of its mesh", nodes)


def _widens(context: Context, covered: Coverage, form: _Form) -> str:
    """Nodes of other clusters that an entity lets in though no CIDR covers them; empty where there are none.

    `cluster` is what people mean by a range over pods and nodes, so for it only what is known to lie outside counts.
    """
    if form.entity and context.config.internal_cidr.local == "cluster":
        return ""
    others = [member for member in covered.members if member is not covered.own and member.name not in covered.nodes]
    if form.entity:
        others = [member for member in others if member.ranges.nodes or member.ranges.nodes_within]
    elif not form.nodes:
        others = []
    return f"nodes of {join_names(member.name for member in others)}" if others else ""


def _in_network_policy(
    context: Context,
    rule: Rule,
    field: PeerField,
    covered: Coverage,
    handled: Sequence[Held],
    removed: tuple[CidrEntry, ...],
) -> Rewrite:
    """The same in the list of a NetworkPolicy's peers, which may be of any kind and share the rule's ports."""
    found = list(_network_policy_peers(context, covered, handled))
    rest = [peer for index, peer in enumerate(field.entries) if index not in {entry.index for entry in removed}]
    there = {**rule.raw, field.name: rest} if rest else None
    added = [candidate for candidate in found if _is_new(context, rule, field, candidate[0], there)]
    gone = [entry.index for entry in removed]
    peers = [peer for peer, *_ in added]
    operations: tuple[Operation, ...]
    if not rest and not peers:
        operations = replace_rule(rule, [])
    elif gone and peers:
        first = field.entry_route(gone[0])
        operations = (
            *remove_entries(field.route, gone[1:]),
            {"op": "replace", "path": first, "value": peers[0]},
            *_insert(field, gone[0], peers[1:]),
        )
    elif handled:
        operations = (*remove_entries(field.route, gone), *_insert(field, handled[0].entry.index, peers))
    else:
        operations = ()
    opened = tuple(Opened(words, pods, sibling(rule, {field.name: [peer]})) for peer, words, pods in added)
    return Rewrite(operations, tuple(handled), removed, opened, "")


def _insert(field: PeerField, index: int, peers: Sequence[object]) -> Iterator[Operation]:
    for number, peer in enumerate(peers, index + 1):
        yield {"op": "add", "path": field.entry_route(number), "value": peer}


def _is_new(context: Context, rule: Rule, field: PeerField, peer: object, there: Mapping[str, object] | None) -> bool:
    wanted = sibling(rule, {field.name: [peer]})
    return bool(uncovered_rules(context, rule, [wanted], besides=[there] if there else []))


def _network_policy_peers(
    context: Context, covered: Coverage, handled: Sequence[Held]
) -> Iterator[tuple[Form, str, tuple[Term, ...] | None]]:
    """Peers with what they are, in words and (where their text is not all) as terms."""
    assert covered.own is not None
    own = covered.own.name
    names = [member.name for member in covered.members if any(member.name in held.pods for held in handled)]
    remote = [name for name in names if name != own]
    local_only = context.default_local_cluster(context.from_version) and context.default_local_cluster(
        context.to_version
    )
    if own in names and (local_only or not reaches_other_clusters(context)):
        yield {"namespaceSelector": {}}, f"every pod of {own}", (pods_of([own]),) if local_only else None
    elif own in names:
        # Without policy-default-local-cluster the plain form lets in the whole mesh, and later may not.
        remote = names
    if remote:
        yield network_policy_mesh_peer(remote), f"every pod of {join_names(remote)}", (pods_of(remote),)
