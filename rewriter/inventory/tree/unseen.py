"""Whether the facts of a tree hold everything: what was not read, and what may make more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cached_property

from rewriter.inventory.facts.completeness import CIDR_GROUPS, LIFT, WORKLOADS, Completeness, Hidden, answer
from rewriter.inventory.facts.model import (
    Cluster,
    EndpointSlice,
    Service,
    Source,
    Workload,
)
from rewriter.inventory.snapshots.form import Snapshot
from rewriter.inventory.tree.tree_facts import POD_MAKERS, TreeFacts

#: Namespaces in which installers and providers of clusters run what stands in no repository, by patterns.
_MANAGED = ("kube-system", "kube-public", "kube-node-lease", "gke-*", "gmp-*", "aks-*", "openshift-*")


class Unseen:
    """What may be there beside the facts. `sources` finds what the tree may make, once, when it is first asked for."""

    def __init__(
        self,
        facts: TreeFacts,
        snapshots: Sequence[Snapshot],
        stale: Mapping[Source, str],
        complete: Sequence[str],
        clusters: Callable[[], Sequence[Cluster]],
        sources: Callable[[], Iterable[Hidden]],
        configured: Sequence[Cluster],
    ) -> None:
        self._facts = facts
        self._snapshots = snapshots
        self._stale = stale
        self._complete = complete
        self._clusters = clusters
        self._sources = sources
        self._configured = configured
        self._answers: dict[tuple[str | None, str | None, str, bool], Completeness] = {}

    def completeness(self, namespace: str | None, cluster: str | None, group: str, *, soon: bool) -> Completeness:
        """Whether the facts of a group hold all there is of a namespace and a cluster (None: of any).

        With `soon` only what hides for a reason that can be seen before every workload is read; there may be more.
        """
        key = (namespace, cluster, group, soon)
        if key not in self._answers:
            find = self._soon if soon else self._hidden_at
            hidden = [Hidden(words) for words in self.gaps(group)]
            if not self._are_listed(cluster, group):
                hidden += find(namespace, cluster, group)
            self._answers[key] = answer(hidden, self._complete, namespace, cluster, group)
        return self._answers[key]

    def _are_listed(self, cluster: str | None, group: str) -> bool:
        """Whether snapshots list all there is of a group in a cluster, or (None) in every one."""
        listed = {workload.cluster for snapshot in self._snapshots for workload in snapshot.workloads}
        listed &= {name for snapshot in self._snapshots for name, kind in snapshot.listed if kind == group}
        asked = {cluster} if cluster is not None else {cluster.name for cluster in self._clusters()}
        return bool(asked) and asked <= listed

    def _soon(self, _namespace: str | None, cluster: str | None, group: str) -> Iterator[Hidden]:
        if group != CIDR_GROUPS:
            yield from self._own_sources
        if group == WORKLOADS and cluster is not None and not self._facts.may_be_of(cluster):
            yield _without_workloads(cluster)

    @cached_property
    def _own_sources(self) -> Sequence[Hidden]:
        return tuple(self._sources())

    def _hidden_at(self, namespace: str | None, cluster: str | None, group: str) -> Iterator[Hidden]:
        yield from self._hidden if group != CIDR_GROUPS else self._hidden_groups
        if group == WORKLOADS and cluster is not None and not self._populated.get(cluster):
            yield _without_workloads(cluster)
        if namespace is not None and _is_managed(namespace):
            yield Hidden(f"what the cluster's installer runs in {namespace}", LIFT, frozenset({namespace}))
        if namespace is not None and not any(namespace in found for found in self._populated.values()):
            yield Hidden(f"nothing of namespace {namespace} is known", namespaces=frozenset({namespace}))

    @cached_property
    def _populated(self) -> Mapping[str | None, frozenset[str]]:
        """The namespaces where the facts hold a workload or a Service, by cluster (None: not known)."""
        found: dict[str | None, set[str]] = {}
        facts: list[Workload | Service] = [*self._workloads(), *self._services()]
        for fact in facts:
            found.setdefault(fact.cluster, set()).add(fact.namespace)
        return {cluster: frozenset(namespaces) for cluster, namespaces in found.items()}

    @cached_property
    def _hidden(self) -> Sequence[Hidden]:
        # Each is read, so that what has no namespace and what cannot be read comes to light.
        self._workloads()
        self._services()
        homeless = [
            Hidden(
                f"{workload.kind} {workload.name}, whose namespace is not known, {workload.source}",
                labels=frozenset(workload.labels.items()),
            )
            for workload in self._facts.homeless.values()
        ]
        return (*self._sources(), *homeless, *self._facts.uncertain.values())

    @cached_property
    def _hidden_groups(self) -> Sequence[Hidden]:
        """What may hold CiliumCIDRGroups: all that makes objects, and files that name one and are not read."""
        made = [gap for gap in self._hidden if gap.keys is None and gap.labels is None]
        return [replace(gap, groups=frozenset({CIDR_GROUPS})) for gap in made]

    def stale(self, fact: Service | Workload | Cluster | EndpointSlice) -> str:
        """How old the snapshot is that a fact rests on, where it is too old; else empty."""
        sources = [fact.source]
        if isinstance(fact, Cluster) and self._leaves_open(fact.name):
            sources += [s.source for s in self._snapshots for cluster in s.clusters if cluster.name == fact.name]
        return next(
            (f"{source} {self._stale_places[source]}" for source in sources if source in self._stale_places), ""
        )

    @cached_property
    def _stale_places(self) -> Mapping[Source, str]:
        """The stale snapshots, and the places in repositories that their facts came from."""
        old = (snapshot for snapshot in self._snapshots if snapshot.source in self._stale)
        places = {source: self._stale[snapshot.source] for snapshot in old for source in snapshot.sources}
        return {**places, **self._stale}

    def _leaves_open(self, name: str) -> bool:
        """Whether the config does not say where the pods and nodes of a cluster are, so that snapshots do."""
        configured = next((cluster for cluster in self._configured if cluster.name == name), None)
        return configured is None or configured.pod_cidrs is None or configured.node_cidrs is None

    def gaps(self, group: str) -> Sequence[str]:
        """Snapshots that are stale, and lists of a group that they could not read, one line each."""
        incomplete = [
            f"the {group} of cluster {cluster.name} could not be read, {cluster.source}"
            for snapshot in self._snapshots
            for cluster in snapshot.clusters
            if group in cluster.incomplete
        ]
        return tuple(dict.fromkeys((*(f"{source} {age}" for source, age in self._stale.items()), *incomplete)))

    def _workloads(self) -> Sequence[Workload]:
        return self._facts.holding_any("workloads", POD_MAKERS, ())

    def _services(self) -> Sequence[Service]:
        return self._facts.holding("services", b"Service", ())


def _without_workloads(cluster: str) -> Hidden:
    return Hidden(f"cluster {cluster} (none of its workloads is known)", clusters=frozenset({cluster}))


def _is_managed(namespace: str) -> bool:
    return any(fnmatchcase(namespace, pattern) for pattern in _MANAGED)
