"""The facts that a rewrite may rely on. Every fact keeps its source; what is unknown is absent, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields
from enum import StrEnum
from typing import Any

from rewriter.inventory.facts.datapath import Datapath
from rewriter.records import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """Where a fact comes from: a file with a 1-based line, or words such as `cnpfix.toml` or a context's name."""

    path: str
    line: int | None = None
    #: What made it of the manifest there, in words: a chart, and its template where it was rendered.
    via: str = ""
    #: Whether more may be true of the fact than is known: ports, labels that a chart adds.
    partial: bool = field(default=False, compare=False)
    #: Whether what made it was held against nothing: data of a chart that was never compared with the chart.
    unchecked: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place} ({self.via})" if self.via else place


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSettings:
    """How a cluster's agents read policies: Cilium's own settings, each None where it was not found.

    `extended_ip_protocols` says whether port entries without a port are accepted, `enforcement` is
    policyEnforcementMode, `audit` policyAuditMode, `mutual_authentication` authentication.enabled; `identity_labels`
    and `node_labels` are the agent's label filters.
    """

    default_local_cluster: bool | None = None
    cidr_match_nodes: bool | None = None
    cidr_match_pods: bool | None = None
    node_selector_labels: bool | None = None
    extended_ip_protocols: bool | None = None
    enforcement: str | None = None
    audit: bool | None = None
    host_firewall: bool | None = None
    identity_labels: tuple[str, ...] | None = None
    node_labels: tuple[str, ...] | None = None
    cluster_network_policies: bool | None = None
    mutual_authentication: bool | None = None


#: The fields of a cluster that say how its agents read policies.
AGENT_FIELDS = tuple(setting.name for setting in fields(AgentSettings))


@dataclass(frozen=True, slots=True)
class Cluster(AgentSettings):
    """A cluster of the mesh. CIDRs are as written; None where unknown, () where there are none.

    `kube_proxy_replacement` is Cilium's own setting where it was found; `dns_name_error` says that its DNS proxy
    answers names that no rule allows with NXDOMAIN, not with REFUSED.
    `incomplete` names the lists of its snapshot (`workloads`, `services`, …) that could not be read: of those nothing
    is known.

    `pods_within` are ranges outside of which no pod of their address family is; they may hold other machines too
    (Cilium's native-routing CIDR, the chart's own default pool). `nodes_within` are the same for nodes. `ipam` is
    Cilium's ipam.mode. `api_server_host` is the name or address under which machines and agents reach the API server
    (no proxy on loopback), `api_server_port` the port on which it listens itself. `cited` says where single fields were
    found, if not in `source`.
    """

    name: str
    source: Source
    local_paths: tuple[str, ...] = ()
    version: str | None = None
    pod_cidrs: tuple[str, ...] | None = None
    node_cidrs: tuple[str, ...] | None = None
    service_cidrs: tuple[str, ...] | None = None
    kube_proxy_replacement: bool | None = None
    dns_name_error: bool | None = None
    meshed: bool = True
    incomplete: tuple[str, ...] = ()
    pods_within: tuple[str, ...] | None = None
    nodes_within: tuple[str, ...] | None = None
    ipam: str | None = None
    api_server_host: str | None = None
    api_server_port: int | None = None
    datapath: Datapath | None = None
    cited: tuple[tuple[str, Source], ...] = ()

    def source_of(self, field: str) -> Source:
        """Where the value of a field was found."""
        return next((source for name, source in self.cited if name == field), self.source)

    @property
    def alone(self) -> Source | None:
        """Where it stands that the cluster is meshed with no other; None where nothing says so."""
        return None if self.meshed else next((source for name, source in self.cited if name == "meshed"), None)


@dataclass(frozen=True, slots=True)
class Namespace:
    name: str
    cluster: str | None
    labels: Mapping[str, str]
    source: Source


@dataclass(frozen=True, slots=True)
class NamedPort:
    """A container port: its name ("" where it has none), number and protocol (TCP, UDP, SCTP)."""

    name: str
    number: int
    protocol: str = "TCP"


