"""The pods that an operator makes of a database: how many, and what it may make beside them."""

from __future__ import annotations

from rewriter.evidence.context import Context
from rewriter.inventory.facts.model import Workload
from rewriter.inventory.objects.instances import Instances

_GUARDED = "Dragonfly"


def instances_of(context: Context, workload: Workload) -> Instances | None:
    """The pods of a database, as its resource says how many there are; None for other workloads."""
    wanted = (workload.kind, workload.name, workload.namespace, workload.cluster)
    known = context.inventory.instances()
    return next((i for i in known if (i.kind, i.name, i.namespace, i.cluster) == wanted), None)


def may_be_let_in_unseen(context: Context, workload: Workload) -> bool:
    """Whether the operator of a database may make a NetworkPolicy that lets clients in, which no manifest shows."""
    if workload.kind != _GUARDED:
        return False
    known = instances_of(context, workload)
    return known is None or known.guarded
