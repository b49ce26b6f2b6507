"""Where a connection to a Service ends, since load balancing comes before policy: its backends, on their own ports."""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.cilium.cidr import AddressError, parse_prefix_or_address
from rewriter.cilium.identity import reserved_identity
from rewriter.engine.flow.endpoints import (
    Endpoint,
    FlowError,
    Named,
    at_address,
    of_labels,
    of_workload,
    outside_name,
    own_cluster,
)
from rewriter.engine.run.workspace import Workspace
from rewriter.evidence.target_ports import target_numbers
from rewriter.inventory.facts.model import Cluster, Service, ServicePort, Workload
from rewriter.records import dataclass
from rewriter.text import join_names

#: Where API servers listen unless their EndpointSlice says otherwise.
_API_SERVER_PORT = 6443


@dataclass(frozen=True, slots=True)
class Backend:
    """One end of a connection to a Service, and the port on which the connection gets there."""

    endpoint: Endpoint
    port: int
    protocol: str


@dataclass(frozen=True, slots=True)
class ServiceEnds:
    """The Service that a destination means, and its backends; `missing` says what is not known of them."""

    service: Service
    backends: tuple[Backend, ...]
    missing: tuple[str, ...] = ()


def meant_service(found: Named, text: str, port: int, protocol: str) -> Service | None:
    """The Service through which a connection goes; None where the endpoint itself is meant.

    A workload and its Service often share a name: then the Service is meant where the port is one that the Service has,
    sends to another one, and no container of the workload has.
    """
    service = found.service
    if service is None or found.endpoint is None or text.lower().startswith(("svc/", "service/", "services/")):
        return service
    workload = found.endpoint.workload
    if workload is None:
        return service
    here = _port_of(service, port, protocol)
    moves = here is not None and not service.headless and here.target != port
    listens = any((other.number, other.protocol) == (port, protocol) for other in workload.ports)
    return service if moves and workload.ports and not listens else None


def service_ends(workspace: Workspace, service: Service, port: int, protocol: str) -> ServiceEnds:
    """The backends of a Service on a port. Raises FlowError where it has no such port, or its target is not known."""
    own = _home(workspace, service)
    if service.external_name is not None or service.type == "ExternalName":
        name = (service.external_name or "").removesuffix(".")
        if not name:
            raise FlowError(f"{service}, {service.source}: is an ExternalName without a name")
        return ServiceEnds(service, (Backend(outside_name(name, own), port, protocol),))
    if (service.namespace, service.name) == ("default", "kubernetes") and not service.selector:
        slices = workspace.inventory.endpoint_slices(service)
        listens = next((port.number for found in slices for port in found.ports), _API_SERVER_PORT)
        server = Endpoint("kube-apiserver", reserved_identity("kube-apiserver"), own)
        missing = () if slices else (f"where the API server listens: no EndpointSlice is known, judged on {listens}",)
        return ServiceEnds(service, (Backend(server, listens, "TCP"),), missing)
    entry = _port_of(service, port, protocol)
    if service.headless:
        # Nothing translates: whoever asks for a port of the name gets to that port of a pod.
        name = entry.name if entry is not None else ""
        entry = ServicePort(name, port, protocol, port)
    if entry is None:
        ports = join_names(f"{port.port}/{port.protocol} → {port.target}" for port in service.ports) or "none"
        raise FlowError(f"{service}, {service.source}: has no port {port}/{protocol}; its ports are {ports}")
    if not service.selector:
        backends = tuple(_addresses(workspace, service, entry))
        if not backends:
            raise FlowError(f"{service}, {service.source}: has no selector, and no EndpointSlice of it is known")
        return ServiceEnds(service, backends)
    workloads = [
        workload for workload in workspace.inventory.workloads_with(service.selector) if _is_behind(workload, service)
    ]
    if workloads:
        found, without = [], []
        for workload in workloads:
            numbers = ((port, protocol),) if service.headless else target_numbers(service, entry.port, workload)
            number = next((number for number, kind in numbers if kind == protocol), None)
            if number is None:
                without.append(f"the port {entry.target!r} of {workload}, {workload.source}: no container has it")
            else:
                name = f"{workload.namespace}/{workload.name}"
                found.append(Backend(of_workload(workspace, name, workload, own), number, protocol))
        if found:
            return ServiceEnds(service, tuple(found), tuple(without))
        raise FlowError(f"{service}, {service.source}: {without[0]}")
    if not isinstance(entry.target, int):
        raise FlowError(
            f"{service}, {service.source}: no workload behind it is known, nor the number of its port {entry.target!r}"
        )
    selector = ",".join(f"{key}={value}" for key, value in service.selector.items())
    pods = of_labels(workspace, f"{service.namespace}/{selector}", service.namespace, dict(service.selector), own)
    return ServiceEnds(service, (Backend(pods, entry.target, protocol),), (f"the workloads behind {service}",))


def _home(workspace: Workspace, service: Service) -> Cluster | None:
    """The cluster of a Service; that of most policies where its own is not known."""
    clusters = {cluster.name: cluster for cluster in workspace.inventory.clusters}
    return clusters.get(service.cluster or "") or own_cluster(workspace)


def way_through(service: Service) -> str:
    """How a connection gets from a Service to where it ends, in words."""
    if service.external_name is not None or service.type == "ExternalName":
        return f"is another name of {service.external_name}"
    if service.headless:
        return "is headless: its name leads to the pods themselves, on the port that is asked for"
    return "load balancing comes before policy"


def _port_of(service: Service, port: int, protocol: str) -> ServicePort | None:
    return next((other for other in service.ports if (other.port, other.protocol) == (port, protocol)), None)


def _is_behind(workload: Workload, service: Service) -> bool:
    """As `rewriter.evidence.target_ports.is_behind`; pods on the host network, and those of a global Service, too."""
    selector = service.selector or {}
    if workload.namespace != service.namespace or not selector.items() <= workload.labels.items():
        return False
    return service.is_global or workload.cluster == service.cluster or None in (workload.cluster, service.cluster)


def _addresses(workspace: Workspace, service: Service, entry: ServicePort) -> Iterator[Backend]:
    own = _home(workspace, service)
    for found in workspace.inventory.endpoint_slices(service):
        numbers = {} if service.headless else {port.name: port.number for port in found.ports}
        number = numbers.get(entry.name, entry.target)
        if not isinstance(number, int):
            continue
        for text in found.addresses:
            try:
                address = parse_prefix_or_address(text)
            except AddressError:
                continue
            yield Backend(at_address(workspace, text, address, own), number, entry.protocol)
