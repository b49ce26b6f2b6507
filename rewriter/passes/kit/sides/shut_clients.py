"""Pods that use a Service, and that the policies of the pods behind it do not let in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rewriter.cilium.policy import EGRESS, INGRESS, Spec
from rewriter.evidence.clients import Client, clients_of
from rewriter.evidence.context import Context
from rewriter.evidence.databases import may_be_let_in_unseen
from rewriter.evidence.reachable import Reach, identity_of, reach_of, reach_of_workload, workloads_of_spec
from rewriter.evidence.workloads import workloads_evidence
from rewriter.finding import Applicability, Finding
from rewriter.inventory.facts.model import Workload
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.sides.let_through import pods_let_through
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
    """A finding for each workload that uses pods of a rule set and is stopped by their default deny for ingress."""
    rules = [rule for rule in spec.rules if rule.direction == INGRESS and not rule.deny and rule.members]
    if not rules or context.policy.clusterwide or not workloads_of_spec(context, spec):
        return  # What is meant for every pod of a cluster says nothing of those of one Service.
    reaches = reach_of(context, spec)
    done: set[tuple[int, tuple[int, ...]]] = set()
    for reach in reaches:
        if reach.workload is None or not stands_here(context, spec, reach, INGRESS):
            continue
        if may_be_let_in_unseen(context, reach.workload):
            continue
        for client in clients_of(context, reach.workload):
            key = (id(client.pods), client.ports)
            if key not in done and _is_stopped(context, reach, reach.workload, client):
                done.add(key)
                yield _finding(context, spec, reach.workload, client, alone=len(reaches) == 1)


def _is_stopped(context: Context, reach: Reach, workload: Workload, client: Client) -> bool:
    """Whether default deny stops the client on each port for certain, its own policies let it out, and nobody else
    speaks of it."""
    if not all(is_shut(context, reach, INGRESS, client.pods, port) for port in client.ports):
        return False
    if reach.verdict(INGRESS, identity_of(context, client.pods), _TCP, _TUNNEL).allowed:
        return False
    if any(client.pods in gap.others for gap in gaps_of(context, workload, INGRESS)):
        return False  # CNP027 reports what the other side lets out.
    own, there = reach_of_workload(context, client.pods), identity_of(context, workload)
    out = [own.verdict(EGRESS, there, _TCP, port) for port in client.ports]
    return not own.hidden and any(answer.allowed and answer.certain for answer in out)


def _finding(context: Context, spec: Spec, workload: Workload, client: Client, *, alone: bool) -> Finding:
    rules = [rule for rule in spec.rules if rule.direction == INGRESS and not rule.deny and rule.members]
    labels = _labels(context, client.pods)
    change = pods_let_through(context, spec, rules[-1], client.pods, labels, client.ports) if labels else None
    if len(client.ports) > 1 or not alone:
        change = None
    used, numbers = client.used, join_names(map(str, client.ports))
    return report(
        context,
        route_of(spec, INGRESS),
        Applicability.UNSAFE if change else Applicability.MANUAL,
        f"{client.pods} uses {used.service}, and no policy lets it in to {workload} on {numbers}",
        "the pods behind the Service are denied by default, so that every connection to it is dropped",
        change=change,
        rests_on=(workload, client.pods, used.service),
        evidence=(used.where, f"{used.service}, {used.service.source}", *workloads_evidence((workload, client.pods))),
        advice="" if change else f"add a rule for {workload} that lets {client.pods} in there, if it needs the Service",
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
