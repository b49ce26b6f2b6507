"""Pods made from single selections, for sets of policies whose labels have too many combinations to try them all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rewriter.cilium.identity import Identity
from rewriter.cilium.labels import (
    CLUSTER_LABEL,
    K8S,
    NAMESPACE_LABEL,
    NAMESPACE_NAME_KEY,
    Label,
)
from rewriter.cilium.terms import Condition, LabelTerm, demanded_label
from rewriter.reach.cells import OTHER, pod_conditions

#: A bound on the work for very large sets; what is made first shows most.
MAX_WITNESSES = 6000
_MAX_VALUES = 4

Labels = dict[str, str]
Tried = set[tuple[str, frozenset[tuple[str, str]]]]
"""A key with the other labels of a pod."""
Near = dict[str, list[tuple[int, tuple[str, ...]]]]
"""For each key the values that conditions name, with the place of each condition among all."""


def pod_witnesses(groups: Sequence[Sequence[LabelTerm]], clusters: Sequence[str]) -> list[Identity]:
    """Pods that each term of each group selects, in each of the clusters, and near misses.

    A near miss is a pod of one term that also meets a condition of another term of the same group (rules of the same
    subject, before and after a change). At most MAX_WITNESSES, those of the terms themselves first.
    """
    made: dict[frozenset[Label], None] = {}
    ordered = sorted(sorted(set(terms)) for terms in groups)
    for near in (False, True):
        for terms in ordered:
            conditions = _by_key(sorted(set(pod_conditions(terms))) if near else [])
            tried: Tried = set()
            for term in terms:
                if not term.conditions or list(pod_conditions([term])) != list(term.conditions):
                    continue
                for labels in _pods(term, conditions, clusters, tried):
                    made[_identity_labels(labels)] = None
                    if len(made) >= MAX_WITNESSES:
                        return _identities(made)
    return _identities(made)


def _by_key(conditions: Iterable[Condition]) -> Near:
    found: Near = {}
    for place, condition in enumerate(conditions):
        found.setdefault(demanded_label(condition), []).append((place, condition.values[:_MAX_VALUES] or (OTHER,)))
    return found


def _pods(term: LabelTerm, near: Near, clusters: Sequence[str], tried: Tried) -> Iterator[Labels]:
    for base in _bases(term):
        for namespace in [base[NAMESPACE_LABEL]] if NAMESPACE_LABEL in base else [OTHER]:
            for cluster in [base[CLUSTER_LABEL]] if CLUSTER_LABEL in base else clusters:
                pod = {**base, NAMESPACE_LABEL: namespace, CLUSTER_LABEL: cluster}
                yield from _variants(pod, near, tried) if near else [pod]


def _bases(term: LabelTerm) -> Iterator[Labels]:
    """The fewest labels that meet the term, once for each of the first values of each In."""
    base = {
        demanded_label(c): c.values[0] if c.values else OTHER for c in term.conditions if c.operator in ("In", "Exists")
    }
    yield base
    for condition in term.conditions:
        if condition.operator == "In":
            for value in condition.values[1:_MAX_VALUES]:
                yield {**base, demanded_label(condition): value}


def _variants(pod: Labels, near: Near, tried: Tried) -> Iterator[Labels]:
    """The pod with the value of one condition in place of its own.

    What comes of pods that differ in that one label only is the same, and each of these pods stands for itself: so for
    a key and the other labels, which are then `tried`, it is made once.
    """
    new = [key for key in near if _first_time(pod, key, tried)]
    for _, key, values in sorted((place, changed, values) for changed in new for place, values in near[changed]):
        for value in values:
            if pod.get(key) != value:
                yield {**pod, key: value}


def _first_time(pod: Labels, key: str, tried: Tried) -> bool:
    """Whether the other labels of a pod are met for the first time with a key."""
    place = (key, frozenset(item for item in pod.items() if item[0] != key))
    if place in tried:
        return False
    tried.add(place)
    return True


def _identity_labels(labels: Labels) -> frozenset[Label]:
    namespace = labels[NAMESPACE_LABEL]
    full = {**labels, NAMESPACE_NAME_KEY: namespace}
    return frozenset(Label(K8S, key, value) for key, value in full.items())


def _identities(made: dict[frozenset[Label], None]) -> list[Identity]:
    return [Identity(f"pod {index}", labels) for index, labels in enumerate(made)]
