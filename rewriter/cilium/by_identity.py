"""Answers about objects that do not change, by the very object.

A fix makes a new manifest that shares with the old one what it does not touch. What was worked out for a rule holds for
the same rule in the next manifest, and in the next, so that the cost of many fixes grows with what they touch.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

Thing = TypeVar("Thing")
Answer = TypeVar("Answer")


#: So many questions go by between two looks at how much is remembered.
_BETWEEN = 64


class ByIdentity(Generic[Thing, Answer]):
    """Remembers answers; forgets all of them once there are many more than `most`. What it knows of is kept alive."""

    def __init__(self, most: int = 15_000) -> None:
        self._most = most
        self._asked = 0
        self._answers: dict[Hashable, dict[int, tuple[Thing, Answer]]] = {}

    def to(self, question: Hashable) -> dict[int, tuple[Thing, Answer]]:
        """The answers to one question, to look up and to add to: by the object's `id`, the object and the answer."""
        self._asked += 1
        if self._asked % _BETWEEN == 0 and sum(map(len, self._answers.values())) > self._most:
            self._answers.clear()
        return self._answers.setdefault(question, {})
