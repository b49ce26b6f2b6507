"""Clients named by their address, where policy sees the node that they came in by."""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.cilium.identity import reserved_identity
from rewriter.cilium.policy import INGRESS, KNP, PeerField
from rewriter.evidence.context import Context
from rewriter.evidence.reachable import Reach, reach_of
from rewriter.evidence.target_ports import is_behind, target_numbers
from rewriter.finding import Applicability, Finding, Severity
from rewriter.inventory.facts.model import Service
from rewriter.passes.kit.addresses.address_owner import matches_nodes
from rewriter.passes.kit.addresses.cidr_entries import members_of, read_entries, union
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.changes.site import RuleSite, rule_sites
from rewriter.passes.kit.ports.port_numbers import is_on, is_on_name
from rewriter.text import join_names

_FIELDS = frozenset({"fromCIDR", "fromCIDRSet", "from"})
#: Other classes of load balancers may be proxies, or keep the client's address.
_CILIUM = "io.cilium/"
_NODE = reserved_identity("remote-node")


def client_addresses(context: Context) -> Iterator[Finding]:
    """A note for each rule with CIDRs of clients that come through a Service which hides their address."""
    clusters = [context.cluster] if context.cluster is not None else context.inventory.clusters
    if any(cluster.datapath is not None and cluster.datapath.dsr for cluster in clusters):
        return
    services: list[Service] | None = None
    for site in rule_sites(context):
        if site.rule.direction != INGRESS or site.deny or site.spec.subject is None or matches_nodes(context):
            continue
        fields = [field for field in site.rule.peers if field.entries]
        if len(fields) != 1 or fields[0].name not in _FIELDS:
            continue
        entries = _clients(site, fields[0])
        if not entries:
            continue
        services = _hiding(context) if services is None else services
        found = _through(context, site, services)
        if found:
            yield _note(site, fields[0], entries, found)


def _clients(site: RuleSite, field: PeerField) -> list[str]:
    """The CIDRs of outside clients: neither the internet nor a part of the mesh."""
    _, members = members_of(site.context)
    mesh = union(
        known
        for member in members
        for known in (member.ranges.pods, member.ranges.nodes, member.ranges.services)
        if known
    )
    return [entry.text for entry in read_entries(field) if not entry.internet and not entry.addresses & mesh]


def _hiding(context: Context) -> list[Service]:
    own = context.cluster.name if context.cluster else None
    return [
        service
        for service in context.inventory.all_services()
        if service.type in ("NodePort", "LoadBalancer")
        and service.external_traffic_policy == "Cluster"
        and (service.load_balancer_class or _CILIUM).startswith(_CILIUM)
        and (own is None or service.cluster in (None, own))
    ]


def _through(context: Context, site: RuleSite, services: list[Service]) -> list[tuple[Service, int]]:
    """The Services that lead to pods of the rule on its ports, where these do not let nodes in anyway."""
    found: list[tuple[Service, int]] = []
    for reach in reach_of(context, site.spec) if services else ():
        for service in services:
            if reach.workload is None or not is_behind(reach.workload, service):
                continue
            for number, protocol in target_numbers(service, None, reach.workload):
                names = [
                    port.name for port in reach.workload.ports if (port.number, port.protocol) == (number, protocol)
                ]
                on = is_on(site.rule, number, protocol) or any(is_on_name(site.rule, n, protocol) for n in names)
                if on and _shuts_nodes_out(reach, number, protocol):
                    found.append((service, number))
    return found


def _shuts_nodes_out(reach: Reach, port: int, protocol: str) -> bool:
    return not reach.verdict(INGRESS, _NODE, protocol, port).allowed


def _note(site: RuleSite, field: PeerField, entries: list[str], found: list[tuple[Service, int]]) -> Finding:
    name = "ipBlock" if site.context.policy.kind == KNP else field.name
    services = {str(service): service for service, _ in found}
    ports = {name: sorted({port for service, port in found if str(service) == name}) for name in services}
    return report(
        site.context,
        field,
        Applicability.MANUAL,
        f"`{name}` {join_names(entries)} does not match clients of {join_names(services)} that come in by another node",
        "externalTrafficPolicy Cluster sends them on from that node, and policy sees the entity `remote-node`",
        severity=Severity.NOTE,
        evidence=[
            f"{service}, {service.source}: {service.type}, leads to {_ports(ports[name])}"
            for name, service in services.items()
        ],
        advice="set `externalTrafficPolicy: Local` on the Service, or `loadBalancer.mode: dsr` in Cilium's values",
        at_key=True,
    )


def _ports(numbers: list[int]) -> str:
    return f"port{'s' * (len(numbers) > 1)} {join_names(numbers, most=5)}"
