"""Pods that no manifest names: one for every way in which the labels that policies look at can be set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from rewriter.cilium.labels import (
    ANY,
    CLUSTER_LABEL,
    K8S,
    NAMESPACE_LABEL,
    NAMESPACE_NAME_KEY,
    SERVICE_ACCOUNT_LABEL,
    Label,
)
from rewriter.cilium.terms import Condition, LabelTerm, Term
from rewriter.cilium.universe import LabelMask
from rewriter.records import dataclass

#: A value that no policy mentions; never shown.
OTHER = "\0other"
#: Stands for a label that a pod does not have.
ABSENT = None

#: After so many rules their combinations are counted, then after twice as many, and so on up to this many more.
_FIRST, _BETWEEN = 4, 32

#: Labels that every pod has.
_ALWAYS_THERE = frozenset({NAMESPACE_LABEL, CLUSTER_LABEL, SERVICE_ACCOUNT_LABEL})


@dataclass(frozen=True, slots=True)
class Dimension:
    """One label key and the values that matter: those mentioned, any OTHER, and ABSENT."""

    key: str
    values: tuple[str | None, ...]


def dimensions(terms: Iterable[LabelTerm], local_cluster: str, clusters: Sequence[str] = ()) -> tuple[Dimension, ...]:
    """The label keys on which the terms look at pods; cluster and namespace always, and last.

    With `clusters` there are no others than these and those that the terms name.
    """
    looked_at = _LookedAt(local_cluster, clusters)
    looked_at.add(terms)
    return looked_at.dimensions()


def dimensions_up_to(
    most: int, groups: Iterable[Iterable[Term]], local_cluster: str, clusters: Sequence[str]
) -> tuple[tuple[Dimension, ...], int]:
    """The dimensions of all terms, and 0; or none, and after how many groups they have more combinations than that."""
    looked_at = _LookedAt(local_cluster, clusters)
    seen: set[int] = set()
    due, number = _FIRST, 0
    for number, group in enumerate(groups, 1):
        new = [term for term in group if id(term) not in seen and isinstance(term, LabelTerm)]
        seen.update(map(id, new))
        looked_at.add(new)
        if number == due:
            if looked_at.count() > most:
                return (), number
            due += min(due, _BETWEEN)
    return ((), number) if looked_at.count() > most else (looked_at.dimensions(), 0)


Asked = tuple[str, str | bool | None]
"""A label key with a value that a term mentions; True: none is, None: it is asked whether it is there."""


@lru_cache(maxsize=1 << 13)
def asked_by(term: LabelTerm) -> frozenset[Asked]:
    """What a term asks of the labels of pods: all of it on which `cells_of` depends."""
    found: set[Asked] = set()
    for condition in pod_conditions([term]):
        key = NAMESPACE_LABEL if condition.key == NAMESPACE_NAME_KEY else condition.key
        found.update([(key, value) for value in condition.values] or [(key, True)])
        if condition.operator in ("Exists", "DoesNotExist"):
            found.add((key, None))
    return frozenset(found)


def cells_of(asked: Iterable[Asked], local_cluster: str, clusters: Sequence[str]) -> int:
    """How many combinations the dimensions of terms have that ask this together."""
    looked_at = _LookedAt(local_cluster, clusters)
    for key, what in asked:
        mentioned = looked_at.mentioned.setdefault(key, set())
        if isinstance(what, str):
            mentioned.add(what)
        elif what is None:
            looked_at.presence.add(key)
    return looked_at.count()


class _LookedAt:
    """The label keys that terms look at, with the values that they mention. More terms have no fewer combinations."""

    __slots__ = ("_closed", "mentioned", "presence")

    def __init__(self, local_cluster: str, clusters: Sequence[str]) -> None:
        self.mentioned: dict[str, set[str]] = {CLUSTER_LABEL: {local_cluster, *clusters}, NAMESPACE_LABEL: set()}
        self.presence: set[str] = set()
        self._closed = frozenset({CLUSTER_LABEL} if clusters else ())

    def add(self, terms: Iterable[LabelTerm]) -> None:
        for condition in pod_conditions(terms):
            key = NAMESPACE_LABEL if condition.key == NAMESPACE_NAME_KEY else condition.key
            self.mentioned.setdefault(key, set()).update(condition.values)
            if condition.operator in ("Exists", "DoesNotExist"):
                self.presence.add(key)

    def dimensions(self) -> tuple[Dimension, ...]:
        last = (NAMESPACE_LABEL, CLUSTER_LABEL)
        keys = [*sorted(key for key in self.mentioned if key not in last), *last]
        return tuple(Dimension(key, self.values(key)) for key in keys)

    def values(self, key: str) -> tuple[str | None, ...]:
        return _values(key, self.mentioned[key], key in self.presence, key in self._closed)

    def count(self) -> int:
        count = 1
        for key, mentioned in self.mentioned.items():
            others = _values(key, set(), key in self.presence, key in self._closed)
            count *= len(mentioned) + len(others)
        return count


def pod_conditions(terms: Iterable[LabelTerm]) -> Iterator[Condition]:
    """The conditions on pod labels; those of terms that can only mean something else are left out."""
    for term in terms:
        if all(condition.source in (ANY, K8S) for condition in term.conditions):
            yield from term.conditions


def cell_count(dims: Sequence[Dimension]) -> int:
    count = 1
    for dimension in dims:
        count *= len(dimension.values)
    return count


def cell_masks(dims: Sequence[Dimension]) -> list[LabelMask]:
    """The label bitsets of all cells, one cell for each combination of values."""
    total = cell_count(dims)
    masks: list[LabelMask] = []
    inner = 1
    for dimension in dims:
        outer = inner * len(dimension.values)
        # The bits 0, outer, 2*outer, …: multiplied by a block they repeat it.
        repeats = ((1 << total) - 1) // ((1 << outer) - 1)
        block = (1 << inner) - 1
        for position, value in enumerate(dimension.values):
            if value is not None:
                mask = (block << position * inner) * repeats
                masks.append(LabelMask(Label(K8S, dimension.key, value), mask))
                if dimension.key == NAMESPACE_LABEL:
                    masks.append(LabelMask(Label(K8S, NAMESPACE_NAME_KEY, value), mask))
        inner = outer
    return masks


def _values(key: str, mentioned: set[str], presence: bool, closed: bool) -> tuple[str | None, ...]:
    """The values of one label that are tried. In and NotIn treat another value and none alike; Exists does not.

    A closed key has no other values than those mentioned.
    """
    values: list[str | None] = [*sorted(mentioned)]
    if not closed and (presence or key in _ALWAYS_THERE):
        values.append(OTHER)
    if key not in _ALWAYS_THERE:
        values.append(ABSENT)
    return tuple(values)
