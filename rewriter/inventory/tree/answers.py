"""Questions to the facts of a tree whose answers take more than a list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from rewriter.inventory.clusters.cilium_installs import Install
from rewriter.inventory.clusters.cluster_dns import hidden_beside
from rewriter.inventory.clusters.known_clusters import KnownClusters
from rewriter.inventory.clusters.unread_settings import unread_settings as unread_of_installs
from rewriter.inventory.delivery.mutations import Mutation
from rewriter.inventory.facts.completeness import LIFT, Hidden
from rewriter.inventory.facts.model import Cluster, EndpointSlice, Service, Workload
from rewriter.inventory.facts.unread_settings import UnreadSettings
from rewriter.inventory.files.tree_files import TreeFiles
from rewriter.inventory.hiding.hidden import HiddenSources
from rewriter.inventory.objects.access import AccountBinding
from rewriter.inventory.objects.monitors import Monitoring
from rewriter.inventory.objects.pods import PodTemplate
from rewriter.inventory.objects.readers import KINDS
from rewriter.inventory.objects.webhooks import CONVERSION, ApiServerCall
from rewriter.inventory.snapshots.form import Snapshot
from rewriter.inventory.tree.tree_facts import WORKLOAD_MANIFESTS, TreeFacts


def services_by_labels(facts: TreeFacts, labels: Mapping[str, str]) -> Sequence[Service]:
    """The Services that have all of the labels."""
    held = facts.holding("services", b"Service", labels.values())
    return [service for service in held if labels.items() <= service.labels.items()]


def homeless_services(facts: TreeFacts, name: str) -> Sequence[Service]:
    """The Services of a name whose namespace is not known."""
    facts.holding("services", b"Service", [name])  # Files are read when a question needs them.
    return [service for service in facts.homeless_services.values() if service.name == name]


def api_server_calls(facts: TreeFacts) -> Sequence[ApiServerCall]:
    """The Services that the API server calls."""
    # A CRD is long, and few of them have a webhook.
    crds = facts.holding("api_server_calls", b"CustomResourceDefinition", [CONVERSION])
    others = KINDS["api_server_calls"] - {b"CustomResourceDefinition"}
    return list(dict.fromkeys((*facts.holding_any("api_server_calls", others, ()), *crds)))


def monitoring(facts: TreeFacts) -> Monitoring:
    """Who scrapes, and the monitors."""
    return Monitoring(tuple(facts.all_of("scrapers")), tuple(facts.all_of("monitors")))


def account_bindings(facts: TreeFacts, account: str, namespace: str) -> Sequence[AccountBinding]:
    """The bindings that give a service account of a namespace rights."""
    found: list[AccountBinding] = facts.holding_any("account_bindings", KINDS["account_bindings"], [account])
    return [
        account_binding
        for account_binding in found
        if (account_binding.account, account_binding.namespace) == (account, namespace)
    ]


def endpoint_slices(facts: TreeFacts, service: Service) -> Sequence[EndpointSlice]:
    """The EndpointSlices and Endpoints of a Service, those of other clusters left out where the cluster is known."""
    found = facts.holding_any("endpoint_slices", KINDS["endpoint_slices"], [service.name])
    return [
        item
        for item in found
        if (item.service, item.namespace) == (service.name, service.namespace)
        and (None in (item.cluster, service.cluster) or item.cluster == service.cluster)
    ]


def pod_template(facts: TreeFacts, workload: Workload) -> PodTemplate | None:
    """The pod template that a workload is made of."""
    found: list[PodTemplate] = facts.holding_any("pod_templates", WORKLOAD_MANIFESTS, [workload.name])
    wanted = (workload.kind, workload.name, workload.namespace, workload.cluster, workload.source)
    return next((t for t in found if (t.kind, t.name, t.namespace, t.cluster, t.source) == wanted), None)


def unread_settings(
    installs: Iterable[Install],
    files: TreeFiles,
    snapshots: Iterable[Snapshot],
    cluster: Cluster | None,
    owners_of: Callable[[str], Iterable[Cluster]],
) -> Sequence[UnreadSettings]:
    """What may set the agents of a cluster and is not read; none where a snapshot lists it."""
    if cluster is not None and any(
        cluster.name == member.name for snapshot in snapshots for member in snapshot.clusters
    ):
        return ()

    def lines_of(path: str) -> list[int]:
        return [found.source.line or 0 for file in files.files if file.path == path for found in files.manifests(file)]

    stated = [install.settings for install in installs]
    return tuple(unread_of_installs(stated, cluster, files.unread_settings(), owners_of, lines_of))


def by_name(workloads: Iterable[Workload]) -> Mapping[str, Sequence[Workload]]:
    """The workloads of each name."""
    found: dict[str, list[Workload]] = {}
    for workload in workloads:
        found.setdefault(workload.name, []).append(workload)
    return found


def hidden_sources(own: HiddenSources, clusters: KnownClusters, mutations: Iterable[Mutation]) -> Iterator[Hidden]:
    """What may make pods or Services beside the facts, or add labels to them."""
    yield from own.all()
    yield from hidden_beside(clusters)
    for mutation in mutations:
        if mutation.keys:
            yield Hidden(f"{mutation.words}, which adds labels,", LIFT, mutation.namespaces, keys=mutation.keys)
