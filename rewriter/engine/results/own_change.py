"""The lines that one fix changes, apart from those of other fixes in the same file."""

from __future__ import annotations

from difflib import SequenceMatcher

from rewriter.engine.results.result import LineChange

#: With more lines between the first and the last change, all of them count as one change.
_MOST_COMPARED = 2000


def line_changes(before: str, line: int, after: str) -> tuple[LineChange, ...]:
    """What a new text of a document changes, in order; `line` is the finding's in the old one, 1-based."""
    old, new = (text.replace("\r\n", "\n").split("\n") for text in (before, after))
    start, end = _ends(old, new)
    middle_old, middle_new = old[start : len(old) - end], new[start : len(new) - end]
    if max(len(middle_old), len(middle_new)) > _MOST_COMPARED:
        return (LineChange(start + 1 - line, tuple(middle_old), tuple(middle_new)),)
    matcher = SequenceMatcher(None, middle_old, middle_new, autojunk=False)
    return tuple(
        LineChange(start + 1 + a - line, tuple(middle_old[a:b]), tuple(middle_new[c:d]))
        for tag, a, b, c, d in matcher.get_opcodes()
        if tag != "equal"
    )


def _ends(old: list[str], new: list[str]) -> tuple[int, int]:
    """How many lines are the same at the start, and at the end."""
    most = min(len(old), len(new))
    start = next((n for n in range(most) if old[n] != new[n]), most)
    end = next((n for n in range(most - start) if old[-1 - n] != new[-1 - n]), most - start)
    return start, end
