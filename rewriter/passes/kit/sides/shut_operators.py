"""Pods of a database that are cut off from the operator which manages it.

CloudNativePG's operator asks every instance for its status on port 8000, and connects to PostgreSQL: without it a
cluster does not become ready (CloudNativePG documentation, `samples/networkpolicy-example.yaml`).
"""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.cilium.policy import INGRESS, Rule, Spec
from rewriter.cilium.verdict import DEFAULT_DENY
from rewriter.evidence.context import Context, is_here
from rewriter.evidence.reachable import Reach, identity_of, reach_of, workloads_of_spec
from rewriter.finding import Applicability, Finding
from rewriter.inventory.facts.model import Workload
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.sides.let_in import pods_let_in
from rewriter.passes.kit.sides.missing_rules import route_of, stands_here
from rewriter.passes.kit.sides.one_sided_gaps import gaps_of
from rewriter.text import join_names

#: What the operator's chart and its manifests give its pods, and what it gives those of instances.
_OPERATOR = {"app.kubernetes.io/name": "cloudnative-pg"}
_INSTANCE = ("cnpg.io/podRole", "instance")
_STATUS, _POSTGRES = 8000, 5432
_TCP = "TCP"


def shut_operators(context: Context, spec: Spec) -> Iterator[Finding]:
    """A finding for each rule set whose instances are in default deny and shut the operator out."""
    rules = [rule for rule in spec.rules if rule.direction == INGRESS and not rule.deny and rule.members]
    if not rules or not any(map(is_instance, workloads_of_spec(context, spec))):
        return
    operator = _operator(context)
    reaches = reach_of(context, spec) if operator is not None else ()
    shut: list[Workload] = []
    ports: dict[int, None] = {}
    for reach in reaches:
        workload = reach.workload
        if operator is None or workload is None or not is_instance(workload):
            continue
        if not stands_here(context, spec, reach, INGRESS) or not _is_shut(context, reach, operator, _STATUS):
            continue
        if any(operator in gap.others for gap in gaps_of(context, workload, INGRESS)):
            continue  # CNP027 reports what the other side lets out.
        shut.append(workload)
        ports |= {port: None for port in (_STATUS, _POSTGRES) if _is_shut(context, reach, operator, port)}
    if operator is not None and shut:
        yield _finding(context, spec, rules[-1], operator, shut, list(ports), alone=len(reaches) == len(shut))


def is_instance(workload: Workload) -> bool:
    """Whether a workload stands for the instances of a Cluster of CloudNativePG."""
    return workload.kind == "Cluster" and _INSTANCE in workload.labels.items()


def _operator(context: Context) -> Workload | None:
    """The operator of the policy's cluster; None where none or several are known, or it is on the host network."""
    found = [w for w in context.inventory.workloads_with(_OPERATOR) if is_here(context, w.cluster)]
    return found[0] if len(found) == 1 and not found[0].host_network else None


def _is_shut(context: Context, reach: Reach, operator: Workload, port: int) -> bool:
    answer = reach.verdict(INGRESS, identity_of(context, operator), _TCP, port)
    return not answer.allowed and answer.certain and answer.reason == DEFAULT_DENY and not answer.depends_on


def _finding(
    context: Context,
    spec: Spec,
    last: Rule,
    operator: Workload,
    shut: list[Workload],
    ports: list[int],
    *,
    alone: bool,
) -> Finding:
    named, numbers = join_names((str(workload) for workload in shut), most=3), join_names(map(str, ports))
    change = pods_let_in(context, spec, last, operator, _OPERATOR, ports) if alone else None
    return report(
        context,
        route_of(spec, INGRESS),
        Applicability.UNSAFE if change else Applicability.MANUAL,
        f"{operator} asks {named} for its status on port {_STATUS}, and no policy lets it in",
        f"CloudNativePG's operator needs {numbers} of every instance, and without them the cluster is never ready",
        change=change,
        rests_on=[*shut, operator],
        evidence=[*(f"{w}, {w.source}" for w in shut[:3]), f"{operator}, {operator.source}: the operator"],
        advice="" if change else f"add a rule for {named} that lets {operator} in on {numbers}",
        at_key=True,
    )
