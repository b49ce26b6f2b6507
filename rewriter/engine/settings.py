"""Cilium's settings of a cluster, from the inventory, and the facts that its policies point at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from rewriter.cilium.cidr import AddressError, Prefix, parse_prefix
from rewriter.cilium.identity import Identity, NamedPort
from rewriter.cilium.labels import pod_labels
from rewriter.cilium.policy import Policy
from rewriter.cilium.settings import CidrGroupView, Facts, ServiceView, Settings
from rewriter.cilium.version import DEFAULT_LOCAL_CLUSTER, DEFAULT_LOCAL_CLUSTER_EXISTS, Version
from rewriter.inventory.facts import CIDRGroup, Cluster, Namespace, Service, Workload
from rewriter.inventory.inventory import Inventory
from rewriter.passes.kit.enforcement import rests_on_node_labels

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


def node_labels_unsaid(cluster: Cluster | None, policy: Policy, version: Version) -> bool:
    """Whether a policy counts as rejected only because nobody says how the agents run (enable-node-selector-labels)."""
    unsaid = cluster is None or cluster.node_selector_labels is None
    return unsaid and rests_on_node_labels(policy, version)


def compared_settings(cluster: Cluster | None, version: Version, *, mesh: bool) -> Settings:
    """As `settings_of`; without a mesh no flow depends on the local cluster's label, and it is left out."""
    settings = settings_of(cluster, version)
    return settings if mesh else replace(settings, default_local_cluster=False)


def mesh_addresses(inventory: Inventory) -> tuple[Prefix, ...]:
    """The addresses of pods, nodes and Services that are known: what is there is never outside the mesh."""
    known = (
        cidrs
        for cluster in inventory.clusters
        if cluster.meshed
        for cidrs in (cluster.pod_cidrs, cluster.node_cidrs, cluster.service_cidrs)
    )
    return tuple(dict.fromkeys(prefix for cidrs in known for prefix in _prefixes(cidrs or ())))


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
        tuple(CidrGroupView(group.name, tuple(_prefixes(group.cidrs)), group.labels) for group in groups),
    )


def _service_view(service: Service, inventory: Inventory) -> ServiceView:
    addresses = tuple(address for endpoints in inventory.endpoint_slices(service) for address in endpoints.addresses)
    return ServiceView(service.namespace, service.name, service.selector or {}, service.labels, addresses)


def _prefixes(cidrs: Iterable[str]) -> list[Prefix]:
    prefixes = []
    for cidr in cidrs:
        try:
            prefixes.append(parse_prefix(cidr))
        except AddressError:
            continue
    return prefixes
