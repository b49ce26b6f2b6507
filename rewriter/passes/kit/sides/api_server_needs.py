"""Pods that evidently talk to the API server, and that no policy lets out to it.

The program that manages an instance of CloudNativePG watches its Cluster there (CloudNativePG documentation, "Instance
Manager"). Other pods do where a binding gives rights to a ServiceAccount of their own, whose token they mount.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rewriter import patterns as re
from rewriter.cilium.policy import EGRESS, KNP, Rule, Spec
from rewriter.cilium.verdict import DEFAULT_DENY
from rewriter.evidence.api_server import SERVICE_PORT, USUAL_PORT, api_server
from rewriter.evidence.context import Context
from rewriter.evidence.names_learned import ANYWHERE
from rewriter.evidence.permits import API_SERVER_NODE
from rewriter.evidence.reachable import Reach, reach_of, workloads_of_spec
from rewriter.finding import Applicability, Finding
from rewriter.inventory.facts.model import Workload
from rewriter.passes.kit.changes.change import rule_added
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.ports.port_numbers import is_on
from rewriter.passes.kit.sides.missing_rules import route_of, stands_here
from rewriter.passes.kit.sides.shut_operators import is_instance
from rewriter.text import join_names

_TCP = "TCP"
#: Fields by which a rule may mean an API server outside of the cluster, and entities that hold one.
_ADDRESSES = frozenset({"toCIDR", "toCIDRSet", "toFQDNs", "toServices", "to"})
_RANGES = frozenset({"toCIDR", "toCIDRSet", "to"})
_SERVERS = ("kube-apiserver", "cluster", "remote-node", "all", "world")
#: Roles that do not show that pods talk to the API server: those that let them run in some way, and the one with which
#: others judge the pods' own token (Vault documentation, "Kubernetes auth method", the client's token as reviewer).
_NOT_ASKING = re.compile(
    r"(?:^|[^a-z])(?:psp|scc|podsecurity\w*|privileged|anyuid|nonroot\w*|restricted\w*|auth-delegator)(?:[^a-z]|$)"
)


class _Need(NamedTuple):
    """What the API server is to pods: in words, why they need it, and the evidence."""

    workload: Workload
    words: str
    why: str
    evidence: str


def without_api_server(context: Context, spec: Spec) -> Iterator[Finding]:
    """A finding for each rule set whose pods need the API server, are in egress default deny and do not reach it."""
    rules = [rule for rule in spec.rules if rule.direction == EGRESS and not rule.deny and rule.members]
    if not rules or not any(_need(context, workload) for workload in workloads_of_spec(context, spec)):
        return
    reaches = reach_of(context, spec)
    server = api_server(context)
    numbers = [server.port] if server.port is not None else [SERVICE_PORT, USUAL_PORT]
    by_address = not server.is_node or bool(context.cluster and context.cluster.cidr_match_nodes)
    shut = [
        need
        for reach in reaches
        if reach.workload is not None
        and (need := _need(context, reach.workload)) is not None
        and stands_here(context, spec, reach, EGRESS)
        and not any(_may_reach(reach, number, by_address=by_address) for number in numbers)
    ]
    of_instances = [need for need in shut if is_instance(need.workload)]
    if needs := of_instances or shut:
        yield _finding(context, spec, needs, alone=len(needs) == len(reaches))


def _finding(context: Context, spec: Spec, needs: Sequence[_Need], *, alone: bool) -> Finding:
    rules = [rule for rule in spec.rules if rule.direction == EGRESS and not rule.deny and rule.members]
    server, pods = api_server(context), [need.workload for need in needs]
    named = join_names(map(str, pods), most=3)
    port = server.port or USUAL_PORT
    change = None
    if context.policy.kind != KNP and alone:
        items = [{"ports": [{"port": str(port), "protocol": _TCP}]}]
        peers = {"toEntities": ["kube-apiserver"]}
        change = rule_added(
            context, spec, rules[-1], peers, "the API servers", toPorts=items, icmps=None, authentication=None
        )
    return report(
        context,
        route_of(spec, EGRESS),
        Applicability.UNSAFE if change else Applicability.MANUAL,
        f"{needs[0].words}{named} do not reach the API server: no policy lets them out to it",
        needs[0].why,
        change=change,
        rests_on=[*pods, *server.facts],
        evidence=[
            *(f"{pod}, {pod.source}" for pod in pods[:3]),
            *filter(None, [*(need.evidence for need in needs[:3]), server.port_evidence]),
        ],
        advice="" if change else f"let {named} out to `toEntities: [kube-apiserver]` on port {port}",
        at_key=True,
    )


def _need(context: Context, workload: Workload) -> _Need | None:
    """What the API server is to pods, as far as that is evident."""
    if is_instance(workload):
        why = "CloudNativePG's program in an instance watches its Cluster there, and does not start without"
        return _Need(workload, "instances of ", why, "")
    template = context.inventory.pod_template(workload)
    if workload.service_account in ("", "default") or template is None:
        return None
    if template.spec.get("automountServiceAccountToken") is False:
        return None
    for binding in context.inventory.account_bindings(workload.service_account, workload.namespace):
        if not _NOT_ASKING.search(binding.role.lower()):
            why = "their ServiceAccount has rights there, and every request of theirs times out"
            return _Need(workload, "pods of ", why, f"{binding}, {binding.source}: gives rights to {workload}")
    return None


def _may_reach(reach: Reach, port: int, *, by_address: bool) -> bool:
    """Whether the pods may reach an API server on a port: one on a node, or one outside of the cluster.

    Without `by_address` it is known to be a node, which no CIDR matches; CNP020 speaks of rules that name its port.
    """
    peers = (API_SERVER_NODE, ANYWHERE) if by_address else (API_SERVER_NODE,)
    answers = [reach.verdict(EGRESS, peer, _TCP, port) for peer in peers]
    if any(answer.allowed or not answer.certain or answer.reason != DEFAULT_DENY for answer in answers):
        return True
    # One outside may have any address that a rule for the port names, and the entities may be for another port.
    return any(
        field.has_any(*_SERVERS)
        or (
            field.name in _ADDRESSES and is_on(rule, port) and (by_address or field.name not in _RANGES or _named(rule))
        )
        for applied in reach.rules(EGRESS)
        if (rule := applied.rule) is not None and not applied.entry.deny
        for field in rule.peers
        if field.entries
    )


def _named(rule: Rule) -> bool:
    """Whether a rule names ports."""
    return bool(rule.raw.get("toPorts") or rule.raw.get("ports"))
