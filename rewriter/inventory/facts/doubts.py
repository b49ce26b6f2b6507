"""Where facts contradict each other: both sources in words, for passes that would rest on one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from rewriter.cilium.addresses import address_set
from rewriter.cilium.cidr import parsed_prefixes
from rewriter.inventory.facts.model import Cluster, EndpointSlice, Service, Workload

_Fact = TypeVar("_Fact", Service, Workload)


def doubts_of(
    fact: Service | Workload | Cluster | EndpointSlice,
    services: Callable[[str], Sequence[Service]],
    workloads: Callable[[str], Sequence[Workload]],
    clusters: Sequence[Cluster],
) -> Iterable[str]:
    """Why other facts speak against a fact, in words with both sources; `services` and `workloads` are by name.

    What is known in part contradicts nothing: the other fact has the rest.
    """
    if fact.source.unchecked:
        return (f"{fact}, {fact.source}, was never compared with what the chart renders",)
    if isinstance(fact, Service):
        return () if fact.source.partial else service_doubts(fact, _whole(services(fact.name)))
    if isinstance(fact, Workload):
        return () if fact.source.partial else workload_doubts(fact, _whole(workloads(fact.name)))
    return cluster_doubts(fact, clusters) if isinstance(fact, Cluster) else ()


def _whole(facts: Iterable[_Fact]) -> list[_Fact]:
    return [fact for fact in facts if not fact.source.partial]


def service_doubts(service: Service, named: Iterable[Service]) -> Iterator[str]:
    """The other Services of its name, namespace and cluster that are not the same. `named` are those of its name."""
    for other in named:
        same_place = other.namespace == service.namespace and _may_be_one(other.cluster, service.cluster)
        what = (other.selector, other.ports, other.external_name, other.type)
        if same_place and what != (service.selector, service.ports, service.external_name, service.type):
            first, second = sorted((service.source, other.source), key=str)
            yield f"{service} exists twice with different contents, {first} and {second}"


def workload_doubts(workload: Workload, named: Iterable[Workload]) -> Iterator[str]:
    """The same workload of the same cluster with other labels. `named` are those of its name.

    A copy in each cluster of a mesh is usual, and no doubt. Pods of a snapshot may carry more labels than manifests
    say, since much in a cluster adds some.
    """
    for other in named:
        if (other.kind, other.name, other.namespace) != (workload.kind, workload.name, workload.namespace):
            continue
        if _may_be_one(other.cluster, workload.cluster) and _contradict(workload, other):
            yield f"{workload} exists twice with different labels, {workload.source} and {other.source}"


def cluster_doubts(cluster: Cluster, clusters: Sequence[Cluster]) -> Iterator[str]:
    """The addresses that another cluster claims too: pods with pods, and pods with nodes."""
    names = [cluster.name for cluster in clusters]
    for other in clusters:
        if other.name == cluster.name:
            continue
        # Of two, the one that is known first comes first, so that both get the same words.
        first, second = sorted((cluster, other), key=lambda fact: names.index(fact.name))
        for ours, theirs in (("pod_cidrs", "pod_cidrs"), ("pod_cidrs", "node_cidrs"), ("node_cidrs", "pod_cidrs")):
            mine = address_set(parsed_prefixes(getattr(first, ours) or ()))
            both = mine & address_set(parsed_prefixes(getattr(second, theirs) or ()))
            if both:
                yield (
                    f"{', '.join(getattr(first, ours))} of cluster {first.name}, {first.source}, and "
                    f"{', '.join(getattr(second, theirs))} of cluster {second.name}, {second.source}, overlap"
                )


def _contradict(first: Workload, second: Workload) -> bool:
    for pods, manifest in ((first, second), (second, first)):
        if pods.source.line is None and manifest.labels.items() <= pods.labels.items():
            return False
    return first.labels != second.labels


def _may_be_one(first: str | None, second: str | None) -> bool:
    return first is None or second is None or first == second
