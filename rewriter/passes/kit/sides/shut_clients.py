"""Pods that use a Service, and that the policies of the pods behind it do not let in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rewriter.cilium.policy import EGRESS, INGRESS, Rule, Spec
from rewriter.evidence.clients import Client, clients_of
from rewriter.evidence.context import Context
from rewriter.evidence.databases import may_be_let_in_unseen
from rewriter.evidence.reachable import Reach, identity_of, reach_of, reach_of_workload, workloads_of_spec
from rewriter.evidence.running import has_no_pods
from rewriter.evidence.workloads import workloads_evidence
from rewriter.finding import Applicability, Finding
from rewriter.inventory.facts.model import Workload
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.sides.let_through import pods_let_through
from rewriter.passes.kit.sides.meant_already import forgets_namespace
from rewriter.passes.kit.sides.missing_rules import route_of, stands_here
from rewriter.passes.kit.sides.one_sided_gaps import gaps_of
from rewriter.passes.kit.sides.shut_operators import is_shut
from rewriter.text import join_names

#: Labels by which a rule means the pods of a workload, the best first.
_NAMING = ("app.kubernetes.io/name", "k8s-app", "app")
#: Where the tunnels of Istio's ambient mode end: who is let in there gets in on every port.
_TUNNEL = 15008
_TCP = "TCP"


def shut_clients(context: Context, spec: Spec) -> Iterator[Finding]:
    """A finding for each Service whose users are stopped by the default deny for ingress of the pods behind it."""
    rules = [rule for rule in spec.rules if rule.direction == INGRESS and not rule.deny and rule.members]
    if not rules or context.policy.clusterwide or not workloads_of_spec(context, spec):
        return  # What is meant for every pod of a cluster says nothing of those of one Service.
    reaches = reach_of(context, spec)
    stopped: dict[tuple[str, tuple[int, ...]], tuple[Workload, dict[str, Client]]] = {}
    for reach in reaches:
        workload = reach.workload
        if workload is None or not stands_here(context, spec, reach, INGRESS):
            continue
        if may_be_let_in_unseen(context, workload):
            continue
        for client in clients_of(context, workload):
            if forgets_namespace(context, client.pods):
                continue  # CNP005 reports the rule, whose fix lets them in.
            if _is_stopped(context, reach, workload, client) and not has_no_pods(context, client.pods):
                _, clients = stopped.setdefault((str(client.used.service), client.ports), (workload, {}))
                clients.setdefault(str(client.pods), client)
    for workload, clients in stopped.values():
        yield _finding(context, spec, rules[-1], workload, list(clients.values()), alone=len(reaches) == 1)


def _is_stopped(context: Context, reach: Reach, workload: Workload, client: Client) -> bool:
    """Whether default deny stops a client on each port for certain, and its own policies let it out."""
    if not all(is_shut(context, reach, INGRESS, client.pods, port) for port in client.ports):
        return False
    if reach.verdict(INGRESS, identity_of(context, client.pods), _TCP, _TUNNEL).allowed:
        return False
    if not workload.ports and any(grant.match.name for rule in reach.rules(INGRESS) for grant in rule.entry.ports):
        return False  # The names of ports of pods that an operator makes are not known.
    if any(client.pods in gap.others for gap in gaps_of(context, workload, INGRESS)):
        return False  # CNP027 reports what the other side lets out.
    own, there = reach_of_workload(context, client.pods), identity_of(context, workload)
    out = [own.verdict(EGRESS, there, _TCP, port) for port in client.ports]
    return not own.hidden and any(answer.allowed and answer.certain for answer in out)


def _finding(
    context: Context, spec: Spec, last: Rule, workload: Workload, clients: Sequence[Client], *, alone: bool
) -> Finding:
    first = clients[0]
    labels = _labels(context, first.pods) if alone and len(clients) == len(first.ports) == 1 else None
    change = pods_let_through(context, spec, last, first.pods, labels, first.ports) if labels else None
    service, numbers = first.used.service, join_names(map(str, first.ports))
    named = join_names((str(client.pods) for client in clients), most=3)
    use, them = ("uses", "it") if len(clients) == 1 else ("use", "them")
    return report(
        context,
        route_of(spec, INGRESS),
        Applicability.UNSAFE if change else Applicability.MANUAL,
        f"{named} {use} {service}, and no policy lets {them} in to {workload} on {numbers}",
        "the pods behind the Service are denied by default, so that every connection to it is dropped",
        change=change,
        rests_on=(workload, service, *(client.pods for client in clients)),
        evidence=(
            *(client.used.where for client in clients[:3]),
            f"{service}, {service.source}",
            *workloads_evidence((workload, *(client.pods for client in clients[:3]))),
        ),
        advice="" if change else f"add a rule for {workload} that lets {named} in there, if the Service is needed",
        at_key=True,
    )


def _labels(context: Context, pods: Workload) -> Mapping[str, str] | None:
    """The label that means the pods of one workload in their namespace; None where none does."""
    for key in _NAMING:
        if key in pods.labels:
            label = {key: pods.labels[key]}
            alike: Sequence[Workload] = context.inventory.workloads_with(label)
            if [other for other in alike if other.namespace == pods.namespace] == [pods]:
                return label
    return None
