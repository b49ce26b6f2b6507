"""The API server of a policy's cluster: under which addresses and on which port policy sees it, as far as is known.

Policy sees the endpoint behind `default/kubernetes`, after load balancing: the entity `kube-apiserver` on the
endpoint's port. Where the endpoint is a node of the cluster no CIDR matches it; one outside of it (hosted control
planes) keeps the CIDRs of its address (Cilium pkg/ipcache, resolveLabels; docs, "Entities based" policies).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rewriter.cilium.addresses import AddressSet, address_set
from rewriter.cilium.cidr import Prefix
from rewriter.evidence.clusters import bare, parse
from rewriter.evidence.context import Context
from rewriter.evidence.dns import HOMES, dns_service
from rewriter.inventory.facts.model import Cluster, EndpointSlice, Node, Service, Source
from rewriter.inventory.questions.inventory import Inventory
from rewriter.records import dataclass

#: The port of the Service `default/kubernetes` (Kubernetes pkg/controlplane).
SERVICE_PORT = 443
#: Where API servers listen unless their installation says otherwise.
USUAL_PORT = 6443
#: Which address of the Service range the cluster's DNS has.
_DNS_OFFSET = 10

#: Labels of nodes on which an API server runs.
CONTROL_PLANE_ROLES = frozenset(
    f"node-role.kubernetes.io/{role}" for role in ("control-plane", "master", "controlplane")
)


@dataclass(frozen=True, slots=True)
class ApiServer:
    """What is known of an API server. Each fact comes with the evidence for it, in words with the source.

    `port` is the endpoint's (None: not known); with `port_of_endpoint` the EndpointSlice itself says so. `virtual` are
    the ClusterIPs of `default/kubernetes`. `nodes` are the addresses of API servers that are nodes of the cluster;
    empty where none is known to be.
    """

    port: int | None
    port_evidence: str
    virtual: AddressSet
    virtual_evidence: str
    nodes: AddressSet
    node_evidence: str
    facts: tuple[EndpointSlice | Service, ...] = ()
    port_of_endpoint: bool = False

    @property
    def is_node(self) -> bool:
        """Whether API servers are known to be nodes of the cluster, which no CIDR matches."""
        return bool(self.nodes)


def api_server(context: Context) -> ApiServer:
    """What is known of the API server of the cluster that a policy is applied to. Found out once a cluster and run."""
    key = ("api server", context.cluster.name if context.cluster else None)
    if key not in context.answers:
        context.answers[key] = _found(context)
    found: ApiServer = context.answers[key]
    return found


def _found(context: Context) -> ApiServer:
    own = context.cluster.name if context.cluster else None
    slices = _slices(context.inventory, own)
    services = [
        s for s in context.inventory.services("kubernetes", "default") if own is None or s.cluster in (None, own)
    ]
    port_known, port_evidence = _port(context, slices, services)
    virtual, virtual_evidence = _virtual(context, services)
    nodes = list(server_nodes(context.inventory, context.cluster))
    addresses = address_set(one for _, own_addresses in nodes for one in own_addresses)
    shown = [f"{node.name} ({', '.join(map(bare, found))}), {node.source}" for node, found in nodes]
    return ApiServer(
        port_known,
        port_evidence,
        virtual,
        virtual_evidence,
        addresses,
        _nodes_text(shown),
        (*slices, *services),
        any(port.number == port_known for endpoint_slice in slices for port in endpoint_slice.ports),
    )


_KUBERNETES = Service("kubernetes", "default", None, {}, None, (), Source("Kubernetes"))


def _port(context: Context, slices: Iterable[EndpointSlice], services: Iterable[Service]) -> tuple[int | None, str]:
    for endpoint_slice in slices:
        for port in endpoint_slice.ports:
            if port.name in ("https", ""):
                words = f"EndpointSlice of Service default/kubernetes, {endpoint_slice.source}: port {port.number}"
                return port.number, words
    cluster = context.cluster
    if cluster is not None and cluster.api_server_port is not None:
        port_known = cluster.api_server_port
        return port_known, f"the API server listens on {port_known}, {cluster.source_of('api_server_port')}"
    for service in services:
        for service_port in service.ports:
            if (
                service_port.port == SERVICE_PORT
                and isinstance(service_port.target, int)
                and service_port.target != SERVICE_PORT
            ):
                return service_port.target, f"{service}, {service.source}: targetPort {service_port.target}"
    return None, ""


def _virtual(context: Context, services: Iterable[Service]) -> tuple[AddressSet, str]:
    """The ClusterIPs of `default/kubernetes`: as its manifest says, else the first address of each Service range.

    Where no range is known, the address of the cluster's DNS gives the first one: installations give that the tenth
    (kubeadm `GetDNSIP`; k3s, RKE2, Talos and hosted clusters do the same).
    """
    for service in services:
        known = [one for text in service.cluster_ips if (one := parse(text)) is not None]
        if known:
            return address_set(known), f"{service}, {service.source}: ClusterIP {', '.join(service.cluster_ips)}"
    cluster = context.cluster
    if cluster is None or not cluster.service_cidrs:
        return _beside_dns(context)
    ranges = [one for text in cluster.service_cidrs if (one := parse(text)) is not None]
    firsts = [Prefix(one.width, one.network + 1, one.width) for one in ranges if one.bits < one.width]
    text = f"{', '.join(map(bare, firsts))} is the first address of the Service range {', '.join(map(str, ranges))}"
    return address_set(firsts), f"{text}, {cluster.source_of('service_cidrs')}"


def _beside_dns(context: Context) -> tuple[AddressSet, str]:
    found = address_beside_dns(context.inventory, context.cluster.name if context.cluster else None)
    if found is None:
        return AddressSet(), ""
    first, service = found
    where = f"{service}, {service.source}: ClusterIP {', '.join(service.cluster_ips)}"
    text = f"{bare(first)} is the first address of the Service range, whose tenth is that of DNS ({where})"
    return address_set([first]), text


def address_beside_dns(inventory: Inventory, cluster: str | None) -> tuple[Prefix, Service] | None:
    """The first address of a cluster's Service range as follows from that of its DNS, and the Service of DNS."""
    service = dns_service(inventory, cluster)
    if service is None or service.namespace not in HOMES:
        return None  # A server of DNS elsewhere need not be the cluster's own.
    for text in service.cluster_ips:
        address = parse(text)
        if address is not None and address.network & 0xFF == _DNS_OFFSET:
            return Prefix(address.width, address.network - _DNS_OFFSET + 1, address.width), service
    return None


