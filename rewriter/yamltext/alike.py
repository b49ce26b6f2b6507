"""Lines that go and come back elsewhere: what a comment describes is known by the words of its line."""

from __future__ import annotations

from collections.abc import Iterable

from rewriter.yamltext.gaps import Comment
from rewriter.yamltext.lines import begins_line, line_end, line_start, next_line


def described_line(text: str, comment: Comment) -> str:
    """The words of the line that a comment stands beside, or above; empty where that line has none."""
    start = comment.span.start
    if not begins_line(text, start):
        return words_of(text[line_start(text, start) : start])
    position = next_line(text, start)
    while position < len(text):
        line = text[position : line_end(text, position)]
        if line.strip() and not line.lstrip().startswith("#"):
            return words_of(line)
        position = next_line(text, position)
    return ""


def words_of(line: str) -> str:
    """A line without indentation, dashes, commas at its end and its comment; empty where no word is left."""
    words = line.partition(" #")[0].strip().rstrip(",")
    while words.startswith("- "):
        words = words[2:].lstrip()
    return words if any(map(str.isalnum, words)) else ""


def line_of(words: str, lines: Iterable[str], taken: Iterable[int]) -> int | None:
    """The index of the first line with these words that is not among those taken."""
    if not words:
        return None
    used = set(taken)
    return next((number for number, line in enumerate(lines) if number not in used and words_of(line) == words), None)
