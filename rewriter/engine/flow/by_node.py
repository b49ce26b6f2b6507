"""Clients from outside that policy may see as a node, since a Service sends them on from one."""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.cilium.labels import K8S, NAMESPACE_LABEL, LabelSet
from rewriter.engine.flow.endpoints import Endpoint
from rewriter.evidence.hidden_clients import hiding_services
from rewriter.evidence.target_ports import target_numbers
from rewriter.inventory.facts.model import Service
from rewriter.inventory.questions.inventory import Inventory


def is_client(end: Endpoint) -> bool:
    """Whether an end is an address outside of the mesh."""
    return end.workload is None and bool({"world", "world-ipv4", "world-ipv6"} & end.identity.reserved)


def services_before(inventory: Inventory, end: Endpoint, port: int, protocol: str) -> Iterator[Service]:
    """The Services that hide the client's address and lead to a port of these pods."""
    labels = LabelSet(end.identity.labels)
    for service in hiding_services(inventory, end.cluster):
        if not service.selector or labels.values(K8S, NAMESPACE_LABEL) != (service.namespace,):
            continue
        chosen = all(labels.values(K8S, key) == (value,) for key, value in service.selector.items())
        if chosen and (port, protocol) in _targets(service, end):
            yield service


def _targets(service: Service, end: Endpoint) -> set[tuple[int, str]]:
    if end.workload is not None:
        return set(target_numbers(service, None, end.workload))
    return {(port.target, port.protocol) for port in service.ports if isinstance(port.target, int)}
