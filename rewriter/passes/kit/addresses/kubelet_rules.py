"""Egress rules for the port of kubelets that lead to no kubelet, or to that of the own node alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rewriter.cilium.identity import reserved_identity
from rewriter.cilium.policy import EGRESS, KNP, PeerField
from rewriter.evidence.context import Context
from rewriter.evidence.reachable import Reach, reach_of
from rewriter.finding import Applicability, Finding
from rewriter.passes.kit.addresses.address_owner import matches_nodes
from rewriter.passes.kit.addresses.cidr_entries import read_entries
from rewriter.passes.kit.changes.change import rule_added
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.changes.site import RuleSite, rule_sites
from rewriter.passes.kit.ports.node_needs import KUBELET
from rewriter.passes.kit.ports.port_numbers import names_any, ports_for

_NODE = reserved_identity("remote-node")
_WORLD = frozenset({"world", "world-ipv4", "world-ipv6"})
#: Each pod of a DaemonSet may want the kubelet of its own node.
_EVERY_NODE = "DaemonSet"


def kubelet_findings(context: Context) -> Iterator[Finding]:
    for site in rule_sites(context):
        fields = [field for field in site.rule.peers if field.entries]
        if site.rule.direction != EGRESS or site.deny or site.spec.subject is None or len(fields) != 1:
            continue
        if not names_any(site.rule, {KUBELET}) or len(context.inventory.nodes()) == 1:
            continue
        reaches = [reach for reach in reach_of(context, site.spec) if reach.workload is not None]
        world = _world(context, fields[0])
        if (world or _is_own_node(fields[0], reaches)) and reaches and all(map(_is_shut, reaches)):
            yield _finding(site, fields[0], world, reaches)


def _world(context: Context, field: PeerField) -> str:
    """The entry by which a rule means the world; empty for none."""
    if field.name == "toEntities":
        return next((str(entry) for entry in field.entries if entry in _WORLD), "")
    if field.name in ("toCIDR", "toCIDRSet", "to") and not matches_nodes(context):
        return next((entry.text for entry in read_entries(field) if entry.internet), "")
    return ""


def _is_own_node(field: PeerField, reaches: Sequence[Reach]) -> bool:
    """Whether a rule means the own node alone, for pods that run on some nodes only."""
    kinds = {reach.workload.kind for reach in reaches if reach.workload is not None}
    return field.name == "toEntities" and "host" in field.entries and _EVERY_NODE not in kinds


def _is_shut(reach: Reach) -> bool:
    answer = reach.verdict(EGRESS, _NODE, "TCP", KUBELET)
    return not answer.allowed and answer.certain


def _finding(site: RuleSite, field: PeerField, world: str, reaches: Sequence[Reach]) -> Finding:
    context = site.context
    nodes = ["host", "remote-node"] if world else ["remote-node"]
    change = None
    if context.policy.kind != KNP:
        ports = ports_for(site.rule, {KUBELET: KUBELET})
        change = rule_added(
            context, site.spec, site.rule, {"toEntities": nodes}, "kubelets of the nodes", toPorts=ports
        )
    what = f"`{world}` holds no kubelet" if world else "`host` is the kubelet of the pod's own node alone"
    return report(
        context,
        site if world else field,
        Applicability.UNSAFE if change else Applicability.MANUAL,
        f"{what}: port {KUBELET} of the other nodes is reached as the entity remote-node, to which no policy lets "
        f"{reaches[0].workload} out",
        "nodes of the cluster are not part of the world, and no CIDR matches them",
        change=change,
        advice=""
        if change
        else f"write a CiliumNetworkPolicy with `toEntities: [host, remote-node]` and port {KUBELET} beside it",
    )
