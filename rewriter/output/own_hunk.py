"""The lines that one finding's own fix changes, as a diff: not those of its neighbours in the same file."""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.engine.results.result import LineChange, Reported
from rewriter.output.diff import Hunk

_CONTEXT = 3


def own_diff(item: Reported, text: str) -> list[str]:
    """The lines of a diff of a finding's own fix, `@@` lines among them; empty without a change."""
    shown = []
    for hunk in own_hunks(item, text):
        old, new = hunk.old_start + 1, hunk.new_start + 1
        shown += [f"@@ -{old},{hunk.old_count} +{new},{hunk.new_count} @@", *hunk.lines]
    return shown


def own_hunks(item: Reported, text: str, context: int = _CONTEXT) -> list[Hunk]:
    """The hunks of a finding's fix against the old text of its file, ends of lines cut off."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if lines and not lines[-1]:
        lines.pop()
    changes = [(item.location.line - 1 + change.offset, change) for change in item.change]
    changes = [(start, change) for start, change in changes if 0 <= start <= len(lines)]
    found: list[Hunk] = []
    shift = 0
    for group in _near(changes, context):
        first = max(0, group[0][0] - context)
        last = min(len(lines), group[-1][0] + len(group[-1][1].removed) + context)
        body = tuple(_rows(lines, group, first, last))
        old = sum(not row.startswith("+") for row in body)
        new = sum(not row.startswith("-") for row in body)
        found.append(Hunk(first, old, first + shift, new, body))
        shift += new - old
    return found


def _near(changes: list[tuple[int, LineChange]], context: int) -> Iterator[list[tuple[int, LineChange]]]:
    """Changes that share lines around them, together."""
    group: list[tuple[int, LineChange]] = []
    for start, change in changes:
        if group and start - (group[-1][0] + len(group[-1][1].removed)) > 2 * context:
            yield group
            group = []
        group.append((start, change))
    if group:
        yield group


def _rows(lines: list[str], group: list[tuple[int, LineChange]], first: int, last: int) -> Iterator[str]:
    position = first
    for start, change in group:
        yield from (f" {line}" for line in lines[position:start])
        yield from (f"-{line}" for line in change.removed)
        yield from (f"+{line}" for line in change.added)
        position = max(position, start + len(change.removed))
    yield from (f" {line}" for line in lines[position:last])
