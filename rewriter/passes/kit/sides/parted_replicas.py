"""Pods of one database that copy from each other, and that a policy of theirs keeps apart."""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.cilium.policy import EGRESS, INGRESS, Spec
from rewriter.evidence.context import Context
from rewriter.evidence.databases import instances_of
from rewriter.evidence.reachable import Reach, reach_of, workloads_of_spec
from rewriter.finding import Applicability, Finding
from rewriter.inventory.objects.instances import Instances
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.sides.let_through import pods_let_through
from rewriter.passes.kit.sides.missing_rules import route_of, stands_here
from rewriter.passes.kit.sides.shut_operators import Database, database_of, is_shut


def parted_replicas(context: Context, spec: Spec) -> Iterator[Finding]:
    """A finding for each direction in which the pods of a database with several are kept apart."""
    if not any(database_of(workload) for workload in workloads_of_spec(context, spec)):
        return
    reaches = reach_of(context, spec)
    for reach in reaches:
        workload = reach.workload
        database = database_of(workload) if workload is not None else None
        several = instances_of(context, workload) if workload is not None and database is not None else None
        if workload is None or database is None or several is None or several.count < 2 or several.guarded:
            continue
        for direction in (INGRESS, EGRESS):
            if is_shut(context, reach, direction, workload, database.copies):
                yield from _kept_apart(context, spec, reach, direction, several, database, alone=len(reaches) == 1)


def _kept_apart(
    context: Context,
    spec: Spec,
    reach: Reach,
    direction: str,
    several: Instances,
    database: Database,
    *,
    alone: bool,
) -> Iterator[Finding]:
    workload, port = reach.workload, database.copies
    rules = [rule for rule in spec.rules if rule.direction == direction and not rule.deny and rule.members]
    if workload is None or not rules or not stands_here(context, spec, reach, direction):
        return
    labels = {database.own: workload.labels[database.own]}
    change = pods_let_through(context, spec, rules[-1], workload, labels, [port]) if alone else None
    way = "in" if direction == INGRESS else "out"
    yield report(
        context,
        route_of(spec, direction),
        Applicability.UNSAFE if change else Applicability.MANUAL,
        f"the {several.count} pods of {workload} copy from each other on port {port}, and no policy lets them {way}",
        "a replica that does not reach the primary never becomes ready, and there is none to take over",
        change=change,
        rests_on=[workload],
        evidence=[f"{workload}, {several.source}: has {several.count} pods"],
        advice="" if change else f"add a rule for {workload} that lets its own pods {way} on {port}",
        at_key=True,
    )
