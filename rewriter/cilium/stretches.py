"""Long lists in stretches, each of which is one object as long as the very same items stand in it.

A fix makes a new list that shares nearly all of its items with the old one. What was worked out for a stretch of the
old list holds for the same stretch of the new one, so that a question about hundreds of rules is asked about a few of
them after each fix.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from operator import is_
from typing import Any, Generic, TypeVar

from rewriter.cilium.by_identity import ByIdentity

Item = TypeVar("Item")

#: About as many stretches as items of one, for lists of some hundreds: both are looked at after a fix.
_LENGTH = 16


class Stretch(Generic[Item]):
    """Items that stand beside each other in a list; none of them changes.

    `answers` are remembered by those who ask the same of the items again and again.
    """

    __slots__ = ("answers", "items")

    def __init__(self, items: tuple[Item, ...]) -> None:
        self.items = items
        self.answers: dict[Hashable, Any] = {}

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    def __reduce__(self) -> tuple[Any, ...]:
        return Stretch, (self.items,)


#: The stretches of the last long lists, by the very list.
_LISTS: ByIdentity[Sequence[Any], tuple[Stretch[Any], ...]] = ByIdentity(64)
#: The last stretches of long lists, by their very first item.
_BEGUN: ByIdentity[Any, Stretch[Any]] = ByIdentity(5_000)


def stretches_of(items: Sequence[Item]) -> tuple[Stretch[Item], ...]:
    """The stretches of a list, in order; neither the list nor its items may change. Those of a short one are new."""
    if len(items) <= _LENGTH:
        return (Stretch(tuple(items)),) if items else ()
    lists = _LISTS.to(())
    known = lists.get(id(items))
    if known is None:
        begun = _BEGUN.to(())
        found = tuple(_stretch(tuple(items[start : start + _LENGTH]), begun) for start in range(0, len(items), _LENGTH))
        known = lists[id(items)] = items, found
    return known[1]


def _stretch(items: tuple[Item, ...], begun: dict[int, tuple[Any, Stretch[Any]]]) -> Stretch[Item]:
    known = begun.get(id(items[0]))
    if known is not None and len(known[1].items) == len(items) and all(map(is_, known[1].items, items)):
        return known[1]
    made = Stretch(items)
    begun[id(items[0])] = items[0], made
    return made