@dataclass(frozen=True, slots=True)
class Workload:
    """Something that makes pods. `labels` are the pods' own; `namespace` is the one it is applied to.

    `cluster` is None where the manifests do not say which cluster they are for.
    """

    kind: str
    name: str
    namespace: str
    cluster: str | None
    labels: Mapping[str, str]
    source: Source
    service_account: str = "default"
    ports: tuple[NamedPort, ...] = ()
    host_network: bool = False

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class ServicePort:
    """`target` is the backend port: a number, or the name of a container port; the port itself by default.

    `node_port` is None where none is written: one may still be given by the cluster.
    """

    name: str
    port: int
    protocol: str
    target: int | str
    node_port: int | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """`selector` is None for a Service without one; `annotations` holds only the keys that cnpfix reads.

    `load_balancer_ips` are the addresses that its spec, its annotations and its status name. `headless` is one whose
    name leads to its pods, with nothing between.
    """

    name: str
    namespace: str
    cluster: str | None
    labels: Mapping[str, str]
    selector: Mapping[str, str] | None
    ports: tuple[ServicePort, ...]
    source: Source
    type: str = "ClusterIP"
    cluster_ips: tuple[str, ...] = ()
    external_name: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    external_ips: tuple[str, ...] = ()
    load_balancer_ips: tuple[str, ...] = ()
    external_traffic_policy: str = "Cluster"
    load_balancer_class: str | None = None
    headless: bool = False

    def __str__(self) -> str:
        return f"Service {self.namespace}/{self.name}"

    @property
    def is_global(self) -> bool:
        """Whether its backends of every meshed cluster are used (Cilium docs, Load-balancing & Service Discovery)."""
        return self.annotations.get("service.cilium.io/global", "").lower() == "true"


@dataclass(frozen=True, slots=True)
class EndpointSlice:
    """The backend addresses of the Service `service` of its namespace (an Endpoints object counts as one)."""

    service: str
    namespace: str
    cluster: str | None
    addresses: tuple[str, ...]
    ports: tuple[NamedPort, ...]
    source: Source


@dataclass(frozen=True, slots=True)
class Node:
    name: str
    cluster: str | None
    labels: Mapping[str, str]
    addresses: tuple[str, ...]
    pod_cidrs: tuple[str, ...]
    source: Source


@dataclass(frozen=True, slots=True)
class CIDRGroup:
    name: str
    cluster: str | None
    labels: Mapping[str, str]
    cidrs: tuple[str, ...]
    source: Source


@dataclass(frozen=True, slots=True)
class EndpointIdentity:
    """An identity of a cluster: labels written `source:key=value`, how many endpoints have it, their named ports."""

    id: int
    cluster: str | None
    labels: tuple[str, ...]
    source: Source
    endpoints: int = 0
    ports: tuple[NamedPort, ...] = ()


@dataclass(frozen=True, slots=True)
class RunningPolicy:
    """A policy that runs in a cluster, as a manifest. `rejected` says why where Cilium found it not valid."""

    manifest: Mapping[str, Any]
    cluster: str | None
    source: Source
    rejected: str = ""


@dataclass(frozen=True, slots=True)
class AppliedPolicy:
    """A policy as a cluster gets it: of the tree as everything that applies it leaves it, or one that runs there.

    The namespace is that of the manifest; a CiliumNetworkPolicy or NetworkPolicy without one may land in any. `doubt`
    says in words why the cluster may get another text than this one.
    """

    manifest: Mapping[str, Any]
    cluster: str | None
    source: Source
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class UnreadPolicy:
    """A policy that something else than a manifest of its own makes: a template, a chart's values, a generator.

    `namespace` is None where it may land in any, as a clusterwide policy does. `maker` says in words what makes it,
    `text` is what is written of it there.
    """

    kind: str
    namespace: str | None
    source: Source
    maker: str
    text: str = ""

    def __str__(self) -> str:
        return f"a {self.kind} in {self.maker}, {self.source}"


class Fact(StrEnum):
    """The kinds of object that the tree is asked for; each is read only when a pass asks for it."""

    WORKLOAD = "workload"
    SERVICE = "service"
    ENDPOINTS = "endpoints"
    NAMESPACE = "namespace"
    NODE = "node"
    CIDR_GROUP = "cidr group"
