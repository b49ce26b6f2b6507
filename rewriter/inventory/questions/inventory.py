"""What passes ask of the inventory: one interface, whatever the facts come from."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from rewriter.inventory.facts.completeness import WORKLOADS, Completeness
from rewriter.inventory.facts.model import (
    AppliedPolicy,
    CIDRGroup,
    Cluster,
    EndpointSlice,
    Namespace,
    Node,
    Service,
    UnreadPolicy,
    Workload,
)
from rewriter.inventory.facts.unread_settings import UnreadSettings
from rewriter.inventory.hubble.flows import ObservedFlow
from rewriter.inventory.objects.access import AccountBinding
from rewriter.inventory.objects.backups import BackupStore
from rewriter.inventory.objects.dns_records import DnsRecord
from rewriter.inventory.objects.gateways import ControllerClass, Gateway, Ingress, Route
from rewriter.inventory.objects.instances import Instances
from rewriter.inventory.objects.load_balancers import AddressPool, RedirectPolicy
from rewriter.inventory.objects.monitors import Monitoring
from rewriter.inventory.objects.pods import ConfigMap, KubeletSettings, PodTemplate, Repository
from rewriter.inventory.objects.replicas import NamedWorkload
from rewriter.inventory.objects.resource_addresses import ResourceAddresses
from rewriter.inventory.objects.webhooks import ApiServerCall
from rewriter.inventory.questions.address_index import AddressIndex


class Inventory(Protocol):
    """Facts by question. Sequences are in a stable order (cluster, namespace, name, source).

    A `cluster` of None in a fact means that it is unknown; such a fact is returned for every cluster asked.
    """

    @property
    def clusters(self) -> Sequence[Cluster]:
        """Every cluster known, in the order of the config."""
        ...

    def unread_settings(self, cluster: Cluster | None) -> Sequence[UnreadSettings]:
        """What may set the agents of a cluster (None: of any) and is not read; none where a snapshot lists it."""
        ...

    def clusters_of(self, path: str) -> Sequence[Cluster]:
        """Every known cluster that a file's manifests are applied to."""
        ...

    def cluster_of(self, path: str) -> Cluster | None:
        """The cluster that the manifests of a file are applied to (`local` globs); None when not known."""
        ...

    def overwritten_on_the_way(self, path: str, manifest: Mapping[str, Any]) -> Sequence[str]:
        """The routes of a policy whose values Kustomize's replacements set, to what is not known here."""
        ...

    def changed_on_the_way(self, path: str, manifest: Mapping[str, Any], route: str = "") -> str:
        """Who changes what a policy of a file says when it is applied (Kustomize patches and labels); else empty.

        `route` is that of a policy inside the manifest, which is then of another kind.
        """
        ...

    def is_patch(self, path: str) -> bool:
        """Whether a file holds Kustomize patches and no manifests of its own."""
        ...

    def services(self, name: str, namespace: str | None = None) -> Sequence[Service]:
        """The Services of a name, in one namespace or (None) in every one."""
        ...

    def homeless_services(self, name: str) -> Sequence[Service]:
        """The Services of a name whose namespace is not known; theirs is empty."""
        ...

    def services_by_labels(self, labels: Mapping[str, str]) -> Sequence[Service]:
        """The Services that carry all of the given labels (more than the caller needs is fine: filter)."""
        ...

    def endpoint_slices(self, service: Service) -> Sequence[EndpointSlice]:
        """The endpoint slices of a Service."""
        ...

    def workloads_with(self, labels: Mapping[str, str]) -> Sequence[Workload]:
        """The workloads whose pods carry all of the given labels (keys without source prefix)."""
        ...

    def workloads_on_nodes(self) -> Sequence[Workload]:
        """The workloads whose pods run on the host network."""
        ...

    def all_workloads(self) -> Sequence[Workload]:
        """Every workload. Expensive on a large tree: prefer `workloads_with`."""
        ...

    def workloads_in(self, namespaces: Collection[str]) -> Sequence[Workload]:
        """Every workload of some namespaces."""
        ...

    def services_in(self, namespaces: Collection[str]) -> Sequence[Service]:
        """Every Service of some namespaces."""
        ...

    @property
    def named_namespaces(self) -> Collection[str]:
        """The namespaces that any file may speak of, policies apart. Expensive: every file is read."""
        ...

    @property
    def label_shapes(self) -> Collection[str]:
        """The labels of all workloads, and perhaps more, as `key=value` with each digit as `0`; no workload is read."""
        ...

    def all_services(self) -> Sequence[Service]: ...

    def doubts(self, fact: Service | Workload | Cluster | EndpointSlice) -> Sequence[str]:
        """Why a fact is not to be rested on, in words with both sources; empty where nothing speaks against it.

        A Service that exists twice with different contents, a workload that two manifests of one cluster define
        differently, addresses that two clusters claim, a file that belongs to two clusters or that nothing applies, a
        stale snapshot. A pass that would rest on a doubtful fact makes its finding manual and gives the words.
        """
        ...

    def stale(self, fact: Service | Workload | Cluster | EndpointSlice) -> str:
        """The age of the snapshot that a fact comes from, in words, where it is too old to rest on; else empty."""
        ...

    def gaps(self, group: str) -> Sequence[str]:
        """Why the snapshots do not have all facts of a group (`workloads`, `services`), in words.

        A stale snapshot, and one whose list could not be read. While there are any, an absent fact proves nothing.
        """
        ...

    def completeness(
        self, namespace: str | None = None, cluster: str | None = None, group: str = WORKLOADS, *, soon: bool = False
    ) -> Completeness:
        """Whether all facts of a group (`workloads`, `services`) of a namespace and a cluster are known, or what hides.

        None stands for every namespace, or every cluster. Charts, releases, kinds that are not understood, files that
        cannot be read, generators, other repositories, labels that admission adds, snapshots that are stale or cut off
        hide; and of a namespace or a cluster of which the facts hold nothing, nothing is known. Fresh and whole
        snapshots of the cluster leave nothing hidden, and neither does `complete` under [facts] for its namespaces.
        With `soon`, only what hides for a reason that is seen before every workload is read: there may be more.
        Passes ask `rewriter.evidence.workloads.matches`, which hands out the answer with the workloads.
        """
        ...

    def namespaces(self, name: str | None = None) -> Sequence[Namespace]: ...

    def nodes(self) -> Sequence[Node]: ...

    def cidr_groups(self) -> Sequence[CIDRGroup]: ...

    @property
    def addresses(self) -> AddressIndex:
        """The Services and nodes by their addresses."""
        ...

    def controller_classes(self) -> Sequence[ControllerClass]:
        """The GatewayClasses and IngressClasses."""
        ...

    def gateways(self) -> Sequence[Gateway]:
        """The Gateways of the Gateway API."""
        ...

    def routes(self) -> Sequence[Route]:
        """The routes of the Gateway API, of every kind."""
        ...

    def ingresses(self) -> Sequence[Ingress]: ...

    def dns_records(self) -> Sequence[DnsRecord]:
        """The records that objects of the kind DNSEndpoint ask external-dns for."""
        ...

    def api_server_calls(self) -> Sequence[ApiServerCall]:
        """The Services that the API server calls: webhooks, extension APIs, conversions of CRDs."""
        ...

    def monitoring(self) -> Monitoring:
        """Who scrapes: every Prometheus and VMAgent, and the monitors that they may take up."""
        ...

    def address_pools(self) -> Sequence[AddressPool]:
        """The CiliumLoadBalancerIPPools."""
        ...

    def redirect_policies(self) -> Sequence[RedirectPolicy]:
        """The CiliumLocalRedirectPolicies."""
        ...

    def account_bindings(self, account: str, namespace: str) -> Sequence[AccountBinding]:
        """The bindings that give a role to a ServiceAccount of a namespace."""
        ...

    def pod_template(self, workload: Workload) -> PodTemplate | None:
        """The pod spec of a workload as written; None for one that no manifest of the tree makes."""
        ...

    def config_maps(self, name: str, namespace: str) -> Sequence[ConfigMap]: ...

    def repositories(self) -> Sequence[Repository]:
        """What Flux fetches: HelmRepositories, GitRepositories, OCIRepositories and Buckets."""
        ...

    def backup_stores(self) -> Sequence[BackupStore]:
        """Where CloudNativePG keeps backups: Clusters, and the ObjectStores that they name."""
        ...

    def instances(self) -> Sequence[Instances]:
        """The databases of which an operator makes the pods."""
        ...

    def without_pods(self) -> Sequence[NamedWorkload]:
        """The workloads with `replicas: 0`."""
        ...

    def scaled(self) -> Sequence[NamedWorkload]:
        """The workloads to which something gives another number of pods than they are written with."""
        ...

    def resource_addresses(self) -> Sequence[ResourceAddresses]:
        """Addresses that resources give to controllers, or to the pods made of them."""
        ...

    def kubelets(self) -> Sequence[KubeletSettings]: ...

    @property
    def policies(self) -> Sequence[AppliedPolicy]:
        """Every policy of every cluster as it is applied, of files that a run only reads too.

        ClusterNetworkPolicies are among them, whether the agents read these or not.
        """
        ...

    @property
    def unread_policies(self) -> Sequence[UnreadPolicy]:
        """Policies that are in the tree and not among `policies`: in templates, broken files, values, generators.

        While there are any that may land in a namespace, that no policy there does something is not known.
        """
        ...

    @property
    def cross_cluster_drops(self) -> Sequence[ObservedFlow]:
        """Flows between pods of two clusters that Hubble saw dropped by policy; none where no export is given."""
        ...
