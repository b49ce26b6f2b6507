"""On which ports the pods of a workload listen, as far as their manifest and their Services say."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from rewriter.cilium.ports import ANY_PROTOCOL
from rewriter.evidence.context import Context
from rewriter.inventory.facts.model import NamedPort, Service, Workload


def services_before(context: Context, workload: Workload) -> list[Service]:
    """The known Services whose backends a workload's pods are."""
    return [
        service
        for service in context.inventory.all_services()
        if service.selector
        and service.namespace == workload.namespace
        and (None in (service.cluster, workload.cluster) or service.cluster == workload.cluster)
        and service.selector.items() <= workload.labels.items()
    ]


def declared_ports(workload: Workload, protocol: str) -> list[NamedPort]:
    """The container ports of a protocol (ANY: of any)."""
    return [port for port in workload.ports if protocol in (ANY_PROTOCOL, port.protocol)]


def listens(context: Context, workload: Workload, protocol: str, port: int | str) -> bool | None:
    """Whether the pods of a workload listen on a port, by number or by name.

    True where a container declares it, a Service forwards to it, or the pod template speaks of the number anywhere: in
    a probe, an argument, a variable, an annotation of a volume. None where that is not known: the workload declares no
    ports at all, is known in part, or its template is not among the facts.
    """
    if not workload.ports:
        return None
    declared = declared_ports(workload, protocol)
    if isinstance(port, str):
        named = any(other.name.lower() == port.lower() for other in declared)
        return named or (None if workload.source.partial else False)
    if any(other.number == port for other in declared):
        return True
    if any(
        other.target == port and protocol in (ANY_PROTOCOL, other.protocol)
        for service in services_before(context, workload)
        for other in service.ports
    ):
        return True
    template = context.inventory.pod_template(workload)
    if template is None or workload.source.partial:
        return None
    return speaks_of(template.spec, protocol, port)


def speaks_of(spec: Mapping[str, Any], protocol: str, port: int) -> bool:
    """Whether a pod spec has a number anywhere but in the ports that its containers declare."""
    written = json.dumps(_without_ports(spec, probes=protocol in (ANY_PROTOCOL, "TCP")), default=str)
    return re.search(rf"(?<![\d.]){port}(?![\d.])", written) is not None


def _without_ports(spec: Mapping[str, Any], *, probes: bool) -> dict[str, Any]:
    """A pod spec without the ports that its containers declare: these are known with their protocols.

    Without `probes` what the kubelet asks over TCP is left out too.
    """
    left_out = {"ports"} if probes else {"ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle"}
    rest = dict(spec)
    for field in ("containers", "initContainers"):
        containers = spec.get(field)
        if isinstance(containers, list):
            rest[field] = [
                {name: value for name, value in container.items() if name not in left_out}
                for container in containers
                if isinstance(container, dict)
            ]
    return rest
