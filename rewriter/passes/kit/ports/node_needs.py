"""What nodes need of each other, and a first rule for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from rewriter.cilium.policy import INGRESS, Spec
from rewriter.evidence.api_server import USUAL_PORT
from rewriter.evidence.context import Context
from rewriter.evidence.host_policies import nodes_of
from rewriter.passes.kit.changes.change import Change
from rewriter.passes.kit.changes.claims import rule_flows

HEALTH, KUBELET, ETCD, WIREGUARD = 4240, 10250, (2379, 2380), 51871
#: Ports that nothing but nodes listens on.
ON_NODES = frozenset({HEALTH, KUBELET, *ETCD})

Need = tuple[int, str, str]
"""A port, its protocol, and what listens there."""


def needs_of(context: Context, *, control_plane: bool) -> Iterator[Need]:
    """What other nodes need of a node, as the settings of its cluster have it."""
    cluster = context.cluster
    yield HEALTH, "TCP", "health checks"
    yield KUBELET, "TCP", "kubelet"
    if control_plane:
        yield (cluster.api_server_port if cluster else None) or USUAL_PORT, "TCP", "API server"
        yield from ((port, "TCP", "etcd") for port in ETCD)
    if cluster is not None and cluster.datapath is not None:
        if cluster.datapath.tunnel_port:
            yield cluster.datapath.tunnel_port, "UDP", "tunnel"
        if cluster.datapath.wireguard:
            yield WIREGUARD, "UDP", "WireGuard"


def first_allow_rule(context: Context, spec: Spec, new: Mapping[str, object], words: str) -> Change | None:
    """A rule beside deny rules alone, with peers in these words; None where the direction has a list already."""
    denying = next((rule for rule in spec.rules if rule.direction == INGRESS and rule.deny), None)
    if denying is None or INGRESS in spec.members:
        return None
    opens = rule_flows(context, spec, replace(denying, deny=False), words, new)
    return Change(({"op": "add", "path": f"{spec.route}/{INGRESS}", "value": [new]},), (opens,))


def places_of(context: Context, spec: Spec, shut: Sequence[Need]) -> list[str]:
    """The known nodes of the policy, and the settings that open ports on them, with their places."""
    nodes, _ = nodes_of(context, spec)
    lines = list(dict.fromkeys(f"node {node.name}, {node.source}" for node in nodes))[:3]
    datapath = context.cluster.datapath if context.cluster else None
    if datapath is not None and context.cluster is not None and any(need[1] == "UDP" for need in shut):
        lines.append(f"values of Cilium, {context.cluster.source}")
    return lines
