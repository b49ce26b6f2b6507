"""What host policies (CiliumClusterwideNetworkPolicies with nodeSelector) together do to the nodes that they select."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from rewriter.cilium.identity import Identity
from rewriter.cilium.labels import K8S, Label, LabelSet
from rewriter.cilium.policy import Spec
from rewriter.cilium.terms import Condition, conditions_of
from rewriter.evidence.context import Context
from rewriter.evidence.policies import AppliedRule, is_same_policy, own_rules, policies_of
from rewriter.evidence.reachable import Reach
from rewriter.evidence.settings import settings_of
from rewriter.inventory.facts.model import Node
from rewriter.records import dataclass

_ROLES = tuple(f"node-role.kubernetes.io/{role}" for role in ("control-plane", "master", "controlplane", "etcd"))
_CONTROL_PLANE = _ROLES[0]


@dataclass(frozen=True, slots=True)
class HostReach:
    """The host policies of one node, or of one kind of node where none is known."""

    reach: Reach
    control_plane: bool


def host_reaches(context: Context, spec: Spec) -> tuple[HostReach, ...]:
    """The host policies of each known node that a rule set selects, nodes with the same labels once.

    Where no node is known, of those that the selector demands; an empty selector has nodes of the control plane too.
    """
    if spec.node_subject is None:
        return ()
    conditions = conditions_of(spec.node_subject.requirements)
    own = context.cluster.name if context.cluster else None
    nodes = [node.labels for node in context.inventory.nodes() if own is None or node.cluster in (None, own)]
    found: list[HostReach] = []
    seen: list[Mapping[str, str]] = []
    for labels in nodes or _stand_ins(conditions):
        shown = {key: value for key, value in labels.items() if key != "kubernetes.io/hostname" or not nodes}
        if shown in seen or not all(_holds(condition, labels) for condition in conditions):
            continue
        seen.append(shown)
        found.append(HostReach(_reach(context, labels, complete=bool(nodes)), any(role in labels for role in _ROLES)))
    return tuple(found)


def nodes_of(context: Context, spec: Spec) -> tuple[tuple[Node, ...], tuple[Node, ...]]:
    """The known nodes that a rule set selects, and all known nodes of its cluster."""
    own = context.cluster.name if context.cluster else None
    known = tuple(node for node in context.inventory.nodes() if own is None or node.cluster in (None, own))
    conditions = conditions_of(spec.node_subject.requirements) if spec.node_subject is not None else ()
    return tuple(node for node in known if all(_holds(condition, node.labels) for condition in conditions)), known


def _stand_ins(conditions: Sequence[Condition]) -> Iterator[Mapping[str, str]]:
    demanded = {c.key: c.values[0] if c.operator == "In" else "" for c in conditions if c.operator in ("In", "Exists")}
    yield {**demanded}
    if not conditions:
        yield {_CONTROL_PLANE: ""}


def _reach(context: Context, labels: Mapping[str, str], *, complete: bool) -> Reach:
    others = (r for r in policies_of(context).within("") if not is_same_policy(r.policy, context.policy))
    selecting: list[AppliedRule] = []
    possible: list[AppliedRule] = []
    for rule in (*own_rules(context), *others):
        if not rule.entry.subject_is_node:
            continue
        conditions = rule.entry.subject.conditions
        as_pod = replace(rule, entry=replace(rule.entry, subject_is_node=False))
        if all(_holds(condition, labels) for condition in conditions):
            (selecting if rule.sure else possible).append(as_pod)
        elif not complete and not any(condition.key in labels for condition in conditions):
            possible.append(as_pod)
    identity = Identity("node", frozenset(Label(K8S, key, value) for key, value in labels.items()))
    hidden = policies_of(context).unread("")
    settings = settings_of(context.cluster, context.to_version).as_enforced
    return Reach(identity, None, tuple(selecting), tuple(possible), hidden, settings)


def _holds(condition: Condition, labels: Mapping[str, str]) -> bool:
    if condition.source not in ("any", K8S):
        return condition.source == "reserved" or condition.operator in ("NotIn", "DoesNotExist")
    found = LabelSet([Label(K8S, key, value) for key, value in labels.items()]).values(K8S, condition.key)
    return condition.meets(found)
