"""The inventory of a repository: files are kept as bytes, and parsed only when a question needs them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any

from rewriter.cache import NO_CACHE, CacheFolder
from rewriter.discovery import PACKED_SUFFIXES, TERRAFORM_SUFFIXES
from rewriter.inventory.charts.make import Render, no_render
from rewriter.inventory.clusters.cilium_installs import Install, cilium_installs
from rewriter.inventory.clusters.cluster_folders import cluster_globs
from rewriter.inventory.clusters.known_clusters import KnownClusters
from rewriter.inventory.clusters.tree_clusters import TreeClusters, tree_clusters
from rewriter.inventory.delivery.archives import archive_of
from rewriter.inventory.delivery.kustomize_walk import Placement, Problem
from rewriter.inventory.delivery.landing import Applied, Delivery
from rewriter.inventory.delivery.mutations import Mutation, all_mutations
from rewriter.inventory.delivery.patched_policies import PatchedPolicies
from rewriter.inventory.delivery.placements import Placements
from rewriter.inventory.delivery.tree_policies import applied_policies, with_others
from rewriter.inventory.facts.completeness import WORKLOADS, Completeness, Hidden
from rewriter.inventory.facts.doubts import doubts_of
from rewriter.inventory.facts.model import (
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
from rewriter.inventory.facts.unread_settings import UnreadSettings
from rewriter.inventory.files.tree_files import TreeFiles
from rewriter.inventory.hiding.hidden import HiddenSources
from rewriter.inventory.hiding.unread_policies import unread_policies
from rewriter.inventory.hubble.flows import ObservedFlow, ObservedFlows
from rewriter.inventory.kept.tree import KeptTree
from rewriter.inventory.objects.access import AccountBinding
from rewriter.inventory.objects.monitors import Monitoring
from rewriter.inventory.objects.operators import CONVENTIONS
from rewriter.inventory.objects.pods import ConfigMap, PodTemplate
from rewriter.inventory.objects.webhooks import ApiServerCall
from rewriter.inventory.questions.address_index import AddressIndex
from rewriter.inventory.releases.model import Made
from rewriter.inventory.settings.files import SettingsFiles
from rewriter.inventory.snapshots.form import Snapshot
from rewriter.inventory.texts.file_record import FileRecord
from rewriter.inventory.tree import answers
from rewriter.inventory.tree.derived import DerivedFacts
from rewriter.inventory.tree.of_one_kind import OfOneKind
from rewriter.inventory.tree.rendered_appliers import rendered_appliers
from rewriter.inventory.tree.tree_facts import KEPT_KINDS, POD_MAKERS, TreeFacts
from rewriter.inventory.tree.unseen import Unseen


class TreeInventory(OfOneKind):
    """Answers from the files offered, the clusters of the config and the snapshots given.

    `local_to` says whether a path matches the `local` globs of a cluster. `root` is where paths of Flux and Argo CD
    start, `read` gives a file's bytes anew, `read_beside` those of one that is not offered by its whole path (None: it
    cannot), `remotes` the URLs of the repository. `stale` says how old sources are that are too old. `operators` are
    the conventions by which custom resources are workloads, `complete` the namespaces that are known in full,
    `inert_kinds` kinds without pods. `render` renders a Helm release, `cache` keeps what was read for the next run,
    `asked` are the paths that people ask about.
    """

    def __init__(
        self,
        clusters: Sequence[Cluster] = (),
        snapshots: Sequence[Snapshot] = (),
        local_to: Callable[[Cluster, str], bool] = lambda _cluster, _path: False,
        *,
        root: str = ".",
        read: Callable[[str], bytes | None] = lambda _path: None,
        read_beside: Callable[[str], bytes | None] = lambda _path: None,
        remotes: Callable[[], Sequence[str]] = tuple,
        observed: ObservedFlows | None = None,
        stale: Mapping[Source, str] = MappingProxyType({}),
        operators: Iterable[str] = CONVENTIONS,
        complete: Sequence[str] = (),
        render: Render = no_render,
        inert_kinds: Iterable[str] = (),
        cache: CacheFolder = NO_CACHE,
        asked: Sequence[str] = (),
    ) -> None:
        self._inert_kinds = frozenset(inert_kinds)
        self._observed = observed
        self._stale = stale
        self._operators = frozenset(operators)
        self._configured = tuple(clusters)
        self._snapshots = tuple(snapshots)
        self._files = TreeFiles(root, read, read_beside)
        self.kept = KeptTree(cache, root)
        if not self.kept.is_empty:
            self._files.kept_manifests = self.kept.manifests
        self._settings = SettingsFiles()
        self._known_clusters = KnownClusters(
            self._configured, self._snapshots, self._settings, local_to, lambda: self.tree_clusters
        )
        self._placements = Placements(
            self._files,
            remotes,
            lambda: rendered_appliers(self._files, remotes, render),
            [self._files.inner(path) for path in asked],
        )
        known, placements = self._known_clusters, self._placements
        self._delivery = Delivery(
            self._files, placements, known.local, known.named, known.only, lambda: self._mutations, known.are_local
        )
        self._derived = DerivedFacts(
            self._files, self._placements, self._delivery.cluster_at, render, self._operators, known
        )
        self._facts = TreeFacts(
            self._files,
            self._placements,
            self._delivery,
            self._derived,
            self._snapshots,
            self._operators,
            None if self.kept.is_empty else self.kept,
        )
        self._unseen = Unseen(
            self._facts,
            self._snapshots,
            self._stale,
            tuple(complete),
            lambda: self.clusters,
            self._hidden_sources,
            self._configured,
        )

    def offer(self, path: str, data: bytes) -> FileRecord | None:
        """Takes note of a file that may hold facts; what its bytes show, or None where more than that is noted."""
        record = self._files.offer(path, data, KEPT_KINDS)
        programs = self._files.offer_programs(path, data)
        return None if self._settings.offer(path, data) or programs else record

    def take(self, path: str, record: FileRecord, number: int, data: bytes | None = None) -> None:
        """Takes note of a file that did not change since this record of it was kept."""
        self._files.take(path, record, data, number)

    def keep(self) -> None:
        """Keeps what was read of the files for the next run. Every file must have been offered."""
        self.kept.keep(self._files)

    def leave_out(self, path: str, data: bytes | None, why: str, **marks: bool) -> None:
        """Takes note of a file that is not read as facts, with the marks of `TreeFiles.leave_out`."""
        self._files.leave_out(path, data, why, **marks)

    def offer_links(self, links: Iterable[tuple[str, str]]) -> None:
        """Takes note of symlinks inside the tree, and of the real names of where they lead."""
        self._files.links += links

    def offer_beside(self, path: str, data: bytes) -> None:
        """Takes note of a file that holds no manifests and may say something of a cluster, or make objects."""
        if path.endswith(TERRAFORM_SUFFIXES):
            self._settings.offer_terraform(path, data)
            self._files.offer_terraform(path, data)
        elif path.endswith(PACKED_SUFFIXES):
            self._files.offer_packed(path, data)
        else:
            self._settings.offer_script(path, data)
            self._files.offer_programs(path, data, beside=True)

    def prepare(self) -> None:
        """Finds out how files reach clusters, so that processes forked from here need not."""
        self._placements.of("")
        len(self.clusters)
        len(self._derived.made)

    @property
    def unreadable(self) -> Sequence[Source]:
        """Files with facts that could not be read so far: broken, or templates."""
        return self._files.unreadable

    @property
    def named_kinds(self) -> frozenset[str]:
        return self._files.named_kinds

    @property
    def problems(self) -> Sequence[Problem]:
        """What is not known about how manifests reach clusters."""
        return [*self._placements.problems, *self.tree_clusters.problems, *self._known_clusters.stated_of_all.problems]

    @property
    def clusters(self) -> Sequence[Cluster]:
        """Those of the config, of snapshots, of the tree, each completed by the next; a config lists them all."""
        return self._known_clusters.all

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
    def tree_clusters(self) -> TreeClusters:
        """The clusters that are known from the tree alone."""
        return tree_clusters(self.installs)

    def local_globs(self, folder: str) -> dict[str, list[str]]:
        """For each cluster the globs, relative to a folder, of what the tree applies to it alone."""
        return cluster_globs(self._delivery.clusters_by_file(), self._files.inner(folder) or ".")

    def cluster_of(self, path: str) -> Cluster | None:
        return self._delivery.cluster_of(path)

    def clusters_of(self, path: str) -> Sequence[Cluster]:
        return [cluster for cluster in self._delivery.clusters_of(path) if cluster is not None]

    def unread_settings(self, cluster: Cluster | None) -> Sequence[UnreadSettings]:
        return answers.unread_settings(self.installs, self._files, self._snapshots, cluster, self.clusters_of)

    def namespace_of(self, path: str, manifest: Mapping[str, Any]) -> Applied:
        """Where a manifest lands: by everything in the tree that applies it, else by its own namespace."""
        return self._delivery.namespace_of(path, manifest)

    def placements_of(self, path: str) -> Sequence[Placement]:
        """The ways in which a file is applied; none where nothing in the tree applies it."""
        return self._placements.of(self._files.inner(path))

    def archive_of(self, path: str) -> str:
        """The archive in which a file lies that nothing applies, relative to the root; empty for any other file."""
        return archive_of(self._placements, self._files.inner(path))

    def is_patch(self, path: str) -> bool:
        return self._delivery.is_patch(path)

    def overwritten_on_the_way(self, path: str, manifest: Mapping[str, Any]) -> Sequence[str]:
        return self._delivery.overwritten_on_the_way(path, manifest)

    def changed_on_the_way(self, path: str, manifest: Mapping[str, Any], route: str = "") -> str:
        return self._delivery.changed_on_the_way(path, manifest, route)

    @cached_property
    def patched(self) -> PatchedPolicies:
        """The policies that patches change."""
        return PatchedPolicies(self._files, self._placements, self._delivery)

    def services(self, name: str, namespace: str | None = None) -> Sequence[Service]:
        found = self._facts.holding("services", b"Service", [name])
        return [item for item in found if item.name == name and namespace in (None, item.namespace)]

    def homeless_services(self, name: str) -> Sequence[Service]:
        return answers.homeless_services(self._facts, name)

    def services_by_labels(self, labels: Mapping[str, str]) -> Sequence[Service]:
        return answers.services_by_labels(self._facts, labels)

    def all_services(self) -> Sequence[Service]:
        return self._facts.holding("services", b"Service", ())

    def endpoint_slices(self, service: Service) -> Sequence[EndpointSlice]:
        return answers.endpoint_slices(self._facts, service)

    def workloads_with(self, labels: Mapping[str, str]) -> Sequence[Workload]:
        return self._facts.workloads_with(labels)

    def workloads_on_nodes(self) -> Sequence[Workload]:
        return self._facts.workloads_on_nodes()

    def all_workloads(self) -> Sequence[Workload]:
        return self._facts.holding_any("workloads", POD_MAKERS, ())

    def workloads_in(self, namespaces: Collection[str]) -> Sequence[Workload]:
        return self._facts.in_namespaces("workloads", POD_MAKERS, namespaces)

    def services_in(self, namespaces: Collection[str]) -> Sequence[Service]:
        return self._facts.in_namespaces("services", frozenset({b"Service"}), namespaces)

    @property
    def named_namespaces(self) -> Collection[str]:
        return self._files.named_namespaces

    @property
    def label_shapes(self) -> Collection[str]:
        return self._facts.label_shapes

    def doubts(self, fact: Service | Workload | Cluster | EndpointSlice) -> Sequence[str]:
        found = doubts_of(fact, self.services, lambda name: self._workloads_by_name.get(name, ()), self.clusters)
        applied = fact.source.line is not None and fact.source.path not in self._settings.paths
        if not isinstance(fact, Cluster) and applied:
            found = (*found, *self._delivery.doubts(fact.source.path))
        return tuple(filter(None, dict.fromkeys((*found, self.stale(fact)))))

    def stale(self, fact: Service | Workload | Cluster | EndpointSlice) -> str:
        return self._unseen.stale(fact)

    @cached_property
    def _workloads_by_name(self) -> Mapping[str, Sequence[Workload]]:
        return answers.by_name(self.all_workloads())

    def gaps(self, group: str) -> Sequence[str]:
        return self._unseen.gaps(group)

    def completeness(
        self, namespace: str | None = None, cluster: str | None = None, group: str = WORKLOADS, *, soon: bool = False
    ) -> Completeness:
        return self._unseen.completeness(namespace, cluster, group, soon=soon)

    def _hidden_sources(self) -> Iterator[Hidden]:
        applied, names = self._delivery.is_applied, self._cluster_names
        kinds, made = self._inert_kinds, self._derived.made
        own = HiddenSources(self._files, self._placements, applied, names, kinds, made, operators=self._operators)
        return answers.hidden_sources(own, self._known_clusters, self._mutations)

    @cached_property
    def _mutations(self) -> Sequence[Mutation]:
        return all_mutations(self._files, self._delivery.is_applied)

    def _cluster_names(self, path: str) -> Iterable[str | None]:
        return (None if cluster is None else cluster.name for cluster in self._delivery.clusters_of(path))

    def namespaces(self, name: str | None = None) -> Sequence[Namespace]:
        found: list[Namespace] = self._facts.holding("namespaces", b"Namespace", [name] if name else ())
        return [item for item in found if name in (None, item.name)]

    def nodes(self) -> Sequence[Node]:
        stated = self._known_clusters.stated_of_all.nodes
        return [*self._facts.all_of("nodes"), *stated]

    def cidr_groups(self) -> Sequence[CIDRGroup]:
        return self._facts.holding("cidr_groups", b"CiliumCIDRGroup", ())

    @property
    def addresses(self) -> AddressIndex:
        return self._addresses

    @cached_property
    def _addresses(self) -> AddressIndex:
        return AddressIndex(self.all_services(), self.nodes(), self.address_pools(), self.gateways())

    def api_server_calls(self) -> Sequence[ApiServerCall]:
        return answers.api_server_calls(self._facts)

    def monitoring(self) -> Monitoring:
        return answers.monitoring(self._facts)

    def account_bindings(self, account: str, namespace: str) -> Sequence[AccountBinding]:
        return answers.account_bindings(self._facts, account, namespace)

    def pod_template(self, workload: Workload) -> PodTemplate | None:
        return answers.pod_template(self._facts, workload)

    def config_maps(self, name: str, namespace: str) -> Sequence[ConfigMap]:
        return self._facts.config_maps(name, namespace)

    @property
    def policies(self) -> Sequence[AppliedPolicy]:
        return self._policies

    @cached_property
    def _policies(self) -> Sequence[AppliedPolicy]:
        found = applied_policies(self._files, self._placements, self._delivery)
        listed = (AppliedPolicy(e.manifest, e.cluster, e.source) for s in self._snapshots for e in s.policies)
        return with_others(found, (*self._derived.policies(), *listed))

    @property
    def unread_policies(self) -> Sequence[UnreadPolicy]:
        return self._unread_policies

    @cached_property
    def _unread_policies(self) -> Sequence[UnreadPolicy]:
        return tuple(dict.fromkeys(unread_policies(self._files, self._placements, self._derived.made)))

    @property
    def cross_cluster_drops(self) -> Sequence[ObservedFlow]:
        return self._cross_cluster_drops

    @cached_property
    def _cross_cluster_drops(self) -> Sequence[ObservedFlow]:
        return tuple(flow for flow in self._observed.flows if flow.crosses_clusters) if self._observed else ()
