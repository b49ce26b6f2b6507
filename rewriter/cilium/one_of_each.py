"""One object for equal values: the rules of a cluster name the same pods and ports again and again."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value", bound=Hashable)


class OneOfEach(Generic[Value]):
    """The first of equal values; forgets all of them once there are more than `most`."""

    __slots__ = ("_known", "_most")

    def __init__(self, most: int = 1 << 16) -> None:
        self._most = most
        self._known: dict[Value, Value] = {}

    def of(self, value: Value) -> Value:
        """The value that stands for all that are equal to this one."""
        known = self._known.get(value)
        if known is not None:
            return known
        if len(self._known) >= self._most:
            self._known.clear()
        self._known[value] = value
        return value
