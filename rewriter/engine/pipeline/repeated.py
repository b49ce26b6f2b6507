"""Fixes that would write what an earlier fix of the same pass has written: two findings want one and the same rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

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
    # An item equals itself: a list of hundreds of rules is counted faster than it is looked through one by one.
    return any(
        isinstance(item, dict) and after.count(item) > 1 and any(item == other and item is not other for other in after)
        for item in new
    )


def _at(value: Any, route: str) -> Any:
    """What stands at a JSON pointer; None where nothing does."""
    import jsonpatch

    return jsonpatch.JsonPointer(route).resolve(value, None)
