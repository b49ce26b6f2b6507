"""The lines that one fix changes, apart from those of other fixes in the same file."""

from __future__ import annotations

from difflib import SequenceMatcher

from rewriter.engine.results.result import LineChange
from rewriter.yamltext.sight import common_start

#: With more lines between the first and the last change, all of them count as one change.
_MOST_COMPARED = 2000


def line_changes(before: str, line: int, after: str) -> tuple[LineChange, ...]:
    """What a new text of a document changes, in order; `line` is the finding's in the old one, 1-based."""
    # Looking for two characters takes many times as long as for one, which few texts have.
    old, new = (text.replace("\r\n", "\n") if "\r" in text else text for text in (before, after))
    start, middle_old, middle_new = _between(old, new)
    if max(len(middle_old), len(middle_new)) > _MOST_COMPARED:
        return (LineChange(start + 1 - line, tuple(middle_old), tuple(middle_new)),)
    matcher = SequenceMatcher(None, middle_old, middle_new, autojunk=False)
    return tuple(
        LineChange(start + 1 + a - line, tuple(middle_old[a:b]), tuple(middle_new[c:d]))
        for tag, a, b, c, d in matcher.get_opcodes()
        if tag != "equal"
    )


def _between(old: str, new: str) -> tuple[int, list[str], list[str]]:
    """How many lines are the same at the start, and the lines of both from there to those that are the same at the end.

    Lines are looked at as text as long as they are the same: most lines of two texts are.
    """
    # Each line ends, and behind the start each begins, with a line break of its own.
    one, other = f"{old}\n", f"{new}\n"
    cut = one.rfind("\n", 0, common_start(one, other)) + 1
    start = one.count("\n", 0, cut)
    one, other = ("\n" + text[cut:-1] if cut < len(text) else "" for text in (one, other))
    same = _common_end(one, other)
    found = one.find("\n", len(one) - same)
    same = 0 if found < 0 else len(one) - found
    left, right = (text[1 : len(text) - same].split("\n") if len(text) > same else [] for text in (one, other))
    return start, left, right


def _common_end(one: str, other: str) -> int:
    """How many characters two texts have in common at their end."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[len(one) - middle : len(one) - low] == other[len(other) - middle : len(other) - low]:
            low = middle
        else:
            high = middle - 1
    return low
