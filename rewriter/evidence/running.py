"""Workloads that have no pods as long as nothing scales them up."""

from __future__ import annotations

from rewriter.evidence.context import Context
from rewriter.inventory.facts.model import Workload
from rewriter.inventory.objects.replicas import NamedWorkload


def has_no_pods(context: Context, workload: Workload) -> bool:
    """Whether a workload is written with `replicas: 0`, and no autoscaler or Rollout of the tree names it."""

    def is_meant(fact: NamedWorkload) -> bool:
        own = (workload.kind, workload.name, workload.namespace)
        return (fact.kind, fact.name, fact.namespace) == own and fact.cluster in (None, workload.cluster)

    stopped = any(is_meant(found) for found in context.inventory.without_pods())
    return stopped and not any(is_meant(found) for found in context.inventory.scaled())
