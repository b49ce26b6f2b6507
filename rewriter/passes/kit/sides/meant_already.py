"""Rules that pods have already and that may be meant for what they do not reach: other passes speak of these."""

from __future__ import annotations

from collections.abc import Sequence

from rewriter.cilium.labels import CLUSTER_LABEL, NAMESPACE_LABEL, NAMESPACE_LABELS_PREFIX, NAMESPACE_NAME_KEY
from rewriter.cilium.policy import EGRESS, INGRESS
from rewriter.cilium.terms import FqdnTerm, LabelTerm, reserved_term
from rewriter.evidence.context import Context
from rewriter.evidence.reachable import Reach
from rewriter.inventory.facts.model import Workload
from rewriter.passes.kit.ports.peer_terms import pod_peers

#: Entities that hold no pods.
_NO_PODS = (reserved_term("world"), reserved_term("kube-apiserver"))
_SCOPES = (NAMESPACE_LABEL, NAMESPACE_NAME_KEY, CLUSTER_LABEL)


def names_port(reach: Reach, numbers: Sequence[int]) -> bool:
    """Whether an allow rule that may mean pods names one of the ports: for whom is the question of other passes."""
    every = (rule.entry for rule in (*reach.rules(EGRESS), *reach.possible) if not rule.entry.deny)
    allowing = [entry for entry in every if not all(isinstance(p, FqdnTerm) or p in _NO_PODS for p in entry.peers)]
    return any(
        grant.match.low == number == grant.match.high
        for entry in allowing
        for grant in entry.ports
        for number in numbers
    )


def names_neighbours(reach: Reach, workload: Workload) -> bool:
    """Whether a rule lets the pods out to others of their namespace: it may be meant for a label that is not known."""
    return any(
        isinstance(peer, LabelTerm)
        and any(c.key == NAMESPACE_LABEL and workload.namespace in c.values for c in peer.conditions)
        for rule in (*reach.rules(EGRESS), *reach.possible)
        for peer in rule.entry.peers
        if not rule.entry.deny
    )


def forgets_namespace(context: Context, pods: Workload) -> bool:
    """Whether a rule lets pods in by labels that these have, and means its own namespace since it names none."""
    if pods.namespace == context.policy.namespace:
        return False
    for site, selector, _ in pod_peers(context):
        own = selector.requirements
        if site.rule.direction != INGRESS or site.deny or not own or site.members.get("namespaceSelector"):
            continue
        scoped = any(label.key in _SCOPES or label.key.startswith(NAMESPACE_LABELS_PREFIX) for label in own)
        if not scoped and all(label.operator == "In" and pods.labels.get(label.key) in label.values for label in own):
            return True
    return False
