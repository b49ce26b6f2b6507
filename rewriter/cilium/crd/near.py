"""Which field was meant by one that the schema does not have: the nearest name, or the right level."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from rewriter.cilium.crd.check import SchemaProblem, fits, shapes_along
from rewriter.cilium.crd.shapes import Fields, Items, Labels, Shape
from rewriter.cilium.digits import is_number
from rewriter.cilium.selector import escape_pointer
from rewriter.cilium.version import Version
from rewriter.records import dataclass

_DIRECTIONS = ("from", "to")
#: What NetworkPolicy calls a field of a Cilium policy, and the other way round.
_OTHER_WORDS = {
    "podselector": "endpointselector",
    "endpointselector": "podselector",
    "from": "fromendpoints",
    "to": "toendpoints",
}


@dataclass(frozen=True, slots=True)
class Meant:
    """A field that may be meant: its route, its name, the value as it stands there, and whether it moves.

    `container` is what the schema has around the field: `an item of ingress`.
    """

    route: str
    name: str
    value: Any
    container: Fields
    moves: bool = False


def nearest_fields(problem: SchemaProblem, manifest: Mapping[str, Any], base: str = "") -> tuple[str, ...]:
    """The fields of the same mapping with the nearest name, absent so far; several where they are equally near."""
    key = _key(problem.route)
    written = _at(manifest, _parent(problem.route).removeprefix(base))
    if problem.place is None or not isinstance(written, dict):
        return ()
    free = [name for name in problem.place.fields if written.get(name) is None]
    distances = {name: found for name in free if (found := distance(key, name)) is not None}
    least = min(distances.values(), default=0)
    near = tuple(name for name, found in distances.items() if found == least)
    # A name with more behind it: `exceptCIDRs` for `except`.
    return near or tuple(name for name in free if len(name) >= 6 and _plain(key).startswith(_plain(name)))


def fields_meant(
    problem: SchemaProblem, manifest: Mapping[str, Any], version: Version, base: str = ""
) -> tuple[Meant, ...]:
    """The fields that the value of an unknown one fits, of the best rank: one is a fix, several are a choice.

    A field of the same mapping with the nearest name ranks before the same name at another level.
    """
    route = problem.route.removeprefix(base)
    value = _at(manifest, route)
    place, parent = problem.place, _parent(route)
    if place is None:
        return ()
    same = [
        Meant(f"{base}{parent}/{name}", name, new, place)
        for name in nearest_fields(problem, manifest, base)
        for new in _fitting(value, place.fields[name], name)
    ]
    if same:
        return tuple(same)
    kind = manifest.get("kind")
    levels = [*_above(str(kind), version, manifest, route, value), *_below(manifest, place, route, value)]
    return tuple(
        Meant(f"{base}{level.route}", level.name, level.value, level.container, moves=True) for level in levels
    )


def distance(written: str, name: str) -> float | None:
    """How far a written key is from the name of a field; None where it is not near."""
    key, field = _plain(written), _plain(name)
    if key == field:
        return 0.0
    if _OTHER_WORDS.get(key) == field:
        return 1.0
    found = _edits(key, field)
    # Two letters may be wrong in a long name that begins as it should: a podSelector is no nodeSelector.
    limit = 2 if len(field) >= 9 and key[:1] == field[:1] else 1
    if found <= limit and not _turned(key, field):
        return float(found)
    one, other = _undirected(key), _undirected(field)
    if one == other:
        return 1.5
    if len(key) >= 4 and (field.startswith(key) or name.endswith(written[:1].upper() + written[1:])):
        return 2.5
    if len(key) >= 5 and key[:1] == field[:1] and sorted(key) == sorted(field):
        return 2.5
    if (one != key or other != field) and _edits(one, other) <= 1 and len(other) >= 4:
        return 2.5
    return None


def _turned(key: str, field: str) -> bool:
    """Whether one begins with `from` and the other with `to`."""
    heads = [next((head for head in _DIRECTIONS if text.startswith(head)), "") for text in (key, field)]
    return "" not in heads and heads[0] != heads[1]


def _undirected(text: str) -> str:
    for head in _DIRECTIONS:
        if text == head:
            return ""
        if text.startswith(head):
            return text.removeprefix(head)
    return text


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _edits(one: str, other: str) -> int:
    """Insertions, deletions, replacements and swaps of neighbours that make one text the other."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        before, last, row = row, before, [i]
        for j, right in enumerate(other, 1):
            cost = min(before[j] + 1, row[-1] + 1, before[j - 1] + (left != right))
            if i > 1 and j > 1 and left == other[j - 2] and one[i - 2] == right:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]


def _fitting(value: Any, shape: Shape, name: str) -> Iterator[Any]:
    """The value where it fits; a list of ports where a list of items with ports is wanted is put into one."""
    if fits(value, shape):
        yield value
    elif name == "toPorts" and fits([{"ports": value}], shape):
        yield [{"ports": value}]


def _above(kind: str, version: Version, manifest: Mapping[str, Any], route: str, value: Any) -> Iterator[Meant]:
    """The same field in the nearest mapping further out that has it, where nothing beside the value would be meant."""
    key = _key(route)
    for above, shape in reversed(shapes_along(kind, version, _parent(route))[:-1]):
        if isinstance(shape, Items | Labels):
            entries = _at(manifest, above)
            if isinstance(entries, list) and len(entries) > 1 and not _between_rules(above):
                return  # It stands in one of several entries and would hold for all of them.
        if isinstance(shape, Fields) and key in shape.fields:
            around = _at(manifest, above)
            free = isinstance(around, dict) and around.get(key) is None
            if free and fits(value, shape.fields[key]):
                yield Meant(f"{above}/{escape_pointer(key)}", key, value, shape)
            return


def _between_rules(route: str) -> bool:
    """Whether a route is that of a list of rules: what a rule set says holds for all of them anyway."""
    return route.rpartition("/")[2] in ("ingress", "egress", "ingressDeny", "egressDeny", "specs")


def _below(manifest: Mapping[str, Any], place: Fields, route: str, value: Any) -> Iterator[Meant]:
    """The same field one level further in: in the one mapping, or in the only item of the one list, that has it."""
    key, parent = _key(route), _parent(route)
    around = _at(manifest, parent)
    for name, shape in place.fields.items():
        inner = shape.element if isinstance(shape, Items) else shape
        if not isinstance(inner, Fields) or key not in inner.fields or not fits(value, inner.fields[key]):
            continue
        held = around.get(name) if isinstance(around, dict) else None
        if isinstance(shape, Items):
            if name == "toPorts" and held is None and key == "ports":
                yield Meant(f"{parent}/{name}", name, [{"ports": value}], place)
            if not isinstance(held, list) or len(held) != 1:
                continue
            held, name = held[0], f"{name}/0"
        if isinstance(held, dict) and held.get(key) is None:
            yield Meant(f"{parent}/{name}/{escape_pointer(key)}", key, value, inner)


def _key(route: str) -> str:
    return route.rpartition("/")[2].replace("~1", "/").replace("~0", "~")


def _parent(route: str) -> str:
    return route.rpartition("/")[0]


def _at(value: Any, route: str) -> Any:
    for token in route.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and is_number(name) and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value
