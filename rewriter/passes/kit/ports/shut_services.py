"""Services whose pods declare no ports, and let nothing in on the port that the Services forward to."""

from __future__ import annotations

from rewriter.cilium.policy import INGRESS
from rewriter.cilium.ports import ANY_PROTOCOL
from rewriter.evidence.listening import services_before, speaks_of
from rewriter.evidence.reachable import reach_of
from rewriter.inventory.facts.model import Service, Workload
from rewriter.passes.kit.ports.port_sites import PortSite
from rewriter.records import dataclass


@dataclass(frozen=True, slots=True)
class ShutService:
    """A Service, and the port of the pods that it forwards to."""

    service: Service
    target: int


def shut_service(site: PortSite) -> ShutService | None:
    """The Service of the pods that no client reaches, where a rule for them has a port that nothing of them has.

    None where their template, an open rule or a policy that is not read may explain the port.
    """
    found = [_forwarded(site, workload) for workload in site.pods.workloads]
    first = found[0] if found else None
    if site.rule.direction != INGRESS or first is None or any(one != first for one in found):
        return None
    for reach in reach_of(site.context, site.spec):
        rules = [rule for rule in (*reach.selecting, *reach.possible) if rule.entry.direction == INGRESS]
        if reach.hidden or any(rule.filled or rule in reach.possible for rule in rules):
            return None
        grants = [grant for rule in rules if not rule.entry.deny for grant in rule.entry.ports]
        if any(grant.match.covers(protocol, first.target, ()) for grant in grants for protocol in ("TCP", "UDP")):
            return None
        others = {grant.match.low for grant in grants} - {site.port, 0}
        if any(_has(site, workload, port) for workload in site.pods.workloads for port in others):
            return None  # That one is meant to be reached, and the Service perhaps not.
    return first


def _has(site: PortSite, workload: Workload, port: int) -> bool:
    template = site.context.inventory.pod_template(workload)
    return template is None or speaks_of(template.spec, site.protocol, port)


def _forwarded(site: PortSite, workload: Workload) -> ShutService | None:
    """The only port that the Services of a workload forward to, where the rule's port is another that it has not."""
    template = site.context.inventory.pod_template(workload)
    if workload.ports or workload.source.partial or template is None or isinstance(site.port, str):
        return None
    services = services_before(site.context, workload)
    ports = [(service, port) for service in services for port in service.ports]
    targets = {port.target for _, port in ports}
    if len(targets) != 1 or any(port.protocol != "TCP" for _, port in ports) or site.protocol not in _PROTOCOLS:
        return None
    (target,) = targets
    if not isinstance(target, int) or target == site.port or speaks_of(template.spec, site.protocol, site.port):
        return None
    return ShutService(ports[0][0], target)


_PROTOCOLS = ("TCP", ANY_PROTOCOL)
