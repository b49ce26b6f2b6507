"""The lines of a text by offset, for texts with thousands of places that are cited."""

from __future__ import annotations

from bisect import bisect_left
from functools import cached_property


class LineNumbers:
    """Counts the lines of a text once, when the first is asked for."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _ends(self) -> list[int]:
        ends = []
        at = self._text.find("\n")
        while at >= 0:
            ends.append(at)
            at = self._text.find("\n", at + 1)
        return ends

    def at(self, offset: int) -> int:
        """The line, from 1, of what stands at an offset."""
        return bisect_left(self._ends, offset) + 1
