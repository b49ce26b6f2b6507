"""Fixes that would write what an earlier fix of the same pass has written: two findings want one and the same rule."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

from rewriter.cilium.by_identity import ByIdentity
from rewriter.cilium.stretches import Stretch, stretches_of
from rewriter.finding import Operation


def repeats(before: Any, after: Any, operations: Sequence[Operation]) -> bool:
    """Whether operations that make one value of another leave two equal items in a list that they change.

    `after` shares with `before` whatever no operation touches, as `patched` gives it.
    """
    return any(_has_twin(_at(before, route), items) for route, items in _changed_lists(after, operations))


def _changed_lists(value: Any, operations: Sequence[Operation]) -> Iterator[tuple[str, list[Any]]]:
    """The lists on the way to the places of operations, each once."""
    seen: set[str] = set()
    for operation in operations:
        tokens = str(operation["path"]).split("/")
        for end in range(1, len(tokens)):
            route = "/".join(tokens[:end])
            if route not in seen:
                seen.add(route)
                items = _at(value, route)
                if isinstance(items, list):
                    yield route, items


def _has_twin(before: Any, after: list[Any]) -> bool:
    """Whether a mapping that is new in a list equals another one of it."""
    items = dict(zip(map(id, after), after, strict=True))
    new = [items[identity] for identity in items.keys() - set(map(id, before if isinstance(before, list) else ()))]
    parts = stretches_of(after)
    return any(
        any(item == other and item is not other for other in part)
        for item in new
        if isinstance(item, dict)
        for part in parts
        if len(parts) == 1 or _mark_of(item) in _marks_of(part)
    )


def _marks_of(part: Stretch[Any]) -> frozenset[Hashable]:
    key = ("marks",)
    if key not in part.answers:
        part.answers[key] = frozenset(map(_mark_of, part))
    marks: frozenset[Hashable] = part.answers[key]
    return marks


#: The marks of items of long lists, by the very item: none changes.
_MARKS: ByIdentity[Any, Hashable] = ByIdentity()


def _mark_of(item: Any) -> Hashable:
    known = _MARKS.to(())
    if id(item) not in known:
        known[id(item)] = item, _mark(item)
    return known[id(item)][1]


def _mark(value: Any) -> Hashable:
    """What equal values have alike, of a list of hundreds of rules found faster than by comparing them one by one."""
    if isinstance(value, dict):
        return frozenset((key, _mark(part)) for key, part in value.items())
    found: Hashable = tuple(map(_mark, value)) if isinstance(value, list) else value
    return found


def _at(value: Any, route: str) -> Any:
    """What stands at a JSON pointer; None where nothing does."""
    import jsonpatch

    return jsonpatch.JsonPointer(route).resolve(value, None)
