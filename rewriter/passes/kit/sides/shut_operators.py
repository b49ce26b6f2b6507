"""Pods of a database that are cut off from the operator which manages it, or from the API server.

CloudNativePG's operator asks every instance for its status on port 8000, and connects to PostgreSQL: without it a
cluster does not become ready (CloudNativePG documentation, `samples/networkpolicy-example.yaml`). The program that
manages an instance watches the Cluster at the API server (CloudNativePG documentation, "Instance Manager").
"""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.cilium.policy import EGRESS, INGRESS, KNP, Rule, Spec
from rewriter.cilium.verdict import DEFAULT_DENY
from rewriter.evidence.api_server import SERVICE_PORT, USUAL_PORT, api_server
from rewriter.evidence.context import Context, is_here
from rewriter.evidence.names_learned import ANYWHERE
from rewriter.evidence.permits import API_SERVER_NODE
from rewriter.evidence.reachable import Reach, identity_of, reach_of, workloads_of_spec
from rewriter.finding import Applicability, Finding
from rewriter.inventory.facts.model import Workload
from rewriter.passes.kit.changes.change import rule_added
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.ports.port_numbers import is_on
from rewriter.passes.kit.sides.let_in import pods_let_in
from rewriter.passes.kit.sides.missing_rules import route_of, stands_here
from rewriter.passes.kit.sides.one_sided_gaps import gaps_of
from rewriter.text import join_names

#: What the operator's chart and its manifests give its pods, and what it gives those of instances.
_OPERATOR = {"app.kubernetes.io/name": "cloudnative-pg"}
_INSTANCE = ("cnpg.io/podRole", "instance")
_STATUS, _POSTGRES = 8000, 5432
_TCP = "TCP"
#: Fields by which a rule may mean an API server outside of the cluster, and entities that hold one.
_ADDRESSES = frozenset({"toCIDR", "toCIDRSet", "toFQDNs", "toServices", "to"})
_SERVERS = ("kube-apiserver", "cluster", "remote-node", "all", "world")


def shut_operators(context: Context, spec: Spec) -> Iterator[Finding]:
    """A finding for each rule set whose instances are in default deny and shut the operator out."""
    rules = [rule for rule in spec.rules if rule.direction == INGRESS and not rule.deny and rule.members]
    if not rules or not any(map(_is_instance, workloads_of_spec(context, spec))):
        return
    operator = _operator(context)
    reaches = reach_of(context, spec) if operator is not None else ()
    shut: list[Workload] = []
    ports: dict[int, None] = {}
    for reach in reaches:
        workload = reach.workload
        if operator is None or workload is None or not _is_instance(workload):
            continue
        if not stands_here(context, spec, reach, INGRESS) or not _is_shut(context, reach, operator, _STATUS):
            continue
        if any(operator in gap.others for gap in gaps_of(context, workload, INGRESS)):
            continue  # CNP027 reports what the other side lets out.
        shut.append(workload)
        ports |= {port: None for port in (_STATUS, _POSTGRES) if _is_shut(context, reach, operator, port)}
    if operator is not None and shut:
        yield _finding(context, spec, rules[-1], operator, shut, list(ports), alone=len(reaches) == len(shut))


def without_api_server(context: Context, spec: Spec) -> Iterator[Finding]:
    """A finding for each rule set whose instances are in egress default deny and do not reach the API server."""
    rules = [rule for rule in spec.rules if rule.direction == EGRESS and not rule.deny and rule.members]
    if not rules or not any(map(_is_instance, workloads_of_spec(context, spec))):
        return
    reaches = reach_of(context, spec)
    server = api_server(context)
    numbers = [server.port] if server.port is not None else [SERVICE_PORT, USUAL_PORT]
    shut = [
        reach.workload
        for reach in reaches
        if reach.workload is not None
        and _is_instance(reach.workload)
        and stands_here(context, spec, reach, EGRESS)
        and not any(_may_reach(reach, number) for number in numbers)
    ]
    if not shut:
        return
    named, last = join_names((str(workload) for workload in shut), most=3), rules[-1]
    port = server.port or USUAL_PORT
    change = None
    if context.policy.kind != KNP and len(shut) == len(reaches):
        items = [{"ports": [{"port": str(port), "protocol": _TCP}]}]
        peers = {"toEntities": ["kube-apiserver"]}
        change = rule_added(
            context, spec, last, peers, "the API servers", toPorts=items, icmps=None, authentication=None
        )
    yield report(
        context,
        route_of(spec, EGRESS),
        Applicability.UNSAFE if change else Applicability.MANUAL,
        f"instances of {named} do not reach the API server: no policy lets them out to it",
        "the program that manages an instance of CloudNativePG watches its Cluster there, and does not start without",
        change=change,
        rests_on=[*shut, *server.facts],
        evidence=[*(f"{w}, {w.source}" for w in shut[:3]), *filter(None, [server.port_evidence])],
        advice="" if change else f"let {named} out to `toEntities: [kube-apiserver]` on port {port}",
        at_key=True,
    )


def _may_reach(reach: Reach, port: int) -> bool:
    """Whether the pods may reach an API server on a port: one on a node, or one outside of the cluster."""
    answers = [reach.verdict(EGRESS, peer, _TCP, port) for peer in (API_SERVER_NODE, ANYWHERE)]
    if any(answer.allowed or not answer.certain or answer.reason != DEFAULT_DENY for answer in answers):
        return True
    # One outside may have any address that a rule for the port names, and the entities may be for another port.
    fields = [
        (field, is_on(applied.rule, port))
        for applied in reach.rules(EGRESS)
        if applied.rule is not None and not applied.entry.deny
        for field in applied.rule.peers
        if field.entries
    ]
    return any((on and field.name in _ADDRESSES) or field.has_any(*_SERVERS) for field, on in fields)


def _is_instance(workload: Workload) -> bool:
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
