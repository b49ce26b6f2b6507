"""Facts read from the files of a tree: each file is parsed once a group, when a question first needs it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import Any

from rewriter.inventory.delivery.archives import holds_no_objects
from rewriter.inventory.delivery.kustomize_walk import Placement
from rewriter.inventory.delivery.landing import Delivery
from rewriter.inventory.delivery.mutations import MUTATION_KINDS
from rewriter.inventory.delivery.placements import APPLIER_KINDS, Placements
from rewriter.inventory.delivery.tree_policies import POLICY_KINDS
from rewriter.inventory.delivery.unfollowed import overwritten
from rewriter.inventory.facts.completeness import LIFT, Hidden
from rewriter.inventory.facts.model import (
    Service,
    Source,
    Workload,
)
from rewriter.inventory.files.offered import OfferedFile
from rewriter.inventory.files.tree_files import TreeFiles
from rewriter.inventory.hiding.generating import GENERATING_KINDS
from rewriter.inventory.index.file_index import FileIndex
from rewriter.inventory.index.label_shapes import label_shapes
from rewriter.inventory.kept.tree import KeptTree
from rewriter.inventory.objects import kubernetes
from rewriter.inventory.objects.operators import OPERATOR_KINDS, convention_of, operator_workloads
from rewriter.inventory.objects.pod_templates import template_workloads, uncertain_labels
from rewriter.inventory.objects.pods import ConfigMap
from rewriter.inventory.objects.readers import KINDS, READERS
from rewriter.inventory.snapshots.form import Snapshot
from rewriter.inventory.texts import understood
from rewriter.inventory.texts.manifests import Manifest
from rewriter.inventory.tree.derived import DerivedFacts
from rewriter.inventory.tree.gateway_pods import PROXY_KIND
from rewriter.inventory.tree.generated_maps import generated_maps

WORKLOAD_MANIFESTS = frozenset(kind.encode() for kind in kubernetes.WORKLOAD_KINDS)
FACT_KINDS = frozenset(kind for group, kinds in KINDS.items() for kind in kinds if group != "config_maps")
OPERATOR_MANIFESTS = frozenset(kind.encode() for kind in OPERATOR_KINDS)
POD_MAKERS = WORKLOAD_MANIFESTS | OPERATOR_MANIFESTS
_SERVICES = frozenset({b"Service"})


#: Manifests of these kinds are kept; the bytes of other files are not.
KEPT_KINDS = (
    FACT_KINDS
    | OPERATOR_MANIFESTS
    | APPLIER_KINDS
    | POLICY_KINDS
    | MUTATION_KINDS
    | GENERATING_KINDS
    | {PROXY_KIND, b"GitRepository", b"HelmRelease", b"OCIRepository", b"HelmChart", b"HelmChartConfig"}
    | {b"CiliumPodIPPool"}
)
#: Groups of facts whose objects are left out where replacements write what is read of them.
_REWRITTEN = frozenset({"workloads", "services", "pod_templates"})


class TreeFacts:
    """The facts of the files offered, of what is derived from them, and of snapshots, by group (see `readers`).

    `homeless` are workloads whose namespace is unknown, `homeless_services` such Services, `uncertain` labels of known
    pods with unknown values: each is complete once every workload, or every Service, is read.
    """

    def __init__(
        self,
        files: TreeFiles,
        placements: Placements,
        delivery: Delivery,
        derived: DerivedFacts,
        snapshots: Sequence[Snapshot],
        operators: Collection[str],
        kept: KeptTree | None = None,
    ) -> None:
        self._kept = kept
        self._files = files
        self._placements = placements
        self._delivery = delivery
        self._derived = derived
        self._snapshots = snapshots
        self._operators = operators
        self.homeless: dict[tuple[Any, ...], Workload] = {}
        self.homeless_services: dict[Source, Service] = {}
        self.uncertain: dict[tuple[Any, ...], Hidden] = {}
        self._facts: dict[tuple[str, str], list[Any]] = {}
        self._found: dict[tuple[str, frozenset[bytes], tuple[str, ...]], list[Any]] = {}
        self._answers: dict[tuple[str, frozenset[tuple[str, str]]], list[Any]] = {}
        self._of_namespaces: dict[tuple[str, frozenset[bytes], frozenset[str]], list[Any]] = {}

    def workloads_with(self, labels: Mapping[str, str]) -> Sequence[Workload]:
        """The workloads whose pods have all of these labels."""
        key = ("workloads", frozenset(labels.items()))
        if key not in self._answers:
            found = self.holding_any("workloads", POD_MAKERS, labels.values())
            self._answers[key] = [item for item in found if labels.items() <= item.labels.items()]
        return self._answers[key]

    def workloads_on_nodes(self) -> Sequence[Workload]:
        """The workloads whose pods use the network of their node."""
        key = ("workloads on nodes", frozenset[tuple[str, str]]())
        if key not in self._answers:
            found = self.holding_any("workloads", POD_MAKERS, ["hostNetwork"])
            self._answers[key] = [item for item in found if item.host_network]
        return self._answers[key]

    @cached_property
    def label_shapes(self) -> Collection[str]:
        """The shapes of labels that pods have (see `label_shapes`)."""
        added = self._placements.added
        return label_shapes(
            self._index.holding(POD_MAKERS, (), unknown=True),
            lambda file: file.path in added or not file.kinds.isdisjoint(OPERATOR_MANIFESTS),
            lambda file: self._facts_of(file, "workloads"),
            [
                *(workload for snapshot in self._snapshots for workload in snapshot.workloads),
                *self._derived.facts("workloads", POD_MAKERS),
            ],
            self._kept,
        )

    def config_maps(self, name: str, namespace: str) -> Sequence[ConfigMap]:
        """The ConfigMaps of a name, from the files that variables come from, and those of releases and generators."""
        found: list[ConfigMap] = [*self._derived.facts("config_maps", KINDS["config_maps"])]
        found += generated_maps(self._files, self._placements, name, namespace)
        for path in self._files.variable_files:
            data = self._files.bytes_of(self._files.inner(path))
            if data is not None and name.encode() in data:
                found += self._facts_of(OfferedFile(path, frozenset(), data), "config_maps")
        return [config_map for config_map in found if (config_map.name, config_map.namespace) == (name, namespace)]

    def all_of(self, group: str) -> list[Any]:
        """Every fact of a group."""
        return self.holding_any(group, KINDS[group], ())

    def holding(self, group: str, kind: bytes, needles: Iterable[str]) -> list[Any]:
        """As `holding_any`, for one kind."""
        return self.holding_any(group, frozenset({kind}), needles)

    def holding_any(self, group: str, kinds: frozenset[bytes], needles: Iterable[str]) -> list[Any]:
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

    def in_namespaces(self, group: str, kinds: frozenset[bytes], namespaces: Collection[str]) -> list[Any]:
        """The facts of a group from manifests of these kinds that are in one of the namespaces, in the order of all.

        Only files that may hold some are read: a namespace stands in its manifests, or a step on the way gives it.
        """
        key = (group, kinds, frozenset(namespaces))
        if key not in self._of_namespaces:
            self._of_namespaces[key] = list(self._in_namespaces(*key))
        return self._of_namespaces[key]

    def _in_namespaces(self, group: str, kinds: frozenset[bytes], namespaces: frozenset[str]) -> Iterator[Any]:
        unknown = group == "workloads"
        if (group, kinds, ()) in self._found:  # Every file is read.
            yield from (fact for fact in self.holding_any(group, kinds, ()) if fact.namespace in namespaces)
            return
        needles = [[namespace.encode()] for namespace in namespaces]
        holding = (file for needle in needles for file in self._index.holding(kinds, needle, unknown=unknown))
        paths = {file.path for file in holding} | self._given(namespaces)
        snapshots = (fact for snapshot in self._snapshots for fact in getattr(snapshot, group, ()))
        files = (file for file in self._index.holding(kinds, (), unknown=unknown) if file.path in paths)
        facts = chain(
            snapshots,
            (fact for file in files for fact in self._facts_of(file, group)),
            self._derived.facts(group, kinds),
        )
        yield from (fact for fact in facts if fact.namespace in namespaces)

    def may_be_of(self, cluster: str) -> bool:
        """Whether a workload or a Service may be of a cluster, as far as is known without reading any manifest."""
        return cluster in self._reached_clusters

    @cached_property
    def _reached_clusters(self) -> frozenset[str | None]:
        """The clusters of the workloads and the Services that are known, and those that a file with some reaches."""
        groups = (("workloads", POD_MAKERS), ("services", _SERVICES))
        known = [fact for snapshot in self._snapshots for group, _ in groups for fact in getattr(snapshot, group)]
        known += [fact for group, kinds in groups for fact in self._derived.facts(group, kinds)]
        files = self._index.holding(POD_MAKERS | _SERVICES, (), unknown=True)
        reached = self._delivery.reached_by(file.path for file in files)
        return frozenset({*reached, *(fact.cluster for fact in known)})

    def _given(self, namespaces: frozenset[str]) -> set[str]:
        """The files whose manifests a step on the way may put into one of the namespaces."""
        return {
            path
            for path, given in self._placements.given_namespaces.items()
            if not given.isdisjoint(namespaces) or any("$" in name for name in given)
        }

    @cached_property
    def _index(self) -> FileIndex:
        return FileIndex(self._files.files, self._placements.added, OPERATOR_MANIFESTS, self._kept)

    def _facts_of(self, file: OfferedFile, group: str) -> list[Any]:
        key = (file.path, group)
        if key not in self._facts:
            self._facts[key] = list(self._made(file, group))
        return self._facts[key]

    def _made(self, file: OfferedFile, group: str) -> Iterator[Any]:
        """The facts of a file, one for each different way in which it is applied."""
        inner = self._files.inner(file.path)
        if holds_no_objects(self._placements, inner):
            return
        kinds, read = READERS[group]
        placements = self._placements.of(inner) or (Placement((), ""),)
        as_written = not any(placement.chain for placement in placements)
        for manifest in self._files.manifests(file):
            by_operator = group == "workloads" and convention_of(manifest.value) in self._operators
            by_template = group == "workloads" and not by_operator and not understood.is_fact(manifest.value)
            if manifest.kind not in kinds and not by_operator and not by_template:
                continue
            if by_template and as_written and understood.is_inert(manifest.value):
                continue  # Most manifests are neither, and nothing on the way makes them say anything.
            seen: list[Any] = []
            for placement in placements:
                applied = Manifest(manifest.source, placement.apply(manifest.value)) if placement.chain else manifest
                if group in _REWRITTEN and (words := overwritten(placement.chain, applied.value, manifest.value)):
                    self._note_overwritten(applied, words)
                    continue
                cluster = self._delivery.cluster_at(file.path, placement)
                name = cluster.name if cluster else None
                namespace = kubernetes.namespace_of(applied)
                if by_operator:
                    recommended = self._derived.recommended_labels
                    made = operator_workloads(applied, namespace, name, recommended=recommended) if namespace else ()
                    facts = list(made)
                elif by_template:
                    facts = list(template_workloads(applied, namespace, name)) if namespace else []
                else:
                    facts = list(read(applied, name))
                if group == "workloads":
                    self._note_labels(applied.value, facts)
                if group == "workloads" and namespace is None and not by_operator:
                    self._note_homeless(applied, name)
                if group == "services" and namespace is None:
                    self.homeless_services.setdefault(applied.source, kubernetes.service(applied, "", name))
                seen += [fact for fact in facts if fact not in seen]
            yield from seen

    def _note_overwritten(self, applied: Manifest, words: str) -> None:
        """Takes note of an object of which is not known what it says once it is applied."""
        namespace = kubernetes.namespace_of(applied)
        reason = f"{applied.kind} {applied.name}, {applied.source}, into which {words} write"
        place = None if namespace is None else frozenset({namespace})
        self.uncertain.setdefault((applied.source, words), Hidden(reason, LIFT, place))

    def _note_labels(self, value: Mapping[str, Any], workloads: Iterable[Workload]) -> None:
        """Takes note of labels that known pods carry with values that are not known."""
        for workload in workloads:
            for keys, words in uncertain_labels(value, workload):
                place = (workload.namespace, workload.cluster)
                clusters = None if workload.cluster is None else frozenset({workload.cluster})
                hidden = Hidden(words, LIFT, frozenset({workload.namespace}), clusters, keys=keys)
                self.uncertain.setdefault((*place, keys), hidden)

    def _note_homeless(self, applied: Manifest, cluster: str | None) -> None:
        own = kubernetes.workload(applied, "", cluster) if understood.is_fact(applied.value) else None
        for workload in (own,) if own else template_workloads(applied, "", cluster):
            self.homeless.setdefault((workload.source, *sorted(workload.labels.items())), workload)
