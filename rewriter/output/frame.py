"""A code frame: the lines of a finding with a caret below the culprit, and the lines that its fix changes."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from itertools import takewhile

from rewriter.engine.results.result import LineChange, Reported
from rewriter.output.style import Style, clean

_BEFORE = 2
#: Rows of one change; of more, the middle is left out.
_MOST_ROWS = 18
_ELIDED = "…"
#: Columns before a frame: reports indent it.
_INDENT = 2


def frame(item: Reported, text: str, style: Style, *, everything: bool = False) -> Iterator[str]:
    """The rows, with line numbers of the old text; none where the text does not reach to the finding."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    location = item.location
    if not 0 < location.line <= len(lines):
        return
    changes = [(location.line + line_change.offset, line_change) for line_change in item.change]
    margin = len(str(_last(location.line, changes)))
    blank = style.paint(f"{'':{margin}} |", "dim")
    yield blank
    for rows in _rows(lines, location.line, changes):
        window = _window(item, rows, style.width - margin - 3 - _INDENT)
        for number, mark, content in rows if everything else _cut(rows):
            yield _row(style, margin, number, mark, content, window)
            if number == location.line and mark in (" ", "-"):
                yield f"{blank} {style.paint(_caret(item, lines[location.line - 1], window), 'bold')}"
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
    if len(rows) <= _MOST_ROWS + 1:  # To leave one row out saves none.
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


def _window(item: Reported, rows: Sequence[_Row], room: int) -> tuple[int, int]:
    """The first column that is shown, and how many: lines in flow style are longer than any terminal.

    Where a long line becomes another one, the part that differs is what is shown.
    """
    width = max(20, room)
    first = item.location.column - 1
    start = 0 if first < width - 12 else first - 8
    removed, added = (next((content for _, mark, content in rows if mark == sign), "") for sign in "-+")
    if max(len(removed), len(added)) > width and removed and added:
        differs = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(removed, added, strict=False)))
        if not start <= differs < start + width - 12:
            start = max(0, differs - width // 3)
    return start, width


def _cropped(content: str, window: tuple[int, int]) -> str:
    start, width = window if _columns(content) > window[1] else (0, window[1])
    part = content[start:]
    if start and part:
        part = _ELIDED + part[1:]
    return part if _columns(part) <= width else part[: width - 1] + _ELIDED


def _caret(item: Reported, line: str, window: tuple[int, int]) -> str:
    shown = _columns(_cropped(clean(line.expandtabs(4)), window))
    start = window[0] if _columns(clean(line.expandtabs(4))) > window[1] else 0
    location = item.location
    begin = location.column - 1
    end = location.end_column - 1 if location.end_line == location.line else len(line.rstrip())
    before = _columns(clean(line[:begin].expandtabs(4))) - start
    marked = max(1, _columns(clean(line[begin : max(end, begin + 1)].rstrip())))
    # What the window cuts off on the left is not marked.
    return " " * max(0, before) + "^" * max(1, min(marked + min(0, before), shown - max(0, before)))


def _columns(text: str) -> int:
    """The columns that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )
