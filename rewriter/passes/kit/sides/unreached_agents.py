"""Hubble's relay, and a policy that does not let it out to the agents on the nodes.

The relay asks the agent of every node, on the node's own network (Cilium documentation, "Network Observability with
Hubble": port 4244 of all nodes).
"""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.cilium.identity import reserved_identity
from rewriter.cilium.policy import EGRESS, KNP, Rule, Spec
from rewriter.cilium.verdict import DEFAULT_DENY
from rewriter.evidence.context import Context
from rewriter.evidence.reachable import Reach, reach_of, workloads_of_spec
from rewriter.finding import Applicability, Finding
from rewriter.inventory.facts.model import Workload
from rewriter.passes.kit.changes.change import rule_added
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.sides.missing_rules import route_of, stands_here

_RELAY = ("k8s-app", "hubble-relay")
_AGENT_PORT = 4244
_OWN_NODE, _OTHER_NODE = reserved_identity("host"), reserved_identity("remote-node")


def unreached_agents(context: Context, spec: Spec) -> Iterator[Finding]:
    """A finding for a rule set that puts Hubble's relay into egress default deny and lets it out to no other node."""
    rules = [rule for rule in spec.rules if rule.direction == EGRESS and not rule.deny and rule.members]
    if not rules or not any(map(_is_relay, workloads_of_spec(context, spec))):
        return
    reaches = reach_of(context, spec)
    for reach in reaches:
        relay = reach.workload
        if relay is None or not _is_relay(relay) or not stands_here(context, spec, reach, EGRESS):
            continue
        if _is_shut(context, reach) and not _names_agents(reach):
            yield _finding(context, spec, rules[-1], relay, alone=len(reaches) == 1)


def _is_relay(workload: Workload) -> bool:
    return _RELAY in workload.labels.items() and not workload.host_network


def _is_shut(context: Context, reach: Reach) -> bool:
    peer = _OWN_NODE if len(context.inventory.nodes()) == 1 else _OTHER_NODE
    answer = reach.verdict(EGRESS, peer, "TCP", _AGENT_PORT)
    return not answer.allowed and answer.certain and answer.reason == DEFAULT_DENY and not answer.depends_on


def _names_agents(reach: Reach) -> bool:
    """Whether a rule of the relay names the agents' port: that it never matches there is for others to report."""
    return any(
        grant.match.low == _AGENT_PORT == grant.match.high
        for rule in (*reach.rules(EGRESS), *reach.possible)
        if not rule.entry.deny
        for grant in rule.entry.ports
    )


def _finding(context: Context, spec: Spec, last: Rule, relay: Workload, *, alone: bool) -> Finding:
    change = None
    if context.policy.kind != KNP and alone:
        items = [{"ports": [{"port": str(_AGENT_PORT), "protocol": "TCP"}]}]
        peers = {"toEntities": ["host", "remote-node"]}
        change = rule_added(context, spec, last, peers, "the nodes", toPorts=items, icmps=None, authentication=None)
    advice = f"let {relay} out to `toEntities: [host, remote-node]` on port {_AGENT_PORT}"
    if context.policy.kind == KNP:
        advice += ", in a CiliumNetworkPolicy beside this one: a NetworkPolicy cannot name nodes"
    return report(
        context,
        route_of(spec, EGRESS),
        Applicability.UNSAFE if change else Applicability.MANUAL,
        f"{relay} asks the agents of all nodes on port {_AGENT_PORT}, and no policy lets it out to `remote-node`",
        "the agents run on the network of the nodes, and without them Hubble shows no flows",
        change=change,
        rests_on=[relay],
        evidence=[f"{relay}, {relay.source}"],
        advice="" if change else advice,
        at_key=True,
    )
