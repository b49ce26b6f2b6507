"""Routes that lead to pods whose policies do not let in the proxies through which requests come."""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.cilium.policy import INGRESS, Rule, Spec
from rewriter.cilium.verdict import DEFAULT_DENY
from rewriter.evidence.context import Context
from rewriter.evidence.reachable import Reach, identity_of, reach_of, workloads_of_spec
from rewriter.evidence.route_clients import RouteClient, has_routes, route_clients
from rewriter.evidence.unknown_labels import may_be_meant
from rewriter.finding import Applicability, Finding
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.sides.let_through import pods_let_through
from rewriter.passes.kit.sides.missing_rules import route_of, stands_here
from rewriter.passes.kit.sides.one_sided_gaps import gaps_of


def shut_routes(context: Context, spec: Spec) -> Iterator[Finding]:
    rules = [rule for rule in spec.rules if rule.direction == INGRESS and not rule.deny and rule.members]
    reaches = reach_of(context, spec) if rules and has_routes(context) and workloads_of_spec(context, spec) else ()
    for reach in reaches:
        if reach.workload is None or not stands_here(context, spec, reach, INGRESS):
            continue
        done: set[tuple[str, int]] = set()
        for client in route_clients(context, reach.workload):
            key = (str(client.proxy), client.port)
            if key not in done and _is_shut(context, reach, client):
                done.add(key)
                yield _finding(context, spec, rules[-1], reach, client, alone=len(reaches) == 1)


def _is_shut(context: Context, reach: Reach, client: RouteClient) -> bool:
    """Whether default deny stops the proxies for certain, and no other finding speaks of them."""
    if client.proxy.host_network or reach.workload is None or client.proxy == reach.workload:
        return False
    if any(client.proxy in gap.others for gap in gaps_of(context, reach.workload, INGRESS)):
        return False  # CNP027 reports what the other side lets out.
    answer = reach.verdict(INGRESS, identity_of(context, client.proxy), "TCP", client.port)
    if answer.allowed or not answer.certain or answer.reason != DEFAULT_DENY or answer.depends_on:
        return False
    return not may_be_meant(context, reach, INGRESS, client.proxy)


def _finding(context: Context, spec: Spec, last: Rule, reach: Reach, client: RouteClient, *, alone: bool) -> Finding:
    change = pods_let_through(context, spec, last, client.proxy, client.labels, [client.port])
    return report(
        context,
        route_of(spec, INGRESS),
        Applicability.UNSAFE if change and alone else Applicability.MANUAL,
        f"{client.way} leads to {reach.workload} on port {client.port}, and no policy lets {client.proxy} in there",
        "its pods are denied by default, so that every request through the route fails",
        change=change,
        rests_on=[workload for workload in (reach.workload, client.proxy) if workload is not None],
        evidence=client.evidence,
        advice="" if change and alone else f"add a rule for {reach.workload} that lets {client.proxy} in there",
        at_key=True,
    )
