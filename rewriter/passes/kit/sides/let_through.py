"""The rule by which a policy lets known pods through on ports, in the words of its kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rewriter.cilium.policy import INGRESS, KNP, Rule, Spec
from rewriter.evidence.context import Context
from rewriter.evidence.mesh import namespace_key
from rewriter.inventory.facts.model import Workload
from rewriter.passes.kit.changes.change import Change, rule_added
from rewriter.passes.kit.changes.forms import Form


def pods_let_through(
    context: Context, spec: Spec, last: Rule, pods: Workload, labels: Mapping[str, str], ports: Sequence[int]
) -> Change | None:
    """A rule for pods, which labels mean in their namespace, behind `last` and in its direction.

    None where there is one like it.
    """
    policy, home, words = context.policy, pods.namespace, f"pods of {pods}"
    way = "from" if last.direction == INGRESS else "to"
    if policy.kind == KNP:
        peer: Form = {"podSelector": {"matchLabels": dict(labels)}}
        if home != policy.namespace:
            peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": home}}, **peer}
        written = [{"protocol": "TCP", "port": port} for port in ports]
        return rule_added(context, spec, last, {way: [peer]}, words, ports=written)
    named = dict(labels) if home == policy.namespace else {namespace_key(policy): home, **labels}
    items = [{"ports": [{"port": str(port), "protocol": "TCP"} for port in ports]}]
    peers = {f"{way}Endpoints": [{"matchLabels": named}]}
    return rule_added(context, spec, last, peers, words, toPorts=items, icmps=None, authentication=None)
