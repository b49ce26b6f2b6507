"""Which clusters there are: by the config, by snapshots, by the tree, and by settings of their own software."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cached_property

from rewriter.inventory.cilium.cilium_values import DEFAULT_NAME
from rewriter.inventory.clusters.settle import UNKNOWN, Settled, own_names, settle, with_readings
from rewriter.inventory.clusters.tree_clusters import TreeClusters, complete_cluster
from rewriter.inventory.facts.model import (
    Cluster,
)
from rewriter.inventory.settings.files import SettingsFiles
from rewriter.inventory.settings.stated import StatedDistribution
from rewriter.inventory.snapshots.form import Snapshot


class KnownClusters:
    """The clusters of the config, the snapshots and the tree; `of_tree` gives those known from the tree alone."""

    def __init__(
        self,
        configured: Sequence[Cluster],
        snapshots: Sequence[Snapshot],
        settings: SettingsFiles,
        local_to: Callable[[Cluster, str], bool],
        of_tree: Callable[[], TreeClusters],
    ) -> None:
        self._configured = configured
        self._snapshots = snapshots
        self._settings = settings
        self._local_to = local_to
        self._of_tree = of_tree
        self._settled: Settled | None = None

    @cached_property
    def all(self) -> Sequence[Cluster]:
        """The clusters of the config, then those of snapshots, then those of the tree."""
        found = {cluster.name: cluster for cluster in self._configured}
        for snapshot in self._snapshots:
            for cluster in snapshot.clusters:
                known = found.get(cluster.name)
                completed = cluster if known is None else complete_cluster(known, cluster)
                found[cluster.name] = completed if known is None else replace(completed, incomplete=cluster.incomplete)
        for name, cluster in self._of_tree().clusters.items():
            if name in found:
                found[name] = complete_cluster(found[name], cluster)
            elif not self._configured:
                found[name] = cluster
            elif name == DEFAULT_NAME and (own := self._owner(cluster)) in found:
                # Values that name no cluster: those of the one whose folder they lie in.
                found[own] = complete_cluster(found[own], cluster)
        if not found:
            readings = [reading for reading in self._settings.readings if not isinstance(reading, StatedDistribution)]
            names = [name for name in own_names(readings) if name != DEFAULT_NAME or not self._of_tree().unnamed]
            found = {name: Cluster(name, readings[0].source, meshed=False) for name in names}
        return tuple(
            with_readings(cluster, self.settled(found).values.get(name, {})) for name, cluster in found.items()
        )

    def _owner(self, cluster: Cluster) -> str:
        """The configured cluster whose files alone say all that is known of another; empty where there is none."""
        places = {cluster.source.path, *(source.path for _, source in cluster.cited)}
        owners = {name for path in places for name in self._local_names(path)}
        inside = all(self._local_names(path) for path in places)
        return owners.pop() if inside and len(owners) == 1 else ""

    def settled(self, clusters: Iterable[str]) -> Settled:
        """What configuration of the clusters' own software states of them."""
        names = tuple(clusters)
        if self._settled is None:
            only = len(names) == 1 and not (self._of_tree().unnamed and not self._configured)
            self._settled = settle(self._settings.readings, names, self._local_names, only)
        return self._settled

    @property
    def stated_of_all(self) -> Settled:
        """What configuration of their own software states of the clusters that are known."""
        return self.settled(cluster.name for cluster in self.all)

    @property
    def distributions(self) -> dict[str, StatedDistribution]:
        """The distributions that bring the DNS of a cluster, by the cluster's name; those with a snapshot left out."""
        listed = {cluster.name for snapshot in self._snapshots for cluster in snapshot.clusters}
        found = self.stated_of_all.distributions
        return {
            name: of_tree for name, of_tree in found.items() if name not in listed and not (listed and name == UNKNOWN)
        }

    def _local_names(self, path: str) -> Sequence[str]:
        return [cluster.name for cluster in self._configured if cluster.local_paths and self._local_to(cluster, path)]

    def only(self) -> Cluster | None:
        """The cluster that everything is for: the only one there is."""
        alone = len(self.all) == 1 and not (self._of_tree().unnamed and not self._configured)
        return self.all[0] if alone else None

    def local(self, path: str) -> list[Cluster]:
        """The clusters whose `local` globs a path matches."""
        return [cluster for cluster in self._with_paths if self._local_to(cluster, path)]

    @cached_property
    def _with_paths(self) -> Sequence[Cluster]:
        return [cluster for cluster in self.all if cluster.local_paths]

    def are_local(self) -> bool:
        """Whether the path of a file may say which cluster it is for."""
        return bool(self._with_paths)

    def named(self, target: str) -> Cluster | None:
        """The cluster of a target: the one whose Cilium goes there, or that Argo CD knows by its own name."""
        name = self._of_tree().targets.get(target, target)
        return next((cluster for cluster in self.all if cluster.name == name), None)
