"""Which policies meet: those of the same pods, and those of the pods that a policy names as peers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from typing import Any

from rewriter.cilium.labels import ANY, K8S, NAMESPACE_LABEL
from rewriter.cilium.policy import CNP, EGRESS, INGRESS, Policy, read_policy
from rewriter.cilium.settings import Settings
from rewriter.cilium.terms import Condition, LabelTerm, demanded_label
from rewriter.cilium.tiers import is_cluster_network_policy
from rewriter.engine.effects.subjects import Subjects
from rewriter.engine.results.result import PolicyName
from rewriter.evidence.resting import EVERYTHING, ask_all, home
from rewriter.passes.kit.enforced.enforcement import may_share_pods
from rewriter.passes.kit.sides.neighbours import Neighbours, ask_near
from rewriter.reach.world import PolicyWorld

#: More policies than this are not taken in together: their selectors have too many combinations to try.
_MOST = 16
_HOMES, _NAMES, _NAME, _ANYWHERE = ("homes",), ("names",), ("name",), ("met anywhere",)
_OPPOSITE = {INGRESS: EGRESS, EGRESS: INGRESS}


def share_pods(policies: Sequence[Policy], other: Policy) -> bool:
    """Whether one of these policies and another may apply to one pod; any may with a ClusterNetworkPolicy."""
    if any(is_cluster_network_policy(policy.raw) for policy in (*policies, other)):
        return True
    return any(
        may_share_pods(policy, spec, other, theirs)
        for policy in policies
        for spec in policy.specs
        for theirs in other.specs
    )


def of_same_pods(policies: Sequence[Policy], others: Sequence[Policy]) -> Sequence[Policy]:
    """The others that may apply to a pod to which one of these policies does, in order; these may be among them."""
    if not isinstance(others, Neighbours):
        return [other for other in others if share_pods(policies, other)]
    ask_near(policies)
    key = ("of same pods", frozenset(map(_whom, policies)))
    found: Sequence[Policy] | None = others.answers.get(key)
    if found is None:
        found = others.answers[key] = [policy for policy in others.near(policies) if share_pods(policies, policy)]
    return found


def _whom(policy: Policy) -> tuple[object, ...]:
    """All of a policy on which it depends whom it selects."""
    subjects = tuple(
        None if spec.subject is None else tuple((r.key, r.operator, r.values) for r in spec.subject.requirements)
        for spec in policy.specs
    )
    return is_cluster_network_policy(policy.raw), policy.namespace, subjects


def policies_at_peers(
    worlds: Iterable[PolicyWorld],
    others: Sequence[Policy],
    settings: Settings,
    world_of: Callable[[Policy], PolicyWorld],
    names: Iterable[PolicyName],
    unread: Iterable[str | None],
) -> list[Policy] | None:
    """The policies that may select pods which rules of the worlds name, in the direction that meets these rules.

    `world_of` has the rules of a policy under the settings; policies of the `names` are left out. Rules for everybody
    name no pods, except where every pod is in default deny: then each refuses what no policy of its own lets through.
    In the namespaces of `unread`, where there are policies that nothing here can read, and in those that have too many,
    only what clusterwide policies deny is known. None where that leaves nothing: something unread may be of any
    namespace (None), or the clusterwide policies alone are too many.
    """
    hidden = frozenset(unread)
    if None in hidden:
        return None
    everybody = settings.denies_everybody
    peers = list(dict.fromkeys(named for world in worlds for named in _named(world, everybody=everybody)))
    if not peers:
        return []
    namespaces = _namespaces(peer for _, peer in peers)
    ask_all([EVERYTHING] if namespaces is None else map(home, (None, *sorted(namespaces))))
    ask_all(home(name.namespace) for name in names)
    by_subject = _by_subject(others, settings, world_of)
    if namespaces is None:
        places = _met_anywhere(others, settings, by_subject, peers)
    else:
        places = _met(by_subject, peers, namespaces)
    homes = _homes(others)
    placed = [(place, homes[place]) for place in sorted(places.difference(_own_places(others, names)))]
    return _known_in_full(others, placed, {hiding for hiding in hidden if hiding is not None}, refusing=everybody)


def _met(by_subject: _BySubject, peers: Iterable[_Peer], namespaces: Set[str] | None) -> frozenset[int]:
    """The places of the policies of some namespaces, or of all, that may select what is named as a peer."""
    places: set[int] = set()
    for direction, by_namespace in by_subject.items():
        met = [peer for own, peer in peers if own == _OPPOSITE[direction]]
        for namespace in by_namespace if namespaces is None else {_OF_ANY, *namespaces}:
            if namespace in by_namespace:
                places.update(*map(by_namespace[namespace].places_met_by, met))
    return frozenset(places)


def _met_anywhere(
    others: Sequence[Policy], settings: Settings, by_subject: _BySubject, peers: Sequence[_Peer]
) -> frozenset[int]:
    """As `_met`, in all namespaces; remembered, since many policies name the whole cluster, and all look everywhere."""
    known = _answers(others).setdefault(_ANYWHERE, {})
    key = settings, tuple(peers)
    if key not in known:
        if len(known) >= _MOST:
            known.clear()
        known[key] = _met(by_subject, peers, None)
    places: frozenset[int] = known[key]
    return places


def _homes(others: Sequence[Policy]) -> Sequence[str | None]:
    """The namespaces of policies; None for those of any, and for clusterwide ones."""
    known = _answers(others)
    if _HOMES not in known:
        known[_HOMES] = [
            None if is_cluster_network_policy(policy.raw) else policy.namespace or None for policy in _all(others)
        ]
    homes: Sequence[str | None] = known[_HOMES]
    return homes


def _own_places(others: Sequence[Policy], names: Iterable[PolicyName]) -> Iterator[int]:
    """The places of the policies of these names."""
    known = _answers(others)
    if _NAMES not in known:
        by_name: dict[PolicyName, list[int]] = {}
        for place, policy in enumerate(_all(others)):
            by_name.setdefault(name_of(policy), []).append(place)
        known[_NAMES] = by_name
    for name in names:
        yield from known[_NAMES].get(name, ())


def _answers(others: Sequence[Policy]) -> dict[tuple[object, ...], Any]:
    """What is remembered of policies that are asked about again and again."""
    return others.answers if isinstance(others, Neighbours) else {}


def _all(others: Sequence[Policy]) -> Sequence[Policy]:
    """All of the others; those who ask say which of them their answers rest on."""
    return others.all if isinstance(others, Neighbours) else others


def name_of(policy: Policy) -> PolicyName:
    """What a policy is called by."""
    name: PolicyName | None = policy.answers.get(_NAME)
    if name is None:
        name = policy.answers[_NAME] = PolicyName(policy.kind, policy.namespace or "", policy.name)
    return name


def _known_in_full(
    others: Sequence[Policy], placed: Sequence[tuple[int, str | None]], hidden: set[str], *, refusing: bool
) -> list[Policy] | None:
    """Those of namespaces of which all are there, with one for each other namespace that lets everything through.

    `placed` are places among the others, each with its namespace: mostly these are too many, and none is looked at.
    The others need one where something refuses there: a clusterwide policy, or (`refusing`) what no policy selects.
    """
    homes = [home for _, home in placed]
    counts = Counter(home for home in homes if home is not None)
    room, known, left = _MOST - homes.count(None), set[str](), set(hidden)
    for namespace, count in sorted(counts.items(), key=lambda item: (item[1], item[0])):
        if namespace not in hidden and count <= room:
            known.add(namespace)
            room -= count
        else:
            left.add(namespace)
    if room < 0 or len(left) > _MOST:
        return None
    every = _all(others)
    kept = [every[place] for place, home in placed if home is None or home in known]
    return kept + [_open(namespace) for namespace in sorted(left)] if None in homes or refusing else kept


def _open(namespace: str) -> Policy:
    """A policy that lets everything in and out of a namespace: what deny rules of others leave is not known there."""
    everything = {"ingress": [{"fromEntities": ["all"]}], "egress": [{"toEntities": ["all"]}]}
    manifest = {
        "apiVersion": "cilium.io/v2",
        "kind": CNP,
        "metadata": {"name": "what-is-not-known", "namespace": namespace},
        "spec": {"endpointSelector": {}, **everything},
    }
    return read_policy(manifest)


#: Stands for the namespace of policies that may select pods of any.
_OF_ANY = ""
_Peer = tuple[str, LabelTerm]
"""The direction of a rule, and what it names."""
_BySubject = Mapping[str, Mapping[str, Subjects]]
"""The places of policies by the direction of their rules, their namespace and the subjects of the rules."""


def _by_subject(others: Sequence[Policy], settings: Settings, world_of: Callable[[Policy], PolicyWorld]) -> _BySubject:
    key = ("by subject", settings)
    known = _answers(others)
    if key not in known:
        found: dict[str, dict[str, dict[LabelTerm, list[int]]]] = {INGRESS: {}, EGRESS: {}}
        for place, other in enumerate(_all(others)):
            namespace = _OF_ANY if is_cluster_network_policy(other.raw) else other.namespace or _OF_ANY
            subjects = ((e.direction, e.subject) for e in world_of(other).entries() if not e.subject_is_node)
            for direction, subject in dict.fromkeys(subjects):
                found[direction].setdefault(namespace, {}).setdefault(subject, []).append(place)
        known[key] = {
            direction: {namespace: Subjects(places) for namespace, places in by_namespace.items()}
            for direction, by_namespace in found.items()
        }
    made: _BySubject = known[key]
    return made


def _named(world: PolicyWorld, *, everybody: bool) -> Iterator[tuple[str, LabelTerm]]:
    for entry in world.entries():
        for term in entry.peers:
            if isinstance(term, LabelTerm) and (everybody or any(map(_tells_pods_apart, term.conditions))):
                yield entry.direction, term


def _namespaces(terms: Iterable[LabelTerm]) -> frozenset[str] | None:
    """The namespaces of which each term names some; None where one names none."""
    found: set[str] = set()
    for term in terms:
        named = next(
            (
                condition.values
                for condition in term.conditions
                if demanded_label(condition) == NAMESPACE_LABEL and condition.operator == "In"
            ),
            None,
        )
        if named is None:
            return None
        found.update(named)
    return frozenset(found)


def _tells_pods_apart(condition: Condition) -> bool:
    return condition.operator == "In" and condition.source in (ANY, K8S)
