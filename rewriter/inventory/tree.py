"""The inventory of a repository: files are kept as bytes, and parsed only when a question needs them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

from rewriter import yamltext
from rewriter.inventory import kubernetes
from rewriter.inventory.facts import (
    CIDRGroup,
    Cluster,
    EndpointSlice,
    Namespace,
    Node,
    Service,
    Source,
    Workload,
)
from rewriter.inventory.kustomize import FILE_NAMES, Kustomization, namespaces_for, read_kustomization
from rewriter.inventory.manifests import Manifest, mapping, read_manifests
from rewriter.inventory.snapshot import Snapshot

Fact = TypeVar("Fact", Workload, Service, EndpointSlice, Namespace, Node, CIDRGroup)

_KIND = re.compile(
    rb"""kind["']?[ \t]*:[ \t]*["']?("""
    rb"Pod|Deployment|StatefulSet|DaemonSet|ReplicaSet|ReplicationController|Job|CronJob|Service|Endpoints"
    rb"""|EndpointSlice|Namespace|Node|CiliumNode|CiliumCIDRGroup|[A-Za-z]*List)(?=["' \t,}\r\n#]|\Z)"""
)
_WORKLOADS = frozenset(kind.encode() for kind in kubernetes.WORKLOAD_KINDS)


@dataclass(frozen=True, slots=True)
class Applied:
    """The namespace that a manifest lands in; None with the reason where nobody says, or several disagree."""

    namespace: str | None
    source: str


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    kinds: frozenset[bytes]
    data: bytes


