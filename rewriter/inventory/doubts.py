"""Where facts contradict each other: both sources in words, for passes that would rest on one of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rewriter.cilium.addresses import address_set
from rewriter.cilium.cidr import parsed_prefixes
from rewriter.inventory.facts import Cluster, Service, Workload


def service_doubts(service: Service, named: Iterable[Service]) -> Iterator[str]:
    """The other Services of its name, namespace and cluster that are not the same. `named` are those of its name."""
    for other in named:
        same_place = other.namespace == service.namespace and _may_be_one(other.cluster, service.cluster)
        what = (other.selector, other.ports, other.external_name, other.type)
        if same_place and what != (service.selector, service.ports, service.external_name, service.type):
            yield f"{service} is there twice and not the same, {service.source} and {other.source}"


def workload_doubts(workload: Workload, alike: Iterable[Workload]) -> Iterator[str]:
    """The same workload with other labels, or in another cluster. `alike` are the workloads of its namespace."""
    for other in alike:
        if (other.kind, other.name, other.namespace) != (workload.kind, workload.name, workload.namespace):
            continue
        if _may_be_one(other.cluster, workload.cluster) and other.labels != workload.labels:
            yield f"{workload} is there twice with other labels, {workload.source} and {other.source}"
        elif other.cluster != workload.cluster:
            yield (
                f"{workload} is in {workload.cluster or 'an unknown cluster'}, {workload.source}, "
                f"and in {other.cluster or 'an unknown cluster'}, {other.source}"
            )


def cluster_doubts(cluster: Cluster, clusters: Sequence[Cluster]) -> Iterator[str]:
    """The addresses that another cluster claims too: pods with pods, and pods with nodes."""
    for other in clusters:
        if other.name == cluster.name:
            continue
        for field, theirs in (("pod_cidrs", "pod_cidrs"), ("pod_cidrs", "node_cidrs"), ("node_cidrs", "pod_cidrs")):
            mine = address_set(parsed_prefixes(getattr(cluster, field) or ()))
            both = mine & address_set(parsed_prefixes(getattr(other, theirs) or ()))
            if both:
                yield (
                    f"{', '.join(getattr(cluster, field))} of cluster {cluster.name}, {cluster.source}, and "
                    f"{', '.join(getattr(other, theirs))} of cluster {other.name}, {other.source}, overlap"
                )


def _may_be_one(first: str | None, second: str | None) -> bool:
    return first is None or second is None or first == second
