"""Replacing spans of a text."""

from __future__ import annotations

from collections.abc import Iterable

from rewriter.records import dataclass


@dataclass(frozen=True, slots=True)
class Splice:
    """The characters `start` to `end` give way to `text`."""

    start: int
    end: int
    text: str


def spliced(text: str, splices: Iterable[Splice]) -> str:
    """The text with all splices made; they must not overlap."""
    pieces: list[str] = []
    position = 0
    for splice in sorted(splices, key=lambda item: (item.start, item.end)):
        pieces += [text[position : splice.start], splice.text]
        position = splice.end
    return "".join([*pieces, text[position:]])
