"""Pods in words where every combination of labels is there: the fewest combinations that make up a set."""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.cilium.labels import CLUSTER_LABEL, NAMESPACE_LABEL
from rewriter.cilium.terms import pods_with
from rewriter.cilium.universe import Universe
from rewriter.reach.cells import ABSENT, OTHER, Dimension
from rewriter.reach.words import pods_phrase, shown_key
from rewriter.text import join_names

Value = str | None
Box = dict[str, tuple[Value, ...]]
"""For each label key the values that are meant; together, all combinations of them."""


class Boxes:
    """Cuts sets of pods into boxes over the dimensions of a comparison."""

    __slots__ = ("_dims", "_local", "_masks", "_pods")

    def __init__(self, dims: tuple[Dimension, ...], universe: Universe, pods: int, local_cluster: str) -> None:
        self._dims = dims
        self._local = local_cluster
        self._pods = pods
        self._masks = [_value_masks(dimension, universe, pods) for dimension in dims]

    def parts(self, target: int, domain: int) -> Iterator[tuple[str, int]]:
        """Phrases that cover the target, each with all the pods that it is true of; in the domain, only target.

        A phrase is empty where pods with the same labels differ: then no labels describe them.
        """
        remaining = target
        while remaining:
            seed = remaining & -remaining
            at = [next(value for value, mask in masks.items() if mask & seed) for masks in self._masks]
            box, sides = self._grown(at, target, domain)
            inside = self._pods
            for side in sides:
                inside &= side
            if inside & seed:
                yield self._phrase(box), inside
                remaining &= ~inside
                continue
            cell = domain
            for masks, value in zip(self._masks, at, strict=True):
                cell &= masks[value]
            yield "", cell & target
            remaining &= ~cell

    def _grown(self, at: list[Value], target: int, domain: int) -> tuple[Box, list[int]]:
        """The box around a combination, grown along one key after the other as far as the target allows."""
        sides = [masks[value] for masks, value in zip(self._masks, at, strict=True)]
        box: Box = {}
        for index, (dimension, masks) in enumerate(zip(self._dims, self._masks, strict=True)):
            others = domain
            for position, side in enumerate(sides):
                if position != index:
                    others &= side
            fitting = tuple(value for value in dimension.values if not others & masks[value] & ~target)
            box[dimension.key] = fitting
            sides[index] = 0
            for value in fitting:
                sides[index] |= masks[value]
        return box, sides

    def _phrase(self, box: Box) -> str:
        labels: list[str] = []
        namespace = cluster = ""
        for dimension in self._dims:
            values = box[dimension.key]
            if len(values) == len(dimension.values):
                continue
            if dimension.key == NAMESPACE_LABEL:
                namespace = _namespaces(values, dimension)
            elif dimension.key == CLUSTER_LABEL:
                cluster = _clusters(values, dimension, self._local)
            else:
                labels.append(_label(dimension, values))
        return pods_phrase(labels, namespace, cluster)


def _value_masks(dimension: Dimension, universe: Universe, pods: int) -> dict[Value, int]:
    """The pods at each value; if OTHER and ABSENT are indistinguishable, OTHER covers both."""
    masks: dict[Value, int] = {}
    rest = pods
    for value in _mentioned(dimension.values):
        masks[value] = universe.select(pods_with(dimension.key, value)) & pods
        rest &= ~masks[value]
    if OTHER in dimension.values and ABSENT in dimension.values:
        present = universe.select(pods_with(dimension.key)) & rest
        masks[OTHER], masks[ABSENT] = present, rest & ~present
    else:
        last = dimension.values[-1]
        masks[OTHER if last in masks else last] = rest
    return masks


def _mentioned(values: tuple[Value, ...]) -> list[str]:
    return [value for value in values if isinstance(value, str) and value != OTHER]


def _left_out(values: tuple[Value, ...], dimension: Dimension) -> list[str]:
    return [value for value in _mentioned(dimension.values) if value not in values]


def _namespaces(values: tuple[Value, ...], dimension: Dimension) -> str:
    if OTHER not in values:
        names = _mentioned(values)
        return f"of namespace{'s' if len(names) > 1 else ''} {join_names(names, most=None)}"
    return f"of namespaces other than {join_names(_left_out(values, dimension), most=None)}"


def _clusters(values: tuple[Value, ...], dimension: Dimension, local: str) -> str:
    if OTHER not in values:
        return f"in {join_names(_mentioned(values), most=None)}"
    left_out = _left_out(values, dimension)
    return "in other clusters" if left_out == [local] else f"in clusters other than {join_names(left_out, most=None)}"


def _label(dimension: Dimension, values: tuple[Value, ...]) -> str:
    key, chosen, left_out = shown_key(dimension.key), _mentioned(values), _left_out(values, dimension)
    tells_presence = OTHER in dimension.values and ABSENT in dimension.values
    absent = ABSENT in values
    if len(chosen) == len(values):
        return f"{key}={chosen[0]}" if len(chosen) == 1 else f"{key} in ({', '.join(chosen)})"
    if absent and tells_presence and OTHER not in values:
        return f"{key} in ({', '.join(chosen)}) or not set" if chosen else f"no {key}"
    if not left_out:
        return f"{key} set"
    excluded = f"not {left_out[0]}" if len(left_out) == 1 else f"not in ({', '.join(left_out)})"
    return f"{key} {excluded}" if absent or not tells_presence else f"{key} set but {excluded}"
