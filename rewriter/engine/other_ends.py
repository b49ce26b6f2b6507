"""Which policies meet: those of the same pods, and those of the pods that a policy names as peers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from rewriter.cilium.labels import ANY, K8S, NAMESPACE_LABEL, NAMESPACE_LABELS_PREFIX, NAMESPACE_NAME_LABEL
from rewriter.cilium.policy import EGRESS, INGRESS, Policy
from rewriter.cilium.terms import Condition, LabelTerm
from rewriter.cilium.tiers import is_cluster_network_policy
from rewriter.passes.kit.enforcement import may_share_pods
from rewriter.passes.kit.neighbours import of_namespaces
from rewriter.reach.world import PolicyWorld

#: More policies than this are not taken in: their selectors have too many combinations to try.
_MOST = 16
_OPPOSITE = {INGRESS: EGRESS, EGRESS: INGRESS}
_NAMESPACE_NAME = NAMESPACE_LABELS_PREFIX + NAMESPACE_NAME_LABEL


def share_pods(policies: Sequence[Policy], other: Policy) -> bool:
    """Whether one of these policies and another may apply to one pod; any may with a ClusterNetworkPolicy."""
    if any(is_cluster_network_policy(each.raw) for each in (*policies, other)):
        return True
    return any(
        may_share_pods(policy, spec, other, each)
        for policy in policies
        for spec in policy.specs
        for each in other.specs
    )


def policies_at_peers(
    worlds: Iterable[PolicyWorld],
    others: Sequence[Policy],
    world_of: Callable[[Policy], PolicyWorld],
    is_own: Callable[[Policy], bool],
) -> list[Policy] | None:
    """The policies that may select pods which rules of the worlds name, in the direction that meets these rules.

    Rules for everybody name no pods. None where the policies are too many.
    """
    peers = list(dict.fromkeys(each for world in worlds for each in _named(world)))
    if not peers:
        return []
    found: list[Policy] = []
    for other in of_namespaces(others, _namespaces(peer for _, peer in peers)):
        if is_own(other):
            continue
        subjects = [
            (entry.direction, entry.subject) for entry in world_of(other).entries() if not entry.subject_is_node
        ]
        if any(
            _OPPOSITE[direction] == own and _may_meet(peer, subject)
            for direction, subject in dict.fromkeys(subjects)
            for own, peer in peers
        ):
            found.append(other)
            if len(found) > _MOST:
                return None
    return found


def _named(world: PolicyWorld) -> Iterator[tuple[str, LabelTerm]]:
    for entry in world.entries():
        for term in entry.peers:
            if isinstance(term, LabelTerm) and any(map(_tells_pods_apart, term.conditions)):
                yield entry.direction, term


def _namespaces(terms: Iterable[LabelTerm]) -> frozenset[str] | None:
    """The namespaces of which each term names some; None where one names none."""
    found: set[str] = set()
    for term in terms:
        named = next(
            (each.values for each in term.conditions if _key(each) == NAMESPACE_LABEL and each.operator == "In"), None
        )
        if named is None:
            return None
        found.update(named)
    return frozenset(found)


def _tells_pods_apart(condition: Condition) -> bool:
    return condition.operator == "In" and condition.source in (ANY, K8S)


def _may_meet(one: LabelTerm, other: LabelTerm) -> bool:
    """Whether pods may be selected by both: not where these demand different values of a label."""
    return not any(
        _key(first) == _key(second)
        and first.operator == second.operator == "In"
        and not set(first.values) & set(second.values)
        for first in one.conditions
        for second in other.conditions
    )


def _key(condition: Condition) -> str:
    return NAMESPACE_LABEL if condition.key == _NAMESPACE_NAME else condition.key
