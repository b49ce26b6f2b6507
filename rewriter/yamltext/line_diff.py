"""Which lines of two texts differ, in a time that follows the size of what differs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

#: Above so many pairs of lines, lines that stand there often no longer begin a match: the time would be their square.
_MOST_PAIRS = 1_000_000


def opcodes(before: Sequence[str], after: Sequence[str]) -> Iterator[tuple[str, int, int, int, int]]:
    """As difflib's opcodes, in order. What both begin and end with is equal without a search."""
    shorter = min(len(before), len(after))
    head = next((index for index in range(shorter) if before[index] != after[index]), shorter)
    rest = shorter - head
    tail = next((index for index in range(rest) if before[-1 - index] != after[-1 - index]), rest)
    old, new = before[head : len(before) - tail], after[head : len(after) - tail]
    if head:
        yield "equal", 0, head, 0, head
    matcher = SequenceMatcher(None, old, new, autojunk=len(old) * len(new) > _MOST_PAIRS)
    for tag, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        yield tag, head + old_start, head + old_end, head + new_start, head + new_end
    if tail:
        yield "equal", len(before) - tail, len(before), len(after) - tail, len(after)
