"""Pods in words where not every combination of labels is there: by the selections that policies make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from rewriter.cilium.labels import ANY, CLUSTER_LABEL, K8S, NAMESPACE_LABEL
from rewriter.cilium.terms import ANYTHING, LabelTerm, pods_with
from rewriter.cilium.universe import Universe, positions
from rewriter.reach.cells import OTHER
from rewriter.reach.space import Space
from rewriter.reach.words import labels_phrase, term_phrase


class _Selection(NamedTuple):
    size: int
    phrase: str
    mask: int


class Selections:
    """Covers sets of pods with selections, alone or within the local cluster or the others."""

    __slots__ = ("_at", "_space", "_universe")

    def __init__(self, space: Space, universe: Universe, pods: int) -> None:
        self._space = space
        self._universe = universe
        local = universe.select(pods_with(CLUSTER_LABEL, space.local_cluster))
        found: dict[int, _Selection] = {}
        for term in (ANYTHING, *_namespaces(universe, pods), *_pod_terms(space.terms)):
            mask = universe.select(term) & pods
            here = "" if _names_cluster(term) else f"in {space.local_cluster}"
            for phrase, part in (
                (term_phrase(term), mask),
                (term_phrase(term, here), mask & local),
                (term_phrase(term, "in other clusters"), mask & ~local),
            ):
                if part and part not in found:
                    found[part] = _Selection(part.bit_count(), phrase, part)
        self._at: dict[int, list[_Selection]] = {}
        for selection in sorted(found.values(), reverse=True):
            for position in positions(selection.mask):
                self._at.setdefault(position, []).append(selection)

    def parts(self, target: int, domain: int) -> Iterator[tuple[str, int]]:
        """Phrases that cover the target, each with all the pods that it is true of; in the domain, only target.

        Pods of the inventory that no selection distinguishes from others are left out.
        """
        remaining = target
        while remaining:
            seed = remaining & -remaining
            position = seed.bit_length() - 1
            fitting = next((s for s in self._at.get(position, ()) if not s.mask & domain & ~target), None)
            if fitting:
                yield fitting.phrase, fitting.mask
                remaining &= ~fitting.mask
                continue
            remaining ^= seed
            if not seed & self._space.given:
                identity = self._space.identities[position - self._space.cell_count]
                labels = [(label.key, label.value) for label in identity.labels]
                yield labels_phrase(labels, self._space.local_cluster), seed


def _pod_terms(terms: Iterable[LabelTerm]) -> Iterator[LabelTerm]:
    return (term for term in terms if term.conditions and all(c.source in (ANY, K8S) for c in term.conditions))


def _names_cluster(term: LabelTerm) -> bool:
    return any(condition.key == CLUSTER_LABEL for condition in term.conditions)


def _namespaces(universe: Universe, pods: int) -> Iterator[LabelTerm]:
    names = {
        label.value
        for identity in universe.members(pods)
        for label in identity.labels
        if label.key == NAMESPACE_LABEL and label.value != OTHER
    }
    return (pods_with(NAMESPACE_LABEL, name) for name in sorted(names))
