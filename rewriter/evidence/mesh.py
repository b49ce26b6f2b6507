"""Selectors that say which clusters and namespaces are meant, written in the policy's own key style."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rewriter.cilium.by_identity import ByIdentity
from rewriter.cilium.labels import ANY, CLUSTER_LABEL, K8S, NAMESPACE_LABEL
from rewriter.cilium.policy import KNP, Policy, Rule
from rewriter.cilium.selector import Selector
from rewriter.cilium.terms import Condition, LabelTerm, label_term
from rewriter.config.model import Config
from rewriter.evidence.context import Context
from rewriter.inventory.facts.model import Cluster
from rewriter.inventory.questions.inventory import Inventory


def mesh_known(inventory: Inventory, config: Config) -> bool:
    """Whether anybody speaks of other clusters: the inventory, or the config of the passes that look at them."""
    meshed = [cluster for cluster in inventory.clusters if cluster.meshed]
    return len(meshed) > 1 or config.implicit_cluster.scope != "auto" or config.cluster_entity.remote is not None


def reaches_other_clusters(context: Context) -> bool:
    """Whether a selector that names no cluster may mean pods of others: known ones, or those of a scope that is set."""
    if context.cluster is not None and not context.cluster.meshed:
        return False
    return bool(context.mesh) or context.config.implicit_cluster.scope != "auto"


def namespace_key(policy: Policy) -> str:
    """The key that says which namespace is meant, as the policy writes it elsewhere."""
    return _written_key(policy, NAMESPACE_LABEL) or f"{K8S}:{NAMESPACE_LABEL}"


def cluster_key(policy: Policy) -> str:
    """The key that says which cluster is meant, as the policy writes it elsewhere.

    Bare by default, and always in a NetworkPolicy: there any other form is read as another label
    (Cilium pkg/k8s ParseNetworkPolicy).
    """
    if policy.kind == KNP:
        return CLUSTER_LABEL
    return _written_key(policy, CLUSTER_LABEL) or CLUSTER_LABEL


def member_clusters(context: Context) -> tuple[Cluster, ...]:
    """Every cluster whose pods have identities where the policy is applied: its own, then the meshed ones.

    Where its own is not known, every meshed one; a cluster outside the mesh is the outside world.
    """
    own = context.cluster
    if own is None:
        return context.mesh or tuple(context.clusters)
    return (own, *context.remote_clusters) if own.meshed else (own,)


def cluster_requirement(context: Context, names: Sequence[str] | None) -> dict[str, Any]:
    """A matchExpressions item for pods of the named clusters, or (None) of any cluster of the mesh."""
    return _requirement(cluster_key(context.policy), names)


def any_namespace_requirement(context: Context) -> dict[str, Any]:
    """A matchExpressions item for pods of every namespace: without it a CNP selects in its own only."""
    return _requirement(namespace_key(context.policy), None)


def mesh_pods(context: Context, names: Sequence[str] | None) -> dict[str, Any]:
    """A peer selector for all pods, in any namespace, of the named clusters or (None) of every one."""
    return {"matchExpressions": [any_namespace_requirement(context), cluster_requirement(context, names)]}


def pods_of(names: Sequence[str] | None) -> LabelTerm:
    """The same pods as identities."""
    return label_term(
        [
            Condition(K8S, NAMESPACE_LABEL, "Exists"),
            Condition(K8S, CLUSTER_LABEL, "Exists" if names is None else "In", tuple(sorted(names or ()))),
        ]
    )


def network_policy_mesh_peer(names: Sequence[str] | None) -> dict[str, Any]:
    """The same as a NetworkPolicy peer."""
    return {"namespaceSelector": {}, "podSelector": {"matchExpressions": [_requirement(CLUSTER_LABEL, names)]}}


def _requirement(key: str, values: Sequence[str] | None) -> dict[str, Any]:
    if values is None:
        return {"key": key, "operator": "Exists"}
    return {"key": key, "operator": "In", "values": list(values)}


def _written_key(policy: Policy, key: str) -> str | None:
    """How the policy writes a key: in a peer, else in a subject."""
    question = ("written key", key)
    if question not in policy.answers:
        known = _WRITTEN.to(key)
        found = None
        for rule in policy.rules():
            of_rule = known.get(id(rule))
            if of_rule is None:
                of_rule = known[id(rule)] = rule, _key_in(_selectors_of(rule), key)
            found = of_rule[1]
            if found is not None:
                break
        policy.answers[question] = found or _key_in((spec.subject for spec in policy.specs), key)
    written: str | None = policy.answers[question]
    return written


#: How a rule writes a key, which many policies of a run share: each fix makes a new one.
_WRITTEN: ByIdentity[Rule, str | None] = ByIdentity()


def _selectors_of(rule: Rule) -> Iterator[Selector | None]:
    for field in rule.peers:
        yield from field.selectors


def _key_in(selectors: Iterable[Selector | None], key: str) -> str | None:
    found = (requirement for selector in selectors if selector for requirement in selector.requirements)
    return next(
        (
            requirement.written_key
            for requirement in found
            if requirement.key == key and requirement.source in (ANY, K8S)
        ),
        None,
    )
