"""Findings about rules for the API server: what matches it, and on which ports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from rewriter.cilium.policy import EGRESS, KNP, PeerField
from rewriter.evidence.api_server import SERVICE_PORT, USUAL_PORT, ApiServer
from rewriter.evidence.permits import API_SERVER_NODE, passes
from rewriter.evidence.reachable import reach_of
from rewriter.finding import Applicability, Finding, Severity
from rewriter.passes.kit.addresses.cidr_entries import CidrEntry
from rewriter.passes.kit.changes.applicability import EVIDENT, OTHERWISE, UNSAFE, decided
from rewriter.passes.kit.changes.change import Change, rule_added, rule_becomes
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.changes.site import RuleSite
from rewriter.passes.kit.changes.swap import NewPeers, swapped
from rewriter.passes.kit.ports.port_numbers import is_on, items_of, names_any, on_others, ports_for

ENTITY = "kube-apiserver"


WHY = (
    "Cilium checks policy after load balancing: it sees the API server as the entity `kube-apiserver`, on its own port"
)


def api_server_finding(
    site: RuleSite,
    field: PeerField,
    route: str,
    message: str,
    evidence: Sequence[str],
    server: ApiServer,
    gone: set[int],
    *,
    guess: bool = False,
    severity: Severity | None = None,
) -> Iterator[Finding]:
    """The finding with a rule for the entity; nothing where the API server is let through already."""
    port = server.port or USUAL_PORT
    if not site.deny and passes(site.context, site.spec, EGRESS, API_SERVER_NODE, port):
        return
    severity = severity or (Severity.ERROR if site.deny else Severity.WARNING)
    facts = tuple(text for text in (*evidence, server.port_evidence) if text)
    targets = {SERVICE_PORT: port, port: port}
    ports = ports_for(site.rule, targets)
    found = partial(report, site.context, route, severity=severity, rests_on=server.facts)
    in_network_policy = site.context.policy.kind == KNP
    if in_network_policy or not ports:
        advice = f"write `toEntities: [kube-apiserver]` with the port on which the API server listens, {port}"
        advice = _beside(port) if in_network_policy else advice
        yield found(Applicability.MANUAL, message, WHY, evidence=facts, advice=advice)
        return
    others = on_others(site.rule, set(targets)) and items_of(site.rule) is not None
    change = _change(site, field, set() if others else gone, ports)
    if change is None or not change.opens:
        return
    sure = server.port is not None or names_any(site.rule, [port])
    applicability = decided((site.deny or guess or not sure, UNSAFE), (OTHERWISE, EVIDENT))
    if server.port is None:
        facts = (*facts, f"no port is known: API servers listen on {port}")
    yield found(applicability, message, WHY, change=change, rule=site.rule, evidence=facts)


def _change(site: RuleSite, field: PeerField, gone: set[int], ports: list[object]) -> Change | None:
    """The entity in place of the entries that are `gone`, or in a rule of its own."""
    to = "the API servers"
    if not gone:
        return rule_added(site.context, site.spec, site.rule, {"toEntities": [ENTITY]}, to, toPorts=ports)
    peers = [NewPeers("toEntities", [ENTITY], to, ports)]
    closes = "Service default/kubernetes" if field.name == "toServices" else ""
    return swapped(site.context, site.spec, site.rule, field, gone, peers, closes=closes)


def _beside(port: int) -> str:
    return (
        "a NetworkPolicy cannot name the API server: put a CiliumNetworkPolicy for the same pods beside it, with "
        f'`egress: [{{toEntities: [kube-apiserver], toPorts: [{{ports: [{{port: "{port}", protocol: TCP}}]}}]}}]`'
    )


def port_swapped(site: RuleSite, ports: list[object]) -> Change:
    new = {**site.rule.raw, "toPorts": ports}
    return rule_becomes(site.context, site.spec, site.rule, new, "the API servers", "the API servers")


CIDR_FIELDS = frozenset({"toCIDR", "toCIDRSet", "to"})


def may_concern(site: RuleSite) -> bool:
    field = only_field(site)
    if field is None:
        return False
    if field.name == "toEntities":
        return ENTITY in field.entries or "world" in field.entries
    return field.name in CIDR_FIELDS or field.name == "toServices"


def only_field(site: RuleSite) -> PeerField | None:
    """The peer field of a rule that has one kind of peer."""
    fields = [field for field in site.rule.peers if field.entries]
    if len(fields) != 1 or (site.context.policy.kind != KNP and site.rule.selects_nobody):
        return None
    return fields[0]


def bound_ports(site: RuleSite) -> str:
    """The binding that shows that pods of the subject talk to the API server, in words; empty for none."""
    for reach in reach_of(site.context, site.spec):
        workload = reach.workload
        if workload is not None:
            for binding in site.context.inventory.account_bindings(workload.service_account, workload.namespace):
                return f"{workload} has rights at the API server: {binding}, {binding.source}"
    return ""


def range_findings(site: RuleSite, field: PeerField, entry: CidrEntry, server: ApiServer) -> Iterator[Finding]:
    message = (
        f"`{field_text(site, field)}` {entry.text} never {'denies' if site.deny else 'reaches'} the API server: "
        "it is a node in that range, and no CIDR matches a node"
    )
    guess = server.port != SERVICE_PORT and not is_on(site.rule, server.port or USUAL_PORT)
    route = field.entry_route(entry.index)
    yield from api_server_finding(site, field, route, message, [server.node_evidence], server, set(), guess=guess)


def field_text(site: RuleSite, field: PeerField) -> str:
    return "ipBlock" if site.context.policy.kind == KNP else field.name
