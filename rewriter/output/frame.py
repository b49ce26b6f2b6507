"""A code frame: the lines of a finding with a caret below the culprit, and the lines that its fix changes."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from rewriter.engine.result import LineChange, Reported
from rewriter.output.style import Style, clean

_BEFORE = 2
#: Rows of one change; of more, the middle is left out.
_MOST_ROWS = 18
_ELIDED = "…"


def frame(item: Reported, text: str, style: Style, *, everything: bool = False) -> Iterator[str]:
    """The rows, with line numbers of the old text; none where the text does not reach to the finding."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    location = item.location
    if not 0 < location.line <= len(lines):
        return
    changes = [(location.line + each.offset, each) for each in item.change]
    margin = len(str(_last(location.line, changes)))
    blank = style.paint(f"{'':{margin}} |", "dim")
    yield blank
    for rows in _rows(lines, location.line, changes):
        for number, mark, content in rows if everything else _cut(rows):
            yield _row(style, margin, number, mark, content, _window(item, style, margin))
            if number == location.line and mark in (" ", "-"):
                yield f"{blank} {style.paint(_caret(item, lines[location.line - 1], style, margin), 'bold')}"
    yield blank


def _last(line: int, changes: Sequence[tuple[int, LineChange]]) -> int:
    return max([line, *(start + len(change.removed) for start, change in changes)])


_Row = tuple[int, str, str]


def _rows(lines: list[str], line: int, changes: Sequence[tuple[int, LineChange]]) -> Iterator[list[_Row]]:
    """Blocks of rows (number, mark, text): what stands before and at the finding, and each change."""
    shown = [(number, " ", lines[number - 1]) for number in range(max(1, line - _BEFORE), line + 1)]
    position = line + 1
    started = False
    for start, change in changes:
        block: list[_Row] = []
        if start <= line and not started:  # The change takes in the finding's own line, or comes before it.
            shown = [row for row in shown if row[0] < start]
            started = True
            position = start
        if not started or shown:
            block += shown
            shown, started = [], True
        if 0 < start - position <= _BEFORE:
            block += [(number, " ", lines[number - 1]) for number in range(position, min(start, len(lines) + 1))]
        elif start > position:
            yield block
            block = [(0, _ELIDED, "")]
            if start - 1 >= position and start - 1 <= len(lines):
                block.append((start - 1, " ", lines[start - 2]))
        block += [(start + index, "-", content) for index, content in enumerate(change.removed)]
        block += [(0, "+", content) for content in change.added]
        position = max(position, start + len(change.removed))
        yield block
    if shown:
        yield shown


def _cut(rows: list[_Row]) -> list[_Row]:
    if len(rows) <= _MOST_ROWS:
        return rows
    half = _MOST_ROWS // 2
    return [*rows[:half], (0, _ELIDED, f"{len(rows) - 2 * half} more lines (-v shows them)"), *rows[-half:]]


def _row(style: Style, margin: int, number: int, mark: str, content: str, window: tuple[int, int]) -> str:
    color = {"-": "red", "+": "green"}.get(mark)
    left = f"{number or '':>{margin}} {'|' if mark in (' ', _ELIDED) else mark}"
    if mark == _ELIDED:
        return style.paint(f"{_ELIDED:>{margin}} | {content}".rstrip(), "dim")
    shown = _cropped(clean(content.expandtabs(4)), window)
    if color is None:
        return f"{style.paint(left, 'dim')} {shown}".rstrip()
    return style.paint(f"{left} {shown}".rstrip(), color)


def _window(item: Reported, style: Style, margin: int) -> tuple[int, int]:
    """The first column that is shown, and how many: lines in flow style are longer than any terminal."""
    width = max(20, style.width - margin - 3)
    first = item.location.column - 1
    return (0 if first < width - 12 else first - 8), width


def _cropped(content: str, window: tuple[int, int]) -> str:
    start, width = window
    part = content[start:]
    if start and part:
        part = _ELIDED + part[1:]
    return part if _columns(part) <= width else part[: width - 1] + _ELIDED


def _caret(item: Reported, line: str, style: Style, margin: int) -> str:
    start, width = _window(item, style, margin)
    location = item.location
    begin = location.column - 1
    end = location.end_column - 1 if location.end_line == location.line else len(line.rstrip())
    before = _columns(clean(line[:begin].expandtabs(4))) - start
    marked = max(1, _columns(clean(line[begin : max(end, begin + 1)].rstrip())))
    return " " * max(0, before) + "^" * max(1, min(marked, width - max(0, before)))


def _columns(text: str) -> int:
    """The columns that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )
