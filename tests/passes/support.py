"""Passes without files: an inventory made from lists of facts, and one pass run on one manifest."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonpatch
import yaml

from rewriter.cilium.policy import Policy, read_policy
from rewriter.cilium.version import Version, parse_version
from rewriter.config.model import Config
from rewriter.evidence.context import Context
from rewriter.finding import Applicability, Finding, FlowClaim
from rewriter.inventory.facts.completeness import Completeness, Hidden
from rewriter.inventory.facts.model import (
    AppliedPolicy,
    CIDRGroup,
    Cluster,
    EndpointSlice,
    NamedPort,
    Namespace,
    Node,
    Service,
    ServicePort,
    Source,
    UnreadPolicy,
    Workload,
)
from rewriter.inventory.facts.unread_settings import UnreadSettings
from rewriter.inventory.hubble.flows import ObservedFlow
from rewriter.inventory.index.label_shapes import shape_of
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
from rewriter.passes.kit.registry import Pass

SOURCE = Source("facts.yaml", 1)
CONFIG = Config(root=Path())


@dataclass(frozen=True, slots=True)
class Facts:
    """An inventory of exactly these facts; `cluster_of` gives the first cluster with local paths.

    `doubted` are doubts by the fact in words, `old` the clusters known from stale snapshots, `missing` the groups that
    could not be read.
    """

    clusters: Sequence[Cluster] = ()
    workloads: Sequence[Workload] = ()
    services_: Sequence[Service] = ()
    slices: Sequence[EndpointSlice] = ()
    namespaces_: Sequence[Namespace] = ()
    nodes_: Sequence[Node] = ()
    groups: Sequence[CIDRGroup] = ()
    cross_cluster_drops: Sequence[ObservedFlow] = ()
    doubted: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unseen: Sequence[str] = ()
    old: Sequence[str] = ()
    missing: Sequence[str] = ()
    policies: Sequence[AppliedPolicy] = ()
    unread_policies: Sequence[UnreadPolicy] = ()

    def unread_settings(self, cluster: Cluster | None) -> Sequence[UnreadSettings]:
        return ()

    def clusters_of(self, path: str) -> Sequence[Cluster]:
        return [] if (own := self.cluster_of(path)) is None else [own]

    def cluster_of(self, path: str) -> Cluster | None:
        return next((each for each in self.clusters if each.local_paths), None)

    def is_patch(self, path: str) -> bool:
        return False

    def overwritten_on_the_way(self, path: str, manifest: Mapping[str, Any]) -> Sequence[str]:
        return ()

    def changed_on_the_way(self, path: str, manifest: Mapping[str, Any], route: str = "") -> str:
        return ""

    def services(self, name: str, namespace: str | None = None) -> Sequence[Service]:
        return [s for s in self.services_ if s.name == name and namespace in (None, s.namespace)]

    def services_by_labels(self, labels: Mapping[str, str]) -> Sequence[Service]:
        return [s for s in self.services_ if labels.items() <= s.labels.items()]

    def endpoint_slices(self, service: Service) -> Sequence[EndpointSlice]:
        return [s for s in self.slices if (s.service, s.namespace) == (service.name, service.namespace)]

    def workloads_with(self, labels: Mapping[str, str]) -> Sequence[Workload]:
        return [w for w in self.workloads if labels.items() <= w.labels.items()]

    def workloads_on_nodes(self) -> Sequence[Workload]:
        return [w for w in self.workloads if w.host_network]

    def all_workloads(self) -> Sequence[Workload]:
        return self.workloads

    def workloads_in(self, namespaces: Collection[str]) -> Sequence[Workload]:
        return [w for w in self.workloads if w.namespace in namespaces]

    def services_in(self, namespaces: Collection[str]) -> Sequence[Service]:
        return [s for s in self.services_ if s.namespace in namespaces]

    @property
    def named_namespaces(self) -> Collection[str]:
        return frozenset()

    @property
    def label_shapes(self) -> Collection[str]:
        return frozenset(shape_of(f"{k}={v}") for w in self.workloads for k, v in w.labels.items())

    def homeless_services(self, name: str) -> Sequence[Service]:
        return ()

    def all_services(self) -> Sequence[Service]:
        return self.services_

    def doubts(self, fact: Service | Workload | Cluster | EndpointSlice) -> Sequence[str]:
        return self.doubted.get(str(fact), ())

    def stale(self, fact: Service | Workload | Cluster | EndpointSlice) -> str:
        return f"{fact.name} is old" if isinstance(fact, Cluster) and fact.name in self.old else ""

    def gaps(self, group: str) -> Sequence[str]:
        return [f"the {group} could not be read"] if group in self.missing else ()

    def completeness(
        self, namespace: str | None = None, cluster: str | None = None, group: str = "workloads", *, soon: bool = False
    ) -> Completeness:
        """What hides: `unseen` everywhere, groups that are missing, and a cluster of which no workload is here."""
        listed = {each.cluster for each in self.workloads if each.source.line is None}
        words = [*(() if listed and cluster in (None, *listed) else self.unseen), *self.gaps(group)]
        if cluster is not None and not any(workload.cluster == cluster for workload in self.workloads):
            words.append(f"cluster {cluster} (none of its workloads is known)")
        places = [*(each.namespace for each in self.workloads), *(each.namespace for each in self.services_)]
        if namespace is not None and namespace not in places:
            words.append(f"nothing of namespace {namespace} is known")
        return Completeness(tuple(map(Hidden, words)))

    def namespaces(self, name: str | None = None) -> Sequence[Namespace]:
        return [n for n in self.namespaces_ if name in (None, n.name)]

    def nodes(self) -> Sequence[Node]:
        return self.nodes_

    def cidr_groups(self) -> Sequence[CIDRGroup]:
        return self.groups

    @property
    def addresses(self) -> AddressIndex:
        return AddressIndex(self.services_, self.nodes_)

    def controller_classes(self) -> Sequence[ControllerClass]:
        return ()

    def gateways(self) -> Sequence[Gateway]:
        return ()

    def routes(self) -> Sequence[Route]:
        return ()

    def ingresses(self) -> Sequence[Ingress]:
        return ()

    def dns_records(self) -> Sequence[DnsRecord]:
        return ()

    def api_server_calls(self) -> Sequence[ApiServerCall]:
        return ()

    def monitoring(self) -> Monitoring:
        return Monitoring()

    def address_pools(self) -> Sequence[AddressPool]:
        return ()

    def redirect_policies(self) -> Sequence[RedirectPolicy]:
        return ()

    def pod_template(self, workload: Workload) -> PodTemplate | None:
        return None

    def config_maps(self, name: str, namespace: str) -> Sequence[ConfigMap]:
        return ()

    def repositories(self) -> Sequence[Repository]:
        return ()

    def backup_stores(self) -> Sequence[BackupStore]:
        return ()

    def instances(self) -> Sequence[Instances]:
        return ()

    def without_pods(self) -> Sequence[NamedWorkload]:
        return ()

    def scaled(self) -> Sequence[NamedWorkload]:
        return ()

    def resource_addresses(self) -> Sequence[ResourceAddresses]:
        return ()

    def kubelets(self) -> Sequence[KubeletSettings]:
        return ()

    def account_bindings(self, account: str, namespace: str) -> Sequence[AccountBinding]:
        return ()


def cluster(name: str, *, local: bool = False, **more: Any) -> Cluster:
    return Cluster(name, SOURCE, local_paths=("**",) if local else (), **more)


def workload(name: str, namespace: str, labels: Mapping[str, str], cluster: str | None = None, **more: Any) -> Workload:
    return Workload("Deployment", name, namespace, cluster, labels, SOURCE, **more)


def service(
    name: str,
    namespace: str,
    selector: Mapping[str, str] | None,
    ports: Sequence[ServicePort | tuple[int, int | str]] = (),
    **more: Any,
) -> Service:
    """A Service; a port may be given as (port, target), which is TCP and without a name."""
    read = tuple(p if isinstance(p, ServicePort) else ServicePort("", p[0], "TCP", p[1]) for p in ports)
    more = {"cluster": None, "labels": {}, **more}
    return Service(name=name, namespace=namespace, selector=selector, ports=read, source=SOURCE, **more)


def endpoint_slice(
    service: str, namespace: str, addresses: Sequence[str], ports: Sequence[int] = (), cluster: str | None = None
) -> EndpointSlice:
    return EndpointSlice(service, namespace, cluster, tuple(addresses), tuple(NamedPort("", p) for p in ports), SOURCE)


def namespace(name: str, labels: Mapping[str, str] | None = None, cluster: str | None = None) -> Namespace:
    return Namespace(name, cluster, labels or {}, SOURCE)


@dataclass(frozen=True, slots=True)
class Run:
    """What a pass found in a manifest, and the manifest with the fixes made that may be."""

    findings: list[Finding]
    manifest: Any

    @property
    def only(self) -> Finding:
        assert len(self.findings) == 1, self.findings
        return self.findings[0]

    @property
    def fixed(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.fix is not None]


def run(
    each: Pass,
    text: str | dict[str, Any],
    inventory: Facts | None = None,
    *,
    config: Config = CONFIG,
    from_version: str = "1.18",
    to_version: str = "1.19",
    unsafe: bool = True,
    others: Sequence[Policy] = (),
    namespace: str | None = None,
    as_clusterwide: bool = False,
) -> Run:
    """The findings of a pass on a manifest (YAML or parsed), and the manifest with its fixes made.

    Fixes are made as the engine makes them: from the last rule to the first; unsafe ones unless `unsafe` is False.
    Checks what holds for every pass: a second run finds nothing more to fix.
    """
    manifest = yaml.safe_load(text) if isinstance(text, str) else text

    def context(value: Any) -> Context:
        facts = inventory or Facts()
        metadata = value.get("metadata") if isinstance(value, dict) else None
        known = namespace is not None or (isinstance(metadata, dict) and bool(metadata.get("namespace")))
        return Context(
            policy=read_policy(value, namespace=namespace),
            path="policy.yaml",
            cluster=facts.cluster_of("policy.yaml"),
            inventory=facts,
            config=config,
            from_version=version(from_version),
            to_version=version(to_version),
            others=lambda: others,
            namespace_known=known,
            as_clusterwide=as_clusterwide,
        )

    findings = list(each.find(context(manifest)))
    result = manifest
    for finding in sorted(_applied(findings, unsafe), key=lambda item: _natural(item.route), reverse=True):
        assert finding.fix is not None
        result = jsonpatch.apply_patch(result, [dict(operation) for operation in finding.fix.operations])
    if result is not manifest:
        again = _applied(list(each.find(context(result))), unsafe)
        assert not again, f"a second run would fix {again}"
    return Run(findings, result)


def version(text: str) -> Version:
    return parse_version(text)


def _applied(findings: Sequence[Finding], unsafe: bool) -> list[Finding]:
    return [f for f in findings if f.fix is not None and (unsafe or f.applicability is not Applicability.UNSAFE)]


def _natural(route: str) -> list[tuple[bool, int, str]]:
    parts = re.split("/", route)
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]


def words(declared: Sequence[FlowClaim]) -> tuple[str, ...]:
    """What findings declare, in words."""
    return tuple(map(str, declared))
