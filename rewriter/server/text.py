"""Places in a text as editors count them: lines and UTF-16 code units from 0, whatever ends the lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from rewriter import patterns as re

_END = re.compile(r"\r\n|\n|\r")
Range = dict[str, dict[str, int]]


def lines_of(text: str) -> list[str]:
    """The lines without their ends, the last one empty where the text ends with a line end."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")


def units(line: str, column: int) -> int:
    """UTF-16 code units before a column of a line, counted from 1 in characters."""
    return sum(2 if ord(char) > 0xFFFF else 1 for char in line[: max(0, column - 1)])


def range_of(lines: Sequence[str], line: int, column: int, end_line: int, end_column: int) -> Range:
    """The range of a location (1-based), kept within the text and on its first line."""
    first = min(max(line, 1), len(lines))
    last = first if end_line != line else min(max(end_line, first), len(lines))
    content = lines[first - 1]
    start = units(content, column)
    end = (
        units(content, end_column) if end_line == line and last == first else units(content, len(content.rstrip()) + 1)
    )
    return {
        "start": {"line": first - 1, "character": start},
        "end": {"line": first - 1, "character": max(end, start)},
    }


def whole_lines(lines: Sequence[str], start: int, end: int) -> Range:
    """The range of the lines from `start` to before `end`, counted from 0."""
    if end < len(lines):
        return {"start": {"line": start, "character": 0}, "end": {"line": end, "character": 0}}
    last = len(lines) - 1
    stop = units(lines[last], len(lines[last]) + 1)
    return {
        "start": {"line": start, "character": 0},
        "end": {"line": last, "character": stop},
    }


def changed_text(text: str, change: dict[str, Any]) -> str:
    """A text after a change that an editor sends: all of it, or a range of it."""
    new = str(change.get("text", ""))
    place = change.get("range")
    if not isinstance(place, dict):
        return new
    start, end = _offset(text, place["start"]), _offset(text, place["end"])
    return text[:start] + new + text[end:]


def _offset(text: str, position: dict[str, int]) -> int:
    starts = [0, *(match.end() for match in _END.finditer(text))]
    line = position["line"]
    if line >= len(starts):
        return len(text)
    offset, left = starts[line], position["character"]
    stop = starts[line + 1] if line + 1 < len(starts) else len(text)
    while left > 0 and offset < stop and text[offset] not in "\r\n":
        left -= 2 if ord(text[offset]) > 0xFFFF else 1
        offset += 1
    return offset


def contains(place: Range, position: dict[str, int]) -> bool:
    """Whether a position is on the line of a range, and within it where it is on that line alone."""
    start, end = place["start"], place["end"]
    if position["line"] != start["line"]:
        return False
    return start["character"] <= position["character"] <= max(end["character"], start["character"] + 1)


def path_of(uri: str) -> Path | None:
    """The file that a URI names; None for what is no file."""
    parts = urlsplit(uri)
    return Path(unquote(parts.path)) if parts.scheme == "file" and parts.path else None
