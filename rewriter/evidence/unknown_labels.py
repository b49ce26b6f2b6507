"""Rules that may mean pods by labels of which it is not known whether the pods, or their namespace, have them."""

from __future__ import annotations

from rewriter.cilium.labels import ANY, K8S, NAMESPACE_LABELS_PREFIX, NAMESPACE_NAME_KEY, LabelSet
from rewriter.cilium.terms import Condition, LabelTerm
from rewriter.evidence.context import Context
from rewriter.evidence.reachable import Reach, identity_of
from rewriter.inventory.facts.model import Workload

#: Labels that Cilium gives to every pod, which are always known.
_OWN = ("io.cilium.", "io.kubernetes.")
#: Labels by which charts tell their pods apart: what is known of a chart in part has these.
_NAMING = frozenset(
    {"app", "name", "k8s-app", *(f"app.kubernetes.io/{part}" for part in ("name", "instance", "component"))}
)


def may_be_meant(context: Context, reach: Reach, direction: str, peer: Workload) -> bool:
    """Whether a rule of the pods may let a peer through by a label that no manifest shows.

    That is a label of a namespace that no manifest has, or of pods of a chart that is known in part.
    """
    homeless = not context.inventory.namespaces(peer.namespace)
    if not homeless and not peer.source.partial:
        return False
    labels = LabelSet(identity_of(context, peer).labels)

    def is_open(condition: Condition) -> bool:
        if condition.operator not in ("In", "Exists") or condition.source not in (ANY, K8S):
            return False
        if condition.key.startswith(NAMESPACE_LABELS_PREFIX):
            return homeless and condition.key != NAMESPACE_NAME_KEY
        own = not condition.key.startswith(_OWN) and condition.key not in _NAMING
        return peer.source.partial and own and not labels.values(condition.source, condition.key)

    for rule in (*reach.rules(direction), *reach.possible):
        if rule.entry.direction != direction or rule.entry.deny:
            continue
        for term in rule.entry.peers:
            if not isinstance(term, LabelTerm) or not any(map(is_open, term.conditions)):
                continue
            decided = (condition for condition in term.conditions if not is_open(condition))
            if all(condition.meets(labels.values(condition.source, condition.key)) for condition in decided):
                return True
    return False
