"""Rules to nodes on a port that is the nodePort of a Service."""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.cilium.policy import EGRESS, KNP, PeerField, Rule
from rewriter.cilium.version import NODE_PORTS_BALANCED_IN_POD
from rewriter.evidence.backends import Backends, UndecidedError, service_backends
from rewriter.evidence.context import Context
from rewriter.finding import Finding, Severity
from rewriter.inventory.facts.model import Service, ServicePort
from rewriter.passes.kit.addresses.address_owner import nodes_at
from rewriter.passes.kit.addresses.cidr_entries import CidrEntry, read_entries
from rewriter.passes.kit.changes.applicability import EVIDENT, MANUAL, OTHERWISE, UNSAFE, decided
from rewriter.passes.kit.changes.change import Change, rule_added
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.changes.site import RuleSite
from rewriter.passes.kit.ports.port_numbers import is_on, items_of, ports_for, ports_in

_NODES = frozenset({"host", "remote-node"})


def node_ports(site: RuleSite, field: PeerField) -> Iterator[Finding]:
    """A finding for each Service whose nodePort a rule to nodes names, where Cilium balances it before policy."""
    if items_of(site.rule) is None or not _balanced(site.context) or not _to_nodes(site, field):
        return
    for service, port in _services(site):
        yield from _finding(site, service, port)


def is_node_port(context: Context, rule: Rule, entry: CidrEntry) -> bool:
    """Whether an entry is an address of a node, in a rule that is on ports of Services on the nodes alone."""
    items = items_of(rule)
    if rule.direction != EGRESS or items is None or not _balanced(context) or not nodes_at(context, entry):
        return False
    on_nodes = [
        (port.node_port, port.protocol)
        for service in context.inventory.all_services()
        for port in service.ports
        if port.node_port
    ]
    ports = [port for item in items for port in ports_in(item)]
    return bool(ports) and all(
        not port.get("endPort")
        and any(str(port.get("port")) == str(number) and is_on(rule, number, proto) for number, proto in on_nodes)
        for port in ports
    )


def _balanced(context: Context) -> bool:
    """Whether a pod's connection to a node port has become one to a backend when policy sees it, on the target."""
    cluster = context.cluster
    if cluster is None or cluster.kube_proxy_replacement is not True:
        return False
    at_the_socket = cluster.datapath is not None and cluster.datapath.socket_lb
    return at_the_socket or context.to_version >= NODE_PORTS_BALANCED_IN_POD


def _to_nodes(site: RuleSite, field: PeerField) -> bool:
    if field.name == "toEntities":
        return bool(_NODES.intersection(str(entry) for entry in field.entries))
    if field.name in ("toCIDR", "toCIDRSet", "to"):
        return any(nodes_at(site.context, entry) for entry in read_entries(field))
    return False


def _services(site: RuleSite) -> Iterator[tuple[Service, ServicePort]]:
    own = site.context.cluster.name if site.context.cluster else None
    for service in site.context.inventory.all_services():
        for port in service.ports:
            written = port.node_port is not None and service.cluster in (None, own)
            if written and port.node_port is not None and _names(site, port.node_port, port.protocol):
                yield service, port


def _names(site: RuleSite, number: int, protocol: str) -> bool:
    """Whether the rule names a port itself: a range or every port says nothing of one Service."""
    for item in items_of(site.rule) or ():
        for port in ports_in(item):
            if str(port.get("port")) == str(number) and not port.get("endPort"):
                return is_on(site.rule, number, protocol)
    return False


def _finding(site: RuleSite, service: Service, port: ServicePort) -> Iterator[Finding]:
    context = site.context
    reason, backends, change = "", None, None
    try:
        backends = service_backends(context, service)
    except UndecidedError as error:
        reason = f"{error.reason}; {error.advice}"
    if context.policy.kind == KNP:
        reason = f"name the backends as peers: pods of {service} on port {port.target}"
    elif backends is not None:
        change = _added(site, backends, port)
        if change is None:
            return
    always = context.cluster is not None and context.cluster.datapath is not None and context.cluster.datapath.socket_lb
    since = "" if always else f" from Cilium {NODE_PORTS_BALANCED_IN_POD} on"
    yield report(
        context,
        f"{site.route}/toPorts",
        decided((change is None, MANUAL), (site.deny, UNSAFE), (OTHERWISE, EVIDENT)),
        f"the rule {'denies' if site.deny else 'reaches'} no pod of {service} by nodePort {port.node_port}{since}",
        "Cilium checks policy only after it has sent the connection on to a pod of the Service",
        change=change,
        rule=site.rule,
        severity=Severity.ERROR if site.deny else Severity.WARNING,
        rests_on=[service],
        evidence=[f"{service}, {service.source}: nodePort {port.node_port} → {port.target}"],
        advice=reason,
        at_key=True,
    )


def _added(site: RuleSite, backends: Backends, port: ServicePort) -> Change | None:
    if isinstance(port.target, int):
        ports = ports_for(site.rule, {port.node_port or 0: port.target})
    else:
        ports = [{"ports": [{"port": port.target, "protocol": port.protocol}]}]
    peers = {backends.field: list(backends.entries)}
    words = f"backends of {backends.name}"
    return rule_added(site.context, site.spec, site.rule, peers, words, toPorts=ports)