class TreeInventory:
    """Answers from the files offered, the clusters of the config and the snapshots given.

    `local_to` says whether a path matches the `local` globs of a cluster.
    """

    def __init__(
        self,
        clusters: Sequence[Cluster] = (),
        snapshots: Sequence[Snapshot] = (),
        local_to: Callable[[Cluster, str], bool] = lambda _cluster, _path: False,
    ) -> None:
        self._configured = tuple(clusters)
        self._snapshots = tuple(snapshots)
        self._local_to = local_to
        self._files: list[_File] = []
        self._kustomization_files: dict[str, bytes] = {}
        self._parsed: dict[str, list[Manifest]] = {}
        self._unreadable: list[Source] = []
        self._cluster_of: dict[str, Cluster | None] = {}
        self._namespace_of: dict[str, list[Kustomization]] = {}
        self._facts: dict[tuple[str, str], list[Any]] = {}
        self._answers: dict[tuple[str, frozenset[tuple[str, str]]], list[Any]] = {}

    def offer(self, path: str, data: bytes) -> None:
        """Takes note of a file that may hold facts. Nothing is parsed yet."""
        if path.endswith(FILE_NAMES):
            self._kustomization_files[path] = data
        elif b"kind" in data:
            kinds = frozenset(_KIND.findall(data))
            if kinds:
                self._files.append(_File(path, kinds, data))

    @property
    def unreadable(self) -> Sequence[Source]:
        """Files with facts that could not be read so far: broken, or templates."""
        return self._unreadable

    @cached_property
    def clusters(self) -> Sequence[Cluster]:
        """The clusters of the config, then those of snapshots; a configured one takes what it lacks from a snapshot."""
        found = {cluster.name: cluster for cluster in self._configured}
        for snapshot in self._snapshots:
            for cluster in snapshot.clusters:
                known = found.get(cluster.name)
                found[cluster.name] = cluster if known is None else _completed(known, cluster)
        return tuple(found.values())

    def cluster_of(self, path: str) -> Cluster | None:
        if path not in self._cluster_of:
            matching = [cluster for cluster in self.clusters if self._local_to(cluster, path)]
            if not matching and len(self.clusters) == 1:
                matching = list(self.clusters)
            self._cluster_of[path] = matching[0] if len(matching) == 1 else None
        return self._cluster_of[path]

    def namespace_of(self, path: str, manifest: Mapping[str, Any]) -> Applied:
        """Where a manifest lands: what the kustomizations that list its file set, else its own namespace."""
        setting = self._kustomizations_for(path)
        chosen = sorted({each.namespace for each in setting if each.namespace})
        if len(chosen) > 1:
            return Applied(None, " and ".join(f"{each.source} sets {each.namespace}" for each in setting))
        if chosen:
            return Applied(chosen[0], str(setting[0].source))
        own = mapping(manifest.get("metadata")).get("namespace")
        if isinstance(own, str) and own and not yamltext.has_substitution(own):
            return Applied(own, path)
        return Applied(None, "no manifest says which namespace it is applied to")

    def _kustomizations_for(self, path: str) -> list[Kustomization]:
        if path not in self._namespace_of:
            self._namespace_of[path] = namespaces_for(posixpath.normpath(path), self._kustomizations)
        return self._namespace_of[path]

    @cached_property
    def _kustomizations(self) -> Mapping[str, Kustomization]:
        found = {}
        for path, data in self._kustomization_files.items():
            if b"kind" not in data:
                data = b"kind: Kustomization\n" + data
            kustomization = read_kustomization(path, self._manifests(path, data))
            if kustomization is not None:
                found[kustomization.folder] = kustomization
        return found

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
            found = self._holding_any("workloads", _WORKLOADS, labels.values())
            self._answers[key] = [item for item in found if labels.items() <= item.labels.items()]
        return self._answers[key]

    def all_workloads(self) -> Sequence[Workload]:
        return self._holding_any("workloads", _WORKLOADS, ())

    def namespaces(self, name: str | None = None) -> Sequence[Namespace]:
        found: list[Namespace] = self._holding("namespaces", b"Namespace", [name] if name else ())
        return [item for item in found if name in (None, item.name)]

    def nodes(self) -> Sequence[Node]:
        return self._holding("nodes", b"Node", ()) + self._holding("nodes", b"CiliumNode", ())

    def cidr_groups(self) -> Sequence[CIDRGroup]:
        return self._holding("cidr_groups", b"CiliumCIDRGroup", ())

    def _holding(self, group: str, kind: bytes, needles: Iterable[str]) -> list[Any]:
        return self._holding_any(group, frozenset({kind}), needles)

    def _holding_any(self, group: str, kinds: frozenset[bytes], needles: Iterable[str]) -> list[Any]:
        """Facts of a group from the files that hold one of the kinds (or a List) and every needle, and snapshots."""
        wanted = [needle.encode() for needle in needles]
        found: list[Any] = [fact for snapshot in self._snapshots for fact in getattr(snapshot, group)]
        for file in self._files:
            if (file.kinds & kinds or b"List" in b"".join(file.kinds)) and all(map(file.data.__contains__, wanted)):
                found += self._facts_of(file, group)
        return found

    def _facts_of(self, file: _File, group: str) -> list[Any]:
        key = (file.path, group)
        if key not in self._facts:
            made = []
            for manifest in self._manifests(file.path, file.data):
                fact = self._fact(group, manifest, file.path)
                if fact is not None:
                    made.append(fact)
            self._facts[key] = made
        return self._facts[key]

    def _fact(self, group: str, manifest: Manifest, path: str) -> Any:
        cluster = self.cluster_of(path)
        name = cluster.name if cluster else None
        kind = manifest.kind
        if group == "namespaces":
            return kubernetes.namespace(manifest, name) if kind == "Namespace" else None
        if group == "nodes":
            return kubernetes.node(manifest, name) if kind in ("Node", "CiliumNode") else None
        if group == "cidr_groups":
            return kubernetes.cidr_group(manifest, name) if kind == "CiliumCIDRGroup" else None
        readers = {
            "workloads": (kubernetes.WORKLOAD_KINDS, kubernetes.workload),
            "services": (frozenset({"Service"}), kubernetes.service),
            "endpoint_slices": (frozenset({"EndpointSlice", "Endpoints"}), kubernetes.endpoint_slice),
        }
        kinds, reader = readers[group]
        if kind not in kinds or (kind == "Service" and manifest.value.get("apiVersion") != "v1"):
            return None
        return reader(manifest, self.namespace_of(path, manifest.value).namespace or "default", name)

    def _manifests(self, path: str, data: bytes) -> list[Manifest]:
        if path not in self._parsed:
            try:
                self._parsed[path] = read_manifests(path, data)
            except yamltext.YamlTextError as error:
                self._parsed[path] = []
                self._unreadable.append(Source(path, error.line))
        return self._parsed[path]


def _completed(cluster: Cluster, other: Cluster) -> Cluster:
    """A configured cluster with what only a snapshot knows; what the config says stays."""
    values = {
        name: getattr(other, name)
        for name in ("version", "pod_cidrs", "node_cidrs", "service_cidrs", "default_local_cluster", "cidr_match_nodes")
        if getattr(cluster, name) is None
    }
    return replace(cluster, incomplete=other.incomplete, **values)
