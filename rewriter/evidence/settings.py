"""Cilium's settings of a cluster, from the inventory, and the facts that its policies point at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rewriter.cilium.by_identity import ByIdentity
from rewriter.cilium.cidr import AddressError, Prefix, parse_prefix
from rewriter.cilium.digits import is_number
from rewriter.cilium.identity import Identity, NamedPort, reserved_identity
from rewriter.cilium.identity_labels import label_filter, node_label_filter
from rewriter.cilium.labels import pod_labels
from rewriter.cilium.settings import CidrGroupView, EnforcementMode, Facts, ServiceView, Settings
from rewriter.cilium.version import DEFAULT_LOCAL_CLUSTER, DEFAULT_LOCAL_CLUSTER_EXISTS, Version
from rewriter.inventory.facts.completeness import SERVICES
from rewriter.inventory.facts.model import CIDRGroup, Cluster, Namespace, Service, Source, Workload
from rewriter.inventory.questions.inventory import Inventory

#: The name of a cluster whose name is unknown (Cilium's default of cluster.name).
DEFAULT_NAME = "default"
_NOT_KNOWN = Cluster(DEFAULT_NAME, Source(""))
_MADE: ByIdentity[Cluster, Settings] = ByIdentity(1000)


def settings_of(cluster: Cluster | None, version: Version, *, target: bool = False) -> Settings:
    """How the agents of a cluster read policies on a version; Cilium's defaults where nothing is known.

    `target` says that the cluster goes to the version: then it stands for its first patch release, else for its newest,
    unless it has a patch, or the cluster is known to run a patch release of it. Made once for a cluster, a version and
    a target.
    """
    known = cluster or _NOT_KNOWN
    answers = _MADE.to((version, version.patch, target, cluster is None))
    if id(known) not in answers:
        answers[id(known)] = known, _settings_of(cluster, known, version, target=target)
    return answers[id(known)][1]


def _settings_of(cluster: Cluster | None, known: Cluster, version: Version, *, target: bool) -> Settings:
    configured = cluster.default_local_cluster if cluster else None
    exists = version >= DEFAULT_LOCAL_CLUSTER_EXISTS
    return Settings(
        version=version,
        local_cluster=cluster.name if cluster else DEFAULT_NAME,
        default_local_cluster=exists and (version >= DEFAULT_LOCAL_CLUSTER if configured is None else configured),
        cidr_match_nodes=bool(known.cidr_match_nodes),
        cidr_match_pods=bool(known.cidr_match_pods),
        node_selector_labels=bool(known.node_selector_labels),
        extended_ip_protocols=bool(known.extended_ip_protocols),
        cluster_network_policies=bool(known.cluster_network_policies),
        mutual_authentication=known.mutual_authentication,
        enforcement=EnforcementMode(known.enforcement or EnforcementMode.DEFAULT),
        audit=bool(known.audit),
        host_firewall=known.host_firewall,
        pod_labels=label_filter(version, known.identity_labels or ()),
        node_labels=node_label_filter(known.node_labels) if known.node_labels else None,
        first_patch=target if (patch := known_patch(known.version, version)) is None else patch == 0,
        patch=patch,
    )


def not_enforced(cluster: Cluster | None) -> str:
    """Why no policy of a cluster decides on traffic: the setting with its source; empty where policies do."""
    if cluster is None:
        return ""
    if cluster.enforcement == EnforcementMode.NEVER:
        return f"policyEnforcementMode is never ({cluster.source_of('enforcement')})"
    return f"policyAuditMode is on ({cluster.source_of('audit')})" if cluster.audit else ""


def known_patch(running: str | None, version: Version) -> int | None:
    """The patch number of a minor version: as it is asked for, else that of the release that runs; None for neither."""
    if version.patch is not None:
        return version.patch
    parts = (running or "").split(".")
    same = len(parts) > 2 and parts[:2] == str(version).split(".")
    return int(parts[2]) if same and is_number(parts[2]) else None


def workload_identity(workload: Workload, inventory: Inventory, local: str) -> Identity:
    """The identity of a workload's pods; `local` is the cluster of those whose cluster is unknown.

    Pods on the host network are the node, here one beside that of their peers.
    """
    if workload.host_network:
        name = f"{workload.cluster or local}/{workload.namespace}/{workload.name}"
        return reserved_identity("remote-node")._replace(name=name)
    return _identity(workload, inventory.namespaces(workload.namespace), local, _pod_ranges(workload, inventory, local))


def _pod_ranges(workload: Workload, inventory: Inventory, local: str) -> tuple[Prefix, ...]:
    """Where the pods of a workload have their addresses; empty where that is not known."""
    name = workload.cluster or local
    known = next((cluster for cluster in inventory.clusters if cluster.name == name), None)
    return tuple(valid_prefixes(known.pod_cidrs or ())) if known else ()


def workload_identities(workloads: Iterable[Workload], inventory: Inventory, clusters: Sequence[str]) -> list[Identity]:
    """The identities of many workloads; one whose cluster is unknown counts as one of each of `clusters`.

    Pods on the host network have none of their own: they are the node.
    """
    namespaces: dict[str, list[Namespace]] = {}
    for namespace in inventory.namespaces():
        namespaces.setdefault(namespace.name, []).append(namespace)
    return [
        _identity(workload, namespaces.get(workload.namespace, ()), local)
        for workload in workloads
        if not workload.host_network
        for local in ([workload.cluster] if workload.cluster else clusters)
    ]


def _identity(
    workload: Workload, namespaces: Iterable[Namespace], local: str, addresses: tuple[Prefix, ...] = ()
) -> Identity:
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
        addresses=addresses,
    )


def facts_of(services: Iterable[Service], groups: Iterable[CIDRGroup], inventory: Inventory) -> Facts:
    """Services and CIDR groups as the verdict engine sees them."""
    return Facts(
        tuple(_service_view(service, inventory) for service in services),
        tuple(CidrGroupView(group.name, tuple(valid_prefixes(group.cidrs)), group.labels) for group in groups),
        closed=lambda namespace: inventory.completeness(namespace, group=SERVICES).complete,
    )


def mesh_port_names(inventory: Inventory) -> tuple[NamedPort, ...]:
    """The named ports of every pod that is known, each once."""
    return tuple(
        sorted(
            {
                NamedPort(port.name, port.number, port.protocol)
                for workload in inventory.all_workloads()
                if not workload.host_network
                for port in workload.ports
                if port.name
            }
        )
    )


def _service_view(service: Service, inventory: Inventory) -> ServiceView:
    addresses = tuple(address for endpoints in inventory.endpoint_slices(service) for address in endpoints.addresses)
    return ServiceView(
        service.namespace,
        service.name,
        service.selector or {},
        service.labels,
        addresses,
        service.external_name is not None or service.type == "ExternalName",
    )


def valid_prefixes(cidrs: Iterable[str]) -> list[Prefix]:
    """The prefixes among the texts; what does not parse, a bare address too, is left out."""
    prefixes = []
    for cidr in cidrs:
        try:
            prefixes.append(parse_prefix(cidr))
        except AddressError:
            continue
    return prefixes
