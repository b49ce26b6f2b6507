"""Facts that no manifest of the tree states: what releases, controllers and distributions make. Each cites who does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

from rewriter.inventory.charts.make import Render, make_all
from rewriter.inventory.clusters.cluster_dns import cluster_dns
from rewriter.inventory.clusters.known_clusters import KnownClusters
from rewriter.inventory.delivery.kustomize_walk import Placement
from rewriter.inventory.delivery.placements import Placements
from rewriter.inventory.delivery.tree_policies import POLICY_KINDS
from rewriter.inventory.facts.model import AppliedPolicy, Cluster
from rewriter.inventory.files.tree_files import TreeFiles
from rewriter.inventory.objects.kubernetes import namespace_of
from rewriter.inventory.objects.operators import convention_of, operator_workloads
from rewriter.inventory.objects.readers import READERS
from rewriter.inventory.releases.find import find_releases
from rewriter.inventory.releases.model import Made, Release, flat
from rewriter.inventory.releases.values import ValuesFiles
from rewriter.inventory.texts.manifests import Manifest, mapping
from rewriter.inventory.tree.gateway_pods import GatewayPods

#: The chart of CloudNativePG, and the version from which on all of its releases install 1.28 or later (0.28.0: 1.29.0).
_POSTGRES_OPERATOR, _RECOMMENDED_SINCE = "cloudnative-pg", (0, 28)


class DerivedFacts:
    """What the releases of a tree make, found when it is first asked for.

    `cluster_at` gives the cluster of a placement of a file, `render` renders a release where that is possible,
    `operators` are the conventions by which custom resources count as workloads, `clusters` has which distributions
    bring the DNS of a cluster.
    """

    def __init__(
        self,
        files: TreeFiles,
        placements: Placements,
        cluster_at: Callable[[str, Placement], Cluster | None],
        render: Render,
        operators: frozenset[str],
        clusters: KnownClusters,
    ) -> None:
        self._files = files
        self._placements = placements
        self._cluster_at = cluster_at
        self._render = render
        self._operators = operators
        self._clusters = clusters
        #: The values of releases, and which files were read for them.
        self.values = ValuesFiles(files, placements)
        self._read: dict[tuple[str, frozenset[bytes]], list[Any]] = {}

    @cached_property
    def releases(self) -> Sequence[Release]:
        """The releases that the tree describes."""
        return list(find_releases(self._files, self._placements, self.values))

    @cached_property
    def recommended_labels(self) -> bool:
        """Whether every CloudNativePG that the tree installs is known to give its pods the recommended labels."""
        operators = [each for each in flat(self.releases) if each.chart.name == _POSTGRES_OPERATOR]
        return bool(operators) and all(
            (first := each.chart.numbers) is not None
            and first >= _RECOMMENDED_SINCE
            and not each.unread
            and not mapping(each.values.get("image"))  # Another release than the chart's own, perhaps.
            for each in operators
        )

    @cached_property
    def made(self) -> Sequence[Made]:
        """What each release makes."""
        return make_all(self.releases, self._render)

    def policies(self) -> Iterator[AppliedPolicy]:
        """The policies that releases make."""
        for release, manifest, cluster in self._manifests(POLICY_KINDS):
            doubt = "its release is known in part" if manifest.source.partial else ""
            yield AppliedPolicy(_in(release, manifest).value, cluster, manifest.source, doubt)

    def facts(self, group: str, kinds: frozenset[bytes]) -> list[Any]:
        """The facts of a group that releases make of objects of the given kinds."""
        if (group, kinds) not in self._read:
            found: list[Any] = []
            for release, manifest, cluster in self._manifests(kinds):
                found += [fact for fact in self._of(group, _in(release, manifest), cluster) if fact not in found]
            for manifest, cluster in self._by_controllers:
                if manifest.kind.encode() in kinds:
                    found += [fact for fact in self._of(group, manifest, cluster) if fact not in found]
            self._read[group, kinds] = found
        return self._read[group, kinds]

    @cached_property
    def _by_controllers(self) -> Sequence[tuple[Manifest, str | None]]:
        """What controllers make for Gateways, and distributions for the DNS of their cluster."""
        releases = list(flat(self.releases))
        found = list(cluster_dns(self._clusters, releases, self._files.files))
        for manifest, path, placement in GatewayPods(self._files, self._placements, releases).made():
            cluster = self._cluster_at(path, placement)
            found.append((manifest, cluster.name if cluster else None))
        return found

    def _manifests(self, kinds: frozenset[bytes]) -> Iterator[tuple[Release, Manifest, str | None]]:
        for made in self.made:
            wanted = [manifest for manifest in made.manifests if manifest.kind.encode() in kinds]
            cluster = self._cluster_of(made.release) if wanted else None
            yield from ((made.release, manifest, cluster) for manifest in wanted)

    def _of(self, group: str, manifest: Manifest, cluster: str | None) -> Iterator[Any]:
        kinds, read = READERS[group]
        if manifest.kind in kinds:
            yield from (fact for fact in read(manifest, cluster) if fact is not None)
        elif group == "workloads" and convention_of(manifest.value) in self._operators:
            namespace = namespace_of(manifest)
            if namespace is not None:
                yield from operator_workloads(manifest, namespace, cluster, recommended=self.recommended_labels)

    def _cluster_of(self, release: Release) -> str | None:
        placement = release.placement or Placement((), "")
        cluster = self._cluster_at(release.source.path, placement)
        return cluster.name if cluster else None


def _in(release: Release, manifest: Manifest) -> Manifest:
    """A manifest where it lands: in the release's namespace unless it names one, then changed as Kustomize would."""
    metadata = dict(manifest.metadata)
    if not metadata.get("namespace") and release.namespace:
        metadata["namespace"] = release.namespace
    value = {**manifest.value, "metadata": metadata}
    if release.transformed and release.placement is not None:
        value = dict(release.placement.apply(value))
    return Manifest(manifest.source, value)
