"""Cilium's settings of a cluster, from the inventory, and the facts that its policies point at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rewriter.cilium.cidr import AddressError, Prefix, parse_prefix
from rewriter.cilium.identity import Identity, NamedPort
from rewriter.cilium.labels import pod_labels
from rewriter.cilium.settings import CidrGroupView, Facts, ServiceView, Settings
from rewriter.cilium.version import DEFAULT_LOCAL_CLUSTER, DEFAULT_LOCAL_CLUSTER_EXISTS, Version
from rewriter.inventory.facts import CIDRGroup, Cluster, Namespace, Service, Workload
from rewriter.inventory.inventory import Inventory

#: The name of a cluster of which nobody told the name (Cilium's default of cluster.name).
DEFAULT_NAME = "default"


def settings_of(cluster: Cluster | None, version: Version) -> Settings:
    """How the agents of a cluster read policies on a version; Cilium's defaults where nothing is known."""
    configured = cluster.default_local_cluster if cluster else None
    exists = version >= DEFAULT_LOCAL_CLUSTER_EXISTS
    return Settings(
        version=version,
        local_cluster=cluster.name if cluster else DEFAULT_NAME,
        default_local_cluster=exists and (version >= DEFAULT_LOCAL_CLUSTER if configured is None else configured),
        cidr_match_nodes=bool(cluster and cluster.cidr_match_nodes),
        node_selector_labels=bool(cluster and cluster.node_selector_labels),
    )


def workload_identity(workload: Workload, inventory: Inventory, local: str) -> Identity:
    """The identity of a workload's pods; `local` is the cluster of those whose cluster nobody tells."""
    return _identity(workload, inventory.namespaces(workload.namespace), local)


def workload_identities(workloads: Iterable[Workload], inventory: Inventory, clusters: Sequence[str]) -> list[Identity]:
    """The identities of many workloads; one whose cluster nobody tells counts as one of each of `clusters`."""
    namespaces: dict[str, list[Namespace]] = {}
    for namespace in inventory.namespaces():
        namespaces.setdefault(namespace.name, []).append(namespace)
    return [
        _identity(workload, namespaces.get(workload.namespace, ()), local)
        for workload in workloads
        for local in ([workload.cluster] if workload.cluster else clusters)
    ]


def _identity(workload: Workload, namespaces: Iterable[Namespace], local: str) -> Identity:
    cluster = workload.cluster or local
    namespace_labels: dict[str, str] = {}
    for namespace in namespaces:
        if namespace.cluster in (None, cluster):
            namespace_labels |= namespace.labels
    return Identity(
        name=f"{cluster}/{workload.namespace}/{workload.name}",
        labels=pod_labels(
            cluster=cluster,
            namespace=workload.namespace,
            labels=workload.labels,
            namespace_labels=namespace_labels,
            service_account=workload.service_account,
        ),
        named_ports=tuple(NamedPort(port.name, port.number, port.protocol) for port in workload.ports if port.name),
    )


def facts_of(services: Iterable[Service], groups: Iterable[CIDRGroup], inventory: Inventory) -> Facts:
    """Services and CIDR groups as the verdict engine sees them."""
    return Facts(
        tuple(_service_view(service, inventory) for service in services),
        tuple(CidrGroupView(group.name, tuple(valid_prefixes(group.cidrs)), group.labels) for group in groups),
    )


def _service_view(service: Service, inventory: Inventory) -> ServiceView:
    addresses = tuple(address for endpoints in inventory.endpoint_slices(service) for address in endpoints.addresses)
    return ServiceView(service.namespace, service.name, service.selector or {}, service.labels, addresses)


def valid_prefixes(cidrs: Iterable[str]) -> list[Prefix]:
    """The prefixes among the texts; what does not parse, a bare address too, is left out."""
    prefixes = []
    for cidr in cidrs:
        try:
            prefixes.append(parse_prefix(cidr))
        except AddressError:
            continue
    return prefixes
