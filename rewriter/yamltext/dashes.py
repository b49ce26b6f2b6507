"""The dashes of a block sequence."""

from __future__ import annotations

from rewriter import patterns as re
from rewriter.yamltext.nodes import Sequence

_FILLER = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")


def dash_of(text: str, sequence: Sequence, index: int) -> int:
    """The offset of an item's dash: the first content after the item before it, comments skipped."""
    start = sequence.start if index == 0 else sequence.items[index - 1].end
    match = _FILLER.match(text, start)
    assert match is not None
    return match.end()
