"""Pods of a database that are cut off from the operator which manages it.

CloudNativePG's operator asks every instance for its status on port 8000, and connects to PostgreSQL: without it a
cluster does not become ready (CloudNativePG documentation, `samples/networkpolicy-example.yaml`). Dragonfly's operator
says on the admin port of each which one is the master (dragonfly-operator, `internal/controller`). Some of its
releases make a NetworkPolicy that lets in the operator, by the label of `_LET_IN`, and the pods themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from rewriter.cilium.policy import INGRESS, Rule, Spec
from rewriter.cilium.verdict import DEFAULT_DENY
from rewriter.evidence.context import Context, is_here
from rewriter.evidence.databases import may_be_let_in_unseen
from rewriter.evidence.reachable import Reach, identity_of, reach_of, workloads_of_spec
from rewriter.evidence.unknown_labels import may_be_meant
from rewriter.finding import Applicability, Finding
from rewriter.inventory.facts.model import Workload
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.sides.let_through import pods_let_through
from rewriter.passes.kit.sides.missing_rules import route_of, stands_here
from rewriter.passes.kit.sides.one_sided_gaps import gaps_of
from rewriter.text import join_names

_TCP = "TCP"
#: By what the policies that operators make know the operator.
_LET_IN = ("control-plane", "controller-manager")


class Database(NamedTuple):
    """What an operator needs of the pods that it makes of a kind, and what these need of each other.

    `mark` is a label that all of them carry, `operator` the labels that its chart and its manifests give the operator.
    It asks on the first of `ports` (`asks` in words, `why` in full), and uses the others too. The pods copy from each
    other on `copies`, and `own` is the label whose value is the database's name.
    """

    kind: str
    mark: tuple[str, str]
    operator: Mapping[str, str]
    ports: tuple[int, ...]
    asks: str
    why: str
    copies: int
    own: str


DATABASES = (
    Database(
        "Cluster",
        ("cnpg.io/podRole", "instance"),
        {"app.kubernetes.io/name": "cloudnative-pg"},
        (8000, 5432),
        "asks {pods} for its status",
        "CloudNativePG's operator needs {ports} of every instance, and without them the cluster is never ready",
        5432,
        "cnpg.io/cluster",
    ),
    Database(
        "Dragonfly",
        ("app.kubernetes.io/name", "dragonfly"),
        {"app.kubernetes.io/name": "dragonfly-operator"},
        (9999,),
        "tells each pod of {pods} its role",
        "over {ports} its operator makes one pod the master, and without that the Service leads to none",
        9999,
        "app",
    ),
)


def shut_operators(context: Context, spec: Spec) -> Iterator[Finding]:
    """A finding for each rule set whose pods of a database are in default deny and shut the operator out."""
    rules = [rule for rule in spec.rules if rule.direction == INGRESS and not rule.deny and rule.members]
    known = workloads_of_spec(context, spec) if rules else ()
    for database in {id(found): found for workload in known if (found := database_of(workload))}.values():
        operator = _operator(context, database)
        if operator is not None:
            yield from _shut_out(context, spec, rules[-1], database, operator)


def database_of(workload: Workload) -> Database | None:
    """What is known of the database whose pods a workload stands for; None for other workloads."""
    known = (d for d in DATABASES if workload.kind == d.kind and d.mark in workload.labels.items())
    return next(known, None)


def is_instance(workload: Workload) -> bool:
    """Whether a workload stands for the instances of a Cluster of CloudNativePG."""
    return database_of(workload) is DATABASES[0]


def is_shut(context: Context, reach: Reach, direction: str, peer: Workload, port: int) -> bool:
    """Whether default deny stops a flow between the pods and a peer for certain."""
    answer = reach.verdict(direction, identity_of(context, peer), _TCP, port)
    if answer.allowed or not answer.certain or answer.reason != DEFAULT_DENY or answer.depends_on:
        return False
    return not may_be_meant(context, reach, direction, peer)


def _operator(context: Context, database: Database) -> Workload | None:
    """The operator of the policy's cluster; None where none or several are known, or it is on the host network."""
    found = [w for w in context.inventory.workloads_with(database.operator) if is_here(context, w.cluster)]
    return found[0] if len(found) == 1 and not found[0].host_network else None


def _shut_out(context: Context, spec: Spec, last: Rule, database: Database, operator: Workload) -> Iterator[Finding]:
    reaches = reach_of(context, spec)
    shut: list[Workload] = []
    ports: dict[int, None] = {}
    for reach in reaches:
        workload = reach.workload
        if workload is None or database_of(workload) is not database or not stands_here(context, spec, reach, INGRESS):
            continue
        if not is_shut(context, reach, INGRESS, operator, database.ports[0]):
            continue
        if _LET_IN in operator.labels.items() and may_be_let_in_unseen(context, workload):
            continue
        if any(operator in gap.others for gap in gaps_of(context, workload, INGRESS)):
            continue  # CNP027 reports what the other side lets out.
        shut.append(workload)
        ports |= {port: None for port in database.ports if is_shut(context, reach, INGRESS, operator, port)}
    if shut:
        yield _finding(context, spec, last, database, operator, shut, list(ports), alone=len(reaches) == len(shut))


def _finding(
    context: Context,
    spec: Spec,
    last: Rule,
    database: Database,
    operator: Workload,
    shut: Sequence[Workload],
    ports: Sequence[int],
    *,
    alone: bool,
) -> Finding:
    named, numbers = join_names((str(workload) for workload in shut), most=3), join_names(map(str, ports))
    change = pods_let_through(context, spec, last, operator, database.operator, ports) if alone else None
    return report(
        context,
        route_of(spec, INGRESS),
        Applicability.UNSAFE if change else Applicability.MANUAL,
        f"{operator} {database.asks.format(pods=named)} on port {database.ports[0]}, and no policy lets it in",
        database.why.format(ports=numbers),
        change=change,
        rests_on=[*shut, operator],
        evidence=[*(f"{w}, {w.source}" for w in shut[:3]), f"{operator}, {operator.source}: the operator"],
        advice="" if change else f"add a rule for {named} that lets {operator} in on {numbers}",
        at_key=True,
    )
