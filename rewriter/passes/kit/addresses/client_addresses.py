"""Clients named by their address, where policy sees the node that they came in by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rewriter.cilium.cidr import parse_prefix
from rewriter.cilium.identity import outside_identity, reserved_identity
from rewriter.cilium.policy import INGRESS, KNP, PeerField
from rewriter.evidence.context import Context
from rewriter.evidence.hidden_clients import hiding_services
from rewriter.evidence.policies import AppliedRule
from rewriter.evidence.reachable import reach_of
from rewriter.evidence.target_ports import is_behind, target_numbers
from rewriter.finding import Applicability, Finding, Severity
from rewriter.inventory.facts.model import Service
from rewriter.passes.kit.addresses.address_owner import matches_nodes
from rewriter.passes.kit.addresses.cidr_entries import members_of, read_entries, union
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.changes.site import RuleSite, rule_sites
from rewriter.passes.kit.ports.port_numbers import is_on
from rewriter.text import join_names

_FIELDS = frozenset({"fromCIDR", "fromCIDRSet", "from"})
_NODE = reserved_identity("remote-node")
_WORLD = outside_identity(parse_prefix("0.0.0.0/0"), name="world")


class _Way(NamedTuple):
    """How clients come to pods of a rule: by which Service, to which port, and what lets all nodes in there."""

    service: Service
    port: int
    opened_by: tuple[AppliedRule, ...] = ()


def client_addresses(context: Context) -> Iterator[Finding]:
    """A note for each rule with CIDRs of clients that come through a Service which hides their address."""
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
        services = hiding_services(context.inventory, context.cluster) if services is None else services
        ways = list(_ways(context, site, services))
        if ways:
            yield _note(site, fields[0], entries, [way for way in ways if not way.opened_by] or ways)


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


def _ways(context: Context, site: RuleSite, services: list[Service]) -> Iterator[_Way]:
    """The ways to pods of the rule on its ports: those that are shut to nodes, and those open to nodes, not to all."""
    for reach in reach_of(context, site.spec) if services else ():
        for service in services:
            if reach.workload is None or not is_behind(reach.workload, service):
                continue
            for number, protocol in target_numbers(service, None, reach.workload):
                on = is_on(site.rule, number, protocol, reach.workload.ports)
                nodes = reach.verdict(INGRESS, _NODE, protocol, number)
                if on and not nodes.allowed:
                    yield _Way(service, number)
                elif on and not reach.verdict(INGRESS, _WORLD, protocol, number).allowed and _unaware(nodes.rules):
                    yield _Way(service, number, nodes.rules)


def _unaware(rules: Sequence[AppliedRule]) -> bool:
    """Whether rules let nodes in without naming them: who names `remote-node` knows that clients come as nodes."""
    written = [field for rule in rules if rule.rule is not None for field in rule.rule.peers]
    return any(field.entries for field in written) and not any(field.has_any("remote-node") for field in written)


def _note(site: RuleSite, field: PeerField, entries: list[str], ways: list[_Way]) -> Finding:
    name = "ipBlock" if site.context.policy.kind == KNP else field.name
    clients = f"{join_names(str(way.service) for way in ways)} that come in by another node"
    opened_by = dict.fromkeys(f"{rule} lets nodes in" for way in ways for rule in way.opened_by)
    ports: dict[str, set[int]] = {}
    for way in ways:
        ports.setdefault(f"{way.service}, {way.service.source}: {way.service.type}", set()).add(way.port)
    leads = (f"{service}, leads to {_ports(sorted(numbers))}" for service, numbers in ports.items())
    return report(
        site.context,
        field,
        Applicability.MANUAL,
        f"`{name}` {join_names(entries)} {'keeps out no' if opened_by else 'does not match'} clients of {clients}",
        "with externalTrafficPolicy Cluster that node sends them on, and Cilium sees the entity `remote-node`"
        f"{', which is let in' if opened_by else ''}",
        severity=Severity.NOTE,
        evidence=[*leads, *opened_by],
        advice="set `externalTrafficPolicy: Local` on the Service, or `loadBalancer.mode: dsr` in Cilium's values",
        at_key=True,
    )


def _ports(numbers: list[int]) -> str:
    return f"port{'s' * (len(numbers) > 1)} {join_names(numbers, most=5)}"
