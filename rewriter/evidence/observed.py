"""Which observed flows a rule is about."""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.cilium.compile import Entry, compile_policy
from rewriter.cilium.identity import Identity
from rewriter.cilium.labels import parse_label
from rewriter.cilium.policy import Rule
from rewriter.cilium.settings import Settings
from rewriter.cilium.universe import Universe
from rewriter.cilium.validation import rejection
from rewriter.evidence.context import Context
from rewriter.inventory.hubble.flows import ObservedFlow


def dropped_from_remote_pods(context: Context, rule: Rule) -> tuple[ObservedFlow, ...]:
    """The flows seen dropped between the rule's subjects and pods of other meshed clusters, on the rule's ports.

    Empty where the policy's cluster is not known, or the target version rejects the policy.
    """
    own = context.cluster
    remote = {cluster.name for cluster in context.remote_clusters}
    flows = [
        flow
        for flow in context.inventory.cross_cluster_drops
        if flow.direction == rule.direction and own and flow.subject.cluster == own.name and flow.peer.cluster in remote
    ]
    flags = context.flags._replace(node_selector_labels=bool(context.node_selector_labels))
    if not flows or own is None or rejection(context.policy.raw, context.to_version, flags=flags) is not None:
        return ()
    settings = Settings(context.to_version, own.name, context.default_local_cluster(context.to_version))
    entries = [entry for entry in compile_policy(context.policy, settings) if entry.route == rule.route]
    return tuple(_concerned(flows, entries))


def _concerned(flows: list[ObservedFlow], entries: list[Entry]) -> Iterator[ObservedFlow]:
    for flow in flows:
        labels = frozenset(map(parse_label, flow.subject.labels))
        universe = Universe([Identity("", labels)])
        for entry in entries:
            covered = any(grant.match.covers(flow.protocol, flow.port, ()) for grant in entry.ports)
            if covered and universe.select(entry.subject):
                yield flow
                break
