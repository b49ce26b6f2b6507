"""The inventory of a repository: files are kept as bytes, and parsed only when a question needs them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

from rewriter.inventory import kubernetes, understood
from rewriter.inventory.access import AccountBinding
from rewriter.inventory.address_index import AddressIndex
from rewriter.inventory.cilium_installs import Install, cilium_installs
from rewriter.inventory.cluster_folders import cluster_globs
from rewriter.inventory.completeness import LIFT, WORKLOADS, Completeness, Hidden, answer
from rewriter.inventory.delivery import Applied, Delivery
from rewriter.inventory.derived import DerivedFacts
from rewriter.inventory.doubts import cluster_doubts, service_doubts, workload_doubts
from rewriter.inventory.facts import (
    AGENT_FIELDS,
    AppliedPolicy,
    CIDRGroup,
    Cluster,
    EndpointSlice,
    Namespace,
    Node,
    Service,
    Source,
    UnreadPolicy,
    Workload,
)
from rewriter.inventory.file_index import FileIndex
from rewriter.inventory.gateways import ControllerClass, Gateway, Ingress, Route
from rewriter.inventory.generating import GENERATING_KINDS
from rewriter.inventory.hidden import HiddenSources
from rewriter.inventory.hubble.flows import ObservedFlow, ObservedFlows
from rewriter.inventory.kustomize_walk import Placement, Problem
from rewriter.inventory.label_shapes import label_shapes
from rewriter.inventory.load_balancers import AddressPool, RedirectPolicy
from rewriter.inventory.manifests import Manifest
from rewriter.inventory.mutations import MUTATION_KINDS, Mutation, all_mutations
from rewriter.inventory.operators import CONVENTIONS, OPERATOR_KINDS, convention_of, operator_workloads
from rewriter.inventory.placements import APPLIER_KINDS, Placements
from rewriter.inventory.pod_templates import template_workloads, uncertain_labels
from rewriter.inventory.pods import ConfigMap, KubeletSettings, PodTemplate, Repository
from rewriter.inventory.programs import is_program, programs_in, terraform_programs
from rewriter.inventory.readers import KINDS, READERS
from rewriter.inventory.releases.make import Render, no_render
from rewriter.inventory.releases.model import Made
from rewriter.inventory.settings.files import SettingsFiles
from rewriter.inventory.settings.settle import Settled, own_names, settle, with_readings
from rewriter.inventory.snapshot import Snapshot
from rewriter.inventory.tree_clusters import TreeClusters, tree_clusters
from rewriter.inventory.tree_files import OfferedFile, TreeFiles
from rewriter.inventory.tree_policies import POLICY_KINDS, applied_policies, unread_policies, with_running
from rewriter.inventory.webhooks import CONVERSION, ApiServerCall

_WORKLOADS = frozenset(kind.encode() for kind in kubernetes.WORKLOAD_KINDS)
_FACT_KINDS = frozenset(kind for group, kinds in KINDS.items() for kind in kinds if group != "config_maps")
_OPERATOR_KINDS = frozenset(kind.encode() for kind in OPERATOR_KINDS)
_POD_MAKERS = _WORKLOADS | _OPERATOR_KINDS
_KEPT_KINDS = (
    _FACT_KINDS
    | _OPERATOR_KINDS
    | APPLIER_KINDS
    | POLICY_KINDS
    | MUTATION_KINDS
    | GENERATING_KINDS
    | {b"GitRepository", b"HelmRelease", b"OCIRepository", b"HelmChart", b"HelmChartConfig"}
)


#: What a cluster takes from the next source where the first does not say.
_COMPLETED = (
    "version",
    "pod_cidrs",
    "pods_within",
    "ipam",
    "api_server_host",
    "api_server_port",
    "node_cidrs",
    "service_cidrs",
    *AGENT_FIELDS,
    "kube_proxy_replacement",
    "dns_name_error",
    "datapath",
)


class TreeInventory:
    """Answers from the files offered, the clusters of the config and the snapshots given.

    `local_to` says whether a path matches the `local` globs of a cluster. `root` is the folder that paths of Flux
    and Argo CD start at, `read` gives a file's bytes anew (None: it cannot), `remotes` the URLs of the repository.
    `stale` says of sources that are too old to rest on, in words, how old they are.
    `operators` are the conventions by which custom resources count as workloads. `complete` are the namespaces of which
    a person says that the facts are all there is, `inert_kinds` kinds of which they say that they make no pods.
    `render` renders a Helm release.
    """

    def __init__(
        self,
        clusters: Sequence[Cluster] = (),
        snapshots: Sequence[Snapshot] = (),
        local_to: Callable[[Cluster, str], bool] = lambda _cluster, _path: False,
        *,
        root: str = ".",
        read: Callable[[str], bytes | None] = lambda _path: None,
        remotes: Callable[[], Sequence[str]] = tuple,
        observed: ObservedFlows | None = None,
        stale: Mapping[Source, str] = MappingProxyType({}),
        operators: Iterable[str] = CONVENTIONS,
        complete: Sequence[str] = (),
        render: Render = no_render,
        inert_kinds: Iterable[str] = (),
    ) -> None:
        self._inert_kinds = frozenset(inert_kinds)
        self._uncertain: dict[tuple[Any, ...], Hidden] = {}
        self._complete = tuple(complete)
        self._complete_answers: dict[tuple[str | None, str | None, str], Completeness] = {}
        self._observed = observed
        self._stale = stale
        self._operators = frozenset(operators)
        self._configured = tuple(clusters)
        self._snapshots = tuple(snapshots)
        self._local_to = local_to
        self._files = TreeFiles(root, read)
        self._settings = SettingsFiles()
        self._told_settings: Settled | None = None
        self._placements = Placements(self._files, remotes)
        self._delivery = Delivery(
            self._files, self._placements, self._local, self._named, self._only, lambda: self._mutations
        )
        self._derived = DerivedFacts(self._files, self._placements, self._delivery.cluster_at, render, self._operators)
        self._facts: dict[tuple[str, str], list[Any]] = {}
        self._found: dict[tuple[str, frozenset[bytes], tuple[str, ...]], list[Any]] = {}
        self._homeless: dict[tuple[Any, ...], Workload] = {}
        self._answers: dict[tuple[str, frozenset[tuple[str, str]]], list[Any]] = {}

    def offer(self, path: str, data: bytes) -> None:
        """Takes note of a file that may hold facts. Nothing is parsed yet."""
        self._files.offer(path, data, _KEPT_KINDS)
        self._settings.offer(path, data)
        self.offer_program(path, data)

    def leave_out(
        self, path: str, data: bytes | None, why: str, *, excluded: bool = False, applied: bool = False
    ) -> None:
        """Takes note of a file that is not read as facts, and `why` in words. None: its bytes cannot be read.

        `excluded` says that `exclude` matches it, `applied` that it counts as applied wherever it lies.
        """
        self._files.leave_out(path, data, why, excluded=excluded, applied=applied)

    def offer_terraform(self, path: str, data: bytes) -> None:
        """Takes note of a file that holds no manifests and may say something of a cluster, or make objects."""
        self._settings.offer_terraform(path, data)
        self._files.programs += terraform_programs(path, data)

    def offer_program(self, path: str, data: bytes) -> None:
        """Takes note of a file of a program that may make manifests."""
        if is_program(path, data):
            self._files.programs += programs_in(path, data)

    def prepare(self) -> None:
        """Finds out how files reach clusters, once, so that processes forked from here need not."""
        self._placements.of("")
        len(self.clusters)
        len(self._derived.made)

    @property
    def unreadable(self) -> Sequence[Source]:
        """Files with facts that could not be read so far: broken, or templates."""
        return self._files.unreadable

    @property
    def problems(self) -> Sequence[Problem]:
        """What is not known about how manifests reach clusters."""
        settled = self._settled(cluster.name for cluster in self.clusters)
        return [*self._placements.problems, *self.told.problems, *settled.problems]

    @cached_property
    def clusters(self) -> Sequence[Cluster]:
        """The clusters of the config, then those of snapshots, then those of the tree.

        A cluster takes what it lacks from the next source. A config that lists clusters lists them all: the tree
        then only completes them.
        """
        found = {cluster.name: cluster for cluster in self._configured}
        for snapshot in self._snapshots:
            for cluster in snapshot.clusters:
                known = found.get(cluster.name)
                completed = cluster if known is None else _completed(known, cluster)
                found[cluster.name] = completed if known is None else replace(completed, incomplete=cluster.incomplete)
        for name, cluster in self.told.clusters.items():
            if name in found:
                found[name] = _completed(found[name], cluster)
            elif not self._configured:
                found[name] = cluster
        if not found:
            readings = self._settings.readings
            found = {name: Cluster(name, readings[0].source, meshed=False) for name in own_names(readings)}
        return tuple(
            with_readings(cluster, self._settled(found).values.get(name, {})) for name, cluster in found.items()
        )

    def _settled(self, clusters: Iterable[str]) -> Settled:
        """What configuration of the clusters' own software tells of them."""
        names = tuple(clusters)
        if self._told_settings is None:
            only = len(names) == 1 and not (self.told.unnamed and not self._configured)
            self._told_settings = settle(self._settings.readings, names, self._local_names, only)
        return self._told_settings

    def _local_names(self, path: str) -> Sequence[str]:
        return [each.name for each in self._configured if each.local_paths and self._local_to(each, path)]

    def inner(self, path: str) -> str:
        """A path relative to the root of the tree; it starts with `../` outside of it."""
        return self._files.inner(path)

    @cached_property
    def installs(self) -> Sequence[Install]:
        """The installations of Cilium in the tree."""
        return cilium_installs(self._derived.releases, self._files, self._placements, self._derived.values)

    @property
    def releases(self) -> Sequence[Made]:
        """What each Helm release of the tree makes, as far as it is known."""
        return self._derived.made

    @cached_property
    def told(self) -> TreeClusters:
        """The clusters that the tree alone tells of."""
        return tree_clusters(self.installs)

    def local_globs(self, folder: str) -> dict[str, list[str]]:
        """For each cluster the globs, relative to a folder, of what the tree applies to it alone."""
        files = {
            inner: frozenset(cluster.name if cluster else None for cluster in self._delivery.clusters_of(path))
            for inner, path in self._files.names.items()
            if self._placements.of(inner)
        }
        return cluster_globs(files, self._files.inner(folder) or ".")

    def cluster_of(self, path: str) -> Cluster | None:
        return self._delivery.cluster_of(path)

    def clusters_of(self, path: str) -> Sequence[Cluster]:
        """Every known cluster that a file's manifests are applied to."""
        return [cluster for cluster in self._delivery.clusters_of(path) if cluster is not None]

    def namespace_of(self, path: str, manifest: Mapping[str, Any]) -> Applied:
        """Where a manifest lands: by everything in the tree that applies it, else by its own namespace."""
        return self._delivery.namespace_of(path, manifest)

    def placements_of(self, path: str) -> Sequence[Placement]:
        """The ways in which a file is applied; none where nothing in the tree applies it."""
        return self._placements.of(self._files.inner(path))

    def is_patch(self, path: str) -> bool:
        return self._delivery.is_patch(path)

    def changed_on_the_way(self, path: str, manifest: Mapping[str, Any], route: str = "") -> str:
        return self._delivery.changed_on_the_way(path, manifest, route)

    def _local(self, path: str) -> list[Cluster]:
        return [cluster for cluster in self.clusters if cluster.local_paths and self._local_to(cluster, path)]

    def _named(self, target: str) -> Cluster | None:
        """The cluster of a target: the one whose Cilium goes there, or that Argo CD knows by its own name."""
        name = self.told.targets.get(target, target)
        return next((cluster for cluster in self.clusters if cluster.name == name), None)

    def _only(self) -> Cluster | None:
        """The cluster that everything is for: the only one there is."""
        alone = len(self.clusters) == 1 and not (self.told.unnamed and not self._configured)
        return self.clusters[0] if alone else None

    def services(self, name: str, namespace: str | None = None) -> Sequence[Service]:
        found = self._holding("services", b"Service", [name])
        return [item for item in found if item.name == name and namespace in (None, item.namespace)]

    def services_by_labels(self, labels: Mapping[str, str]) -> Sequence[Service]:
        found = self._holding("services", b"Service", labels.values())
        return [item for item in found if labels.items() <= item.labels.items()]

    def all_services(self) -> Sequence[Service]:
        return self._holding("services", b"Service", ())

    def endpoint_slices(self, service: Service) -> Sequence[EndpointSlice]:
        found: list[EndpointSlice] = []
        for kind in (b"EndpointSlice", b"Endpoints"):
            found += self._holding("endpoint_slices", kind, [service.name])
        return [
            item
            for item in found
            if item.service == service.name
            and item.namespace == service.namespace
            and (None in (item.cluster, service.cluster) or item.cluster == service.cluster)
        ]

    def workloads_with(self, labels: Mapping[str, str]) -> Sequence[Workload]:
        key = ("workloads", frozenset(labels.items()))
        if key not in self._answers:
            found = self._holding_any("workloads", _POD_MAKERS, labels.values())
            self._answers[key] = [item for item in found if labels.items() <= item.labels.items()]
        return self._answers[key]

    def workloads_on_nodes(self) -> Sequence[Workload]:
        key = ("workloads on nodes", frozenset[tuple[str, str]]())
        if key not in self._answers:
            found = self._holding_any("workloads", _POD_MAKERS, ["hostNetwork"])
            self._answers[key] = [item for item in found if item.host_network]
        return self._answers[key]

    def all_workloads(self) -> Sequence[Workload]:
        return self._holding_any("workloads", _POD_MAKERS, ())

    @cached_property
    def label_shapes(self) -> Collection[str]:
        added = self._placements.added
        return label_shapes(
            self._index.holding(_POD_MAKERS, (), unknown=True),
            lambda file: file.path in added or not file.kinds.isdisjoint(_OPERATOR_KINDS),
            lambda file: self._facts_of(file, "workloads"),
            [
                *(workload for snapshot in self._snapshots for workload in snapshot.workloads),
                *self._derived.facts("workloads", _POD_MAKERS),
            ],
        )

    def doubts(self, fact: Service | Workload | Cluster | EndpointSlice) -> Sequence[str]:
        found: Iterable[str] = ()
        if isinstance(fact, Service):
            found = service_doubts(fact, self.services(fact.name))
        elif isinstance(fact, Workload):
            found = workload_doubts(fact, self._workloads_by_name.get(fact.name, ()))
        elif isinstance(fact, Cluster):
            found = cluster_doubts(fact, self.clusters)
        if not isinstance(fact, Cluster) and fact.source.line is not None:
            found = (*found, *self._delivery.doubts(fact.source.path))
        stale = self.stale(fact)
        return tuple(dict.fromkeys((*found, stale) if stale else found))

    def stale(self, fact: Service | Workload | Cluster | EndpointSlice) -> str:
        sources = [fact.source]
        if isinstance(fact, Cluster) and self._leaves_open(fact.name):
            sources += [s.source for s in self._snapshots for cluster in s.clusters if cluster.name == fact.name]
        return next((f"{source} {self._stale[source]}" for source in sources if source in self._stale), "")

    def _leaves_open(self, name: str) -> bool:
        """Whether the config does not say where the pods and nodes of a cluster are, so that snapshots do."""
        said = next((cluster for cluster in self._configured if cluster.name == name), None)
        return said is None or said.pod_cidrs is None or said.node_cidrs is None

    def gaps(self, group: str) -> Sequence[str]:
        incomplete = [
            f"the {group} of cluster {cluster.name} could not be read, {cluster.source}"
            for snapshot in self._snapshots
            for cluster in snapshot.clusters
            if group in cluster.incomplete
        ]
        return tuple(dict.fromkeys((*(f"{source} {age}" for source, age in self._stale.items()), *incomplete)))

    @cached_property
    def _workloads_by_name(self) -> Mapping[str, Sequence[Workload]]:
        found: dict[str, list[Workload]] = {}
        for workload in self.all_workloads():
            found.setdefault(workload.name, []).append(workload)
        return found

    def completeness(
        self, namespace: str | None = None, cluster: str | None = None, group: str = WORKLOADS
    ) -> Completeness:
        key = (namespace, cluster, group)
        if key not in self._complete_answers:
            self._complete_answers[key] = self._completeness(namespace, cluster, group)
        return self._complete_answers[key]

    def _completeness(self, namespace: str | None, cluster: str | None, group: str) -> Completeness:
        hidden = [Hidden(words) for words in self.gaps(group)]
        listed = {workload.cluster for snapshot in self._snapshots for workload in snapshot.workloads}
        asked = {cluster} if cluster is not None else {each.name for each in self.clusters}
        if not asked or not asked <= listed:
            hidden += self._hidden
            if group == WORKLOADS and cluster is not None and not self._populated.get(cluster):
                hidden.append(Hidden(f"no workload of cluster {cluster} is known", clusters=frozenset({cluster})))
            if namespace is not None and not any(namespace in found for found in self._populated.values()):
                hidden.append(Hidden(f"nothing of namespace {namespace} is known", namespaces=frozenset({namespace})))
        return answer(hidden, self._complete, namespace, cluster, group)

    @cached_property
    def _populated(self) -> Mapping[str | None, frozenset[str]]:
        """The namespaces where the facts hold a workload or a Service, by cluster (None: not known)."""
        found: dict[str | None, set[str]] = {}
        facts: list[Workload | Service] = [*self.all_workloads(), *self.all_services()]
        for fact in facts:
            found.setdefault(fact.cluster, set()).add(fact.namespace)
        return {cluster: frozenset(namespaces) for cluster, namespaces in found.items()}

    @cached_property
    def _hidden(self) -> Sequence[Hidden]:
        # Each is read, so that what has no namespace and what cannot be read comes to light.
        self.all_workloads()
        self.all_services()
        homeless = [
            Hidden(
                f"{workload.kind} {workload.name}, whose namespace is not known, {workload.source}",
                labels=frozenset(workload.labels.items()),
            )
            for workload in self._homeless.values()
        ]
        sources = HiddenSources(
            self._files,
            self._placements,
            self._delivery.is_applied,
            self._cluster_names,
            self._inert_kinds,
            self._derived.made,
            operators=self._operators,
        )
        labelled = [
            Hidden(f"{each.words}, which adds labels,", LIFT, each.namespaces, keys=each.keys)
            for each in self._mutations
            if each.keys
        ]
        return (*sources.all(), *homeless, *self._uncertain.values(), *labelled)

    @cached_property
    def _mutations(self) -> Sequence[Mutation]:
        return all_mutations(self._files, self._delivery.is_applied)

    def _cluster_names(self, path: str) -> Iterable[str | None]:
        return (None if cluster is None else cluster.name for cluster in self._delivery.clusters_of(path))

    def namespaces(self, name: str | None = None) -> Sequence[Namespace]:
        found: list[Namespace] = self._holding("namespaces", b"Namespace", [name] if name else ())
        return [item for item in found if name in (None, item.name)]

    def nodes(self) -> Sequence[Node]:
        told = list(self._settled(cluster.name for cluster in self.clusters).nodes)
        return self._holding("nodes", b"Node", ()) + self._holding("nodes", b"CiliumNode", ()) + told

    def cidr_groups(self) -> Sequence[CIDRGroup]:
        return self._holding("cidr_groups", b"CiliumCIDRGroup", ())

    @cached_property
    def addresses(self) -> AddressIndex:
        return AddressIndex(self.all_services(), self.nodes(), self.address_pools(), self.gateways())

    def controller_classes(self) -> Sequence[ControllerClass]:
        return self._listed("controller_classes")

    def gateways(self) -> Sequence[Gateway]:
        return self._listed("gateways")

    def routes(self) -> Sequence[Route]:
        return self._listed("routes")

    def ingresses(self) -> Sequence[Ingress]:
        return self._listed("ingresses")

    def api_server_calls(self) -> Sequence[ApiServerCall]:
        # A CRD is long, and few of them have a webhook.
        crds = self._holding("api_server_calls", b"CustomResourceDefinition", [CONVERSION])
        others = KINDS["api_server_calls"] - {b"CustomResourceDefinition"}
        return list(dict.fromkeys((*self._holding_any("api_server_calls", others, ()), *crds)))

    def address_pools(self) -> Sequence[AddressPool]:
        return self._listed("address_pools")

    def redirect_policies(self) -> Sequence[RedirectPolicy]:
        return self._listed("redirect_policies")

    def account_bindings(self, account: str, namespace: str) -> Sequence[AccountBinding]:
        found: list[AccountBinding] = self._holding_any("account_bindings", KINDS["account_bindings"], [account])
        return [each for each in found if (each.account, each.namespace) == (account, namespace)]

    def pod_template(self, workload: Workload) -> PodTemplate | None:
        found: list[PodTemplate] = self._holding_any("pod_templates", _WORKLOADS, [workload.name])
        wanted = (workload.kind, workload.name, workload.namespace, workload.cluster, workload.source)
        return next((t for t in found if (t.kind, t.name, t.namespace, t.cluster, t.source) == wanted), None)

    def config_maps(self, name: str, namespace: str) -> Sequence[ConfigMap]:
        found: list[ConfigMap] = []
        for path in self._files.variable_files:
            data = self._files.bytes_of(self._files.inner(path))
            if data is not None and name.encode() in data:
                found += self._facts_of(OfferedFile(path, frozenset(), data, False), "config_maps")
        return [each for each in found if (each.name, each.namespace) == (name, namespace)]

    def repositories(self) -> Sequence[Repository]:
        return self._listed("repositories")

    def kubelets(self) -> Sequence[KubeletSettings]:
        return self._listed("kubelets")

    def _listed(self, group: str) -> list[Any]:
        return self._holding_any(group, KINDS[group], ())

    @cached_property
    def policies(self) -> Sequence[AppliedPolicy]:
        found = applied_policies(self._files, self._placements, self._delivery)
        return with_running(found, (policy for snapshot in self._snapshots for policy in snapshot.policies))

    @cached_property
    def unread_policies(self) -> Sequence[UnreadPolicy]:
        return tuple(dict.fromkeys(unread_policies(self._files)))

    @cached_property
    def cross_cluster_drops(self) -> Sequence[ObservedFlow]:
        return tuple(flow for flow in self._observed.flows if flow.crosses_clusters) if self._observed else ()

    def _holding(self, group: str, kind: bytes, needles: Iterable[str]) -> list[Any]:
        return self._holding_any(group, frozenset({kind}), needles)

    def _holding_any(self, group: str, kinds: frozenset[bytes], needles: Iterable[str]) -> list[Any]:
        """Facts of a group from the files that hold one of the kinds (or a List) and every needle, and snapshots.

        A file that something transforms on its way may hold the needles only once it is applied, so it counts too.
        """
        key = (group, kinds, tuple(needles))
        if key not in self._found:
            found: list[Any] = [fact for snapshot in self._snapshots for fact in getattr(snapshot, group, ())]
            wanted = [needle.encode() for needle in key[2]]
            for file in self._index.holding(kinds, wanted, unknown=group == "workloads"):
                found += self._facts_of(file, group)
            self._found[key] = found + self._derived.facts(group, kinds)
        return self._found[key]

    @cached_property
    def _index(self) -> FileIndex:
        return FileIndex(self._files.files, self._placements.added, _OPERATOR_KINDS)

    def _facts_of(self, file: OfferedFile, group: str) -> list[Any]:
        key = (file.path, group)
        if key not in self._facts:
            self._facts[key] = list(self._made(file, group))
        return self._facts[key]

    def _made(self, file: OfferedFile, group: str) -> Iterator[Any]:
        """The facts of a file, one for each different way in which it is applied."""
        inner = self._files.inner(file.path)
        if inner in self._placements.patch_files:
            return
        kinds, read = READERS[group]
        placements = self._placements.of(inner) or (Placement((), ""),)
        for manifest in self._files.manifests(file.path, file.data):
            by_operator = group == "workloads" and convention_of(manifest.value) in self._operators
            by_template = group == "workloads" and not by_operator and not understood.is_fact(manifest.value)
            if manifest.kind not in kinds and not by_operator and not by_template:
                continue
            seen: list[Any] = []
            for placement in placements:
                applied = Manifest(manifest.source, placement.apply(manifest.value)) if placement.chain else manifest
                cluster = self._delivery.cluster_at(file.path, placement)
                name = cluster.name if cluster else None
                namespace = kubernetes.namespace_of(applied)
                if by_operator:
                    facts = list(operator_workloads(applied, namespace, name)) if namespace else []
                elif by_template:
                    facts = list(template_workloads(applied, namespace, name)) if namespace else []
                else:
                    facts = list(read(applied, name))
                if group == "workloads":
                    self._note_labels(applied.value, facts)
                if group == "workloads" and namespace is None and not by_operator:
                    self._note_homeless(applied, name)
                seen += [fact for fact in facts if fact not in seen]
            yield from seen

    def _note_labels(self, value: Mapping[str, Any], workloads: Iterable[Workload]) -> None:
        """Takes note of labels that known pods carry with values that are not known."""
        for workload in workloads:
            for keys, words in uncertain_labels(value, workload):
                place = (workload.namespace, workload.cluster)
                clusters = None if workload.cluster is None else frozenset({workload.cluster})
                hidden = Hidden(words, LIFT, frozenset({workload.namespace}), clusters, keys=keys)
                self._uncertain.setdefault((*place, keys), hidden)

    def _note_homeless(self, applied: Manifest, cluster: str | None) -> None:
        own = kubernetes.workload(applied, "", cluster) if understood.is_fact(applied.value) else None
        for workload in (own,) if own else template_workloads(applied, "", cluster):
            self._homeless.setdefault((workload.source, *sorted(workload.labels.items())), workload)


def _completed(cluster: Cluster, other: Cluster) -> Cluster:
    """A cluster with what only another source knows; what the first says stays."""
    values = {name: getattr(other, name) for name in _COMPLETED if getattr(cluster, name) is None}
    cited = tuple((name, other.source_of(name)) for name, value in values.items() if value is not None)
    return replace(cluster, **values, cited=(*cluster.cited, *cited))
