"""Scrapers whose own policies do not let them out to what they ask for metrics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rewriter.cilium.identity import reserved_identity
from rewriter.cilium.policy import EGRESS, KNP, Rule, Spec
from rewriter.cilium.verdict import DEFAULT_DENY
from rewriter.evidence.context import Context
from rewriter.evidence.reachable import Reach, identity_of, reach_of, workloads_of_spec
from rewriter.evidence.scrapers import Target, has_monitors, may_scrape, targets
from rewriter.finding import Applicability, Finding
from rewriter.inventory.facts.model import Workload
from rewriter.passes.kit.changes.change import rule_added
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.sides.missing_rules import route_of, stands_here
from rewriter.passes.kit.sides.one_sided_gaps import gaps_of
from rewriter.text import join_names

_NODE = reserved_identity("remote-node")
_TCP = "TCP"


def unreached_targets(context: Context, spec: Spec) -> Iterator[Finding]:
    """A finding for nodes, and one for pods, that a scraper of a rule set asks in vain."""
    rules = [rule for rule in spec.rules if rule.direction == EGRESS and not rule.deny and rule.members]
    if not rules or not any(map(may_scrape, workloads_of_spec(context, spec))) or not has_monitors(context):
        return
    reaches = reach_of(context, spec)
    for reach in reaches:
        workload = reach.workload
        if workload is None or not may_scrape(workload) or not stands_here(context, spec, reach, EGRESS):
            continue
        shut = [target for target in targets(context, workload) if _is_shut(context, reach, workload, target)]
        for found in ([t for t in shut if t.is_node], [t for t in shut if not t.is_node]):
            if found:
                yield _finding(context, spec, rules[-1], workload, found, alone=len(reaches) == 1)


def _is_shut(context: Context, reach: Reach, workload: Workload, target: Target) -> bool:
    """Whether default deny stops the way to a target for certain, and no other finding speaks of it."""
    if target.is_node and len(context.inventory.nodes()) == 1:
        return False  # Its own node lets it through by its own entity, host.
    if target.workload == workload:
        return False
    peer = _NODE if target.workload is None or target.is_node else identity_of(context, target.workload)
    answer = reach.verdict(EGRESS, peer, _TCP, target.port)
    if answer.allowed or not answer.certain or answer.reason != DEFAULT_DENY or answer.depends_on:
        return False
    # CNP027 reports what the other side lets in.
    return not any(target.workload in gap.others for gap in gaps_of(context, workload, EGRESS))


def _finding(
    context: Context, spec: Spec, last: Rule, workload: Workload, found: Sequence[Target], *, alone: bool
) -> Finding:
    ports = list(dict.fromkeys(target.port for target in found))
    named = join_names(dict.fromkeys(str(target.workload or "the kubelets") for target in found), most=3)
    numbers = join_names(map(str, ports))
    of_nodes = found[0].is_node
    message = f"{workload} scrapes {named} on {numbers}, and no policy lets it out there"
    change = None
    if of_nodes:
        message = f"{workload} scrapes {named} on {numbers} of every node, and no policy lets it out to `remote-node`"
        if context.policy.kind != KNP and alone:
            change = rule_added(
                context,
                spec,
                last,
                {"toEntities": ["host", "remote-node"]},
                "the nodes",
                toPorts=[{"ports": [{"port": str(port), "protocol": _TCP} for port in ports]}],
                icmps=None,
                authentication=None,
            )
    peers = "`toEntities: [host, remote-node]`" if of_nodes else "these pods"
    advice = f"add a rule for {workload} with {peers} and {'ports' if len(ports) > 1 else 'port'} {numbers}"
    if of_nodes and context.policy.kind == KNP:
        advice += ", in a CiliumNetworkPolicy beside this one: a NetworkPolicy cannot name nodes"
    return report(
        context,
        route_of(spec, EGRESS),
        Applicability.UNSAFE if change else Applicability.MANUAL,
        message,
        "nodes are not pods, and no selector matches what runs on their network"
        if of_nodes
        else "its pods are denied by default, so that every scrape times out and the targets are down",
        change=change,
        rests_on=[workload, *(target.workload for target in found if target.workload is not None)],
        evidence=list(dict.fromkeys(target.evidence for target in found))[:4],
        advice="" if change else advice,
        at_key=True,
    )
