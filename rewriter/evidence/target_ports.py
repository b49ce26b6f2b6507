"""Behind which Services the pods of a workload stand, and on which of their ports a Service's port ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rewriter.cilium.digits import is_number
from rewriter.inventory.facts.model import Service, Workload
from rewriter.inventory.objects.gateways import RouteBackend
from rewriter.text import join_names

#: What prometheus-operator calls the ports of the pods that it makes (pkg/prometheus/common.go, pkg/alertmanager).
_MADE = {
    "Prometheus": {"web": 9090, "http-web": 9090},
    "Alertmanager": {"web": 9093, "http-web": 9093},
}


def is_behind(workload: Workload, service: Service) -> bool:
    """Whether the pods of a workload are backends of a Service."""
    if not service.selector or workload.host_network or service.namespace != workload.namespace:
        return False
    if None not in (service.cluster, workload.cluster) and service.cluster != workload.cluster:
        return False
    return service.selector.items() <= workload.labels.items()


def target_numbers(service: Service, port: int | str | None, workload: Workload) -> tuple[tuple[int, str], ...]:
    """Where a port of a Service (its number or name; None: every one) ends in a workload, as (number, protocol).

    A target that is a name counts where a container of the workload has it.
    """
    found: dict[tuple[int, str], None] = {}
    for other in service.ports:
        if port is not None and port not in (other.port, other.name):
            continue
        if isinstance(other.target, int):
            found[other.target, other.protocol] = None
        else:
            for container in workload.ports:
                if container.name == other.target and container.protocol == other.protocol:
                    found[container.number, other.protocol] = None
            made = _MADE.get(workload.kind, {}).get(other.target) if not workload.ports else None
            if made is not None:
                found[made, other.protocol] = None
    return tuple(found)


def ends_of(backends: Iterable[RouteBackend], service: Service, workload: Workload) -> list[int]:
    """The TCP ports of a workload at which requests to backends of a route end, through one Service."""
    if not is_behind(workload, service):
        return []
    named = [backend for backend in backends if (backend.namespace, backend.name) == (service.namespace, service.name)]
    found = dict.fromkeys(target for backend in named for target in target_numbers(service, backend.port, workload))
    return [number for number, protocol in found if protocol == "TCP"]


def same_service(service: Service) -> tuple[object, ...]:
    """What of a Service says where its requests end: copies of one, for several clusters perhaps, have it alike."""
    selector = None if service.selector is None else frozenset(service.selector.items())
    return (service.namespace, service.name, service.cluster, selector, service.ports)


def no_container_has(targets: Iterable[str], backends: Sequence[Workload]) -> str:
    """That a named target is a port of no container of the backends, in words; empty where one has it, or may."""
    if not backends or any(workload.source.partial for workload in backends):
        return ""
    named = {port.name.lower() for workload in backends for port in workload.ports}
    lost = [name for name in targets if not is_number(name) and name.lower() not in named]
    pods = join_names((str(workload) for workload in backends), most=3)
    return f"no container of {pods} has a port named {join_names(lost)}" if lost else ""
