"""Which addresses of a rule belong to a pass of their own: the API server's, and those of Services."""

from __future__ import annotations

from rewriter.cilium.addresses import PRIVATE
from rewriter.cilium.policy import Rule
from rewriter.evidence.api_server import SERVICE_PORT, USUAL_PORT, ApiServer
from rewriter.evidence.context import Context
from rewriter.evidence.service_addresses import Holder, holders
from rewriter.passes.kit.addresses.cidr_entries import CidrEntry
from rewriter.passes.kit.ports.port_numbers import items_of, names_any, on_others


def is_api_server(context: Context, rule: Rule, entry: CidrEntry, server: ApiServer) -> bool:
    """Whether an entry is an address of the API server: its ClusterIP, or a node where the rule may be about it."""
    if not entry.single or not entry.addresses:
        return False
    if entry.addresses <= server.virtual:
        return True
    about = items_of(rule) is None or names_any(rule, server_ports(server))
    return entry.addresses <= server.nodes and about and not matches_nodes(context)


def is_range_of_api_server(context: Context, rule: Rule, entry: CidrEntry, server: ApiServer) -> bool:
    """Whether an entry is a private range with nodes that are API servers, and the rule is on their port alone."""
    ports = server_ports(server)
    return (
        not entry.single
        and bool(entry.addresses & server.nodes)
        and entry.addresses <= PRIVATE
        and names_any(rule, ports)
        and not on_others(rule, ports)
        and not matches_nodes(context)
    )


def server_ports(server: ApiServer) -> frozenset[int]:
    """The port on which the API server listens, and the one of its Service, which people write for it."""
    return frozenset({SERVICE_PORT, server.port or USUAL_PORT})


def matches_nodes(context: Context) -> bool:
    """Whether CIDRs match nodes (policy-cidr-match-mode)."""
    return bool(context.cluster and context.cluster.cidr_match_nodes)


def service_holders(context: Context, entry: CidrEntry) -> tuple[Holder, ...]:
    """Who has the single address that an entry is."""
    return holders(context, entry.prefix) if entry.single and entry.addresses else ()


def holds_nodes_only(context: Context, entry: CidrEntry) -> bool:
    """Whether an entry is the address of a node of the policy's cluster."""
    return entry.single and bool(nodes_at(context, entry))


def nodes_at(context: Context, entry: CidrEntry) -> tuple[str, ...]:
    """The nodes that have the single address that an entry is, in words with their sources."""
    if not entry.single or matches_nodes(context):
        return ()
    own = context.cluster.name if context.cluster else None
    nodes = context.inventory.addresses.nodes(entry.prefix)
    return tuple(f"node {node.name}, {node.source}" for node in nodes if own is None or node.cluster in (None, own))