def _slices(inventory: Inventory, own: str | None) -> list[EndpointSlice]:
    return [s for s in inventory.endpoint_slices(_KUBERNETES) if own is None or s.cluster in (None, own)]


def server_nodes(inventory: Inventory, own: Cluster | None) -> Iterator[tuple[Node, list[Prefix]]]:
    """The nodes on which the API server of a cluster runs, each with its addresses.

    Those that the EndpointSlice names; without one those of the control plane, and the one that agents are sent to.
    """
    slices = _slices(inventory, own.name if own else None)
    nodes = [node for node in inventory.nodes() if own is None or node.cluster in (None, own.name)]
    endpoints = {parse(address) for endpoint_slice in slices for address in endpoint_slice.addresses}
    host = parse(own.api_server_host) if own is not None else None
    for node in nodes:
        addresses = [one for text in node.addresses if (one := parse(text)) is not None]
        if endpoints:
            runs = bool(endpoints.intersection(addresses))
        else:
            runs = host in addresses or bool(CONTROL_PLANE_ROLES.intersection(node.labels))
        if runs and addresses:
            yield node, addresses


def _nodes_text(shown: list[str]) -> str:
    if not shown:
        return ""
    more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
    return f"nodes with an API server: {'; '.join(shown[:3])}{more}"
