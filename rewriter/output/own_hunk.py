"""The lines that one finding's own fix changes, as a diff: not those of its neighbours in the same file."""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.engine.result import LineChange, Reported

_CONTEXT = 3


def own_hunks(item: Reported, text: str, context: int = _CONTEXT) -> list[str]:
    """The hunks of a finding's fix against the old text of its file, `@@` lines among them; empty without a change.

    Line numbers are those of the file as it was read. Ends of lines are cut off.
    """
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if lines and not lines[-1]:
        lines.pop()
    changes = [(item.location.line - 1 + change.offset, change) for change in item.change]
    changes = [(start, change) for start, change in changes if 0 <= start <= len(lines)]
    shown: list[str] = []
    shift = 0
    for group in _near(changes, context):
        first = max(0, group[0][0] - context)
        last = min(len(lines), group[-1][0] + len(group[-1][1].removed) + context)
        body = list(_rows(lines, group, first, last))
        old = sum(not row.startswith("+") for row in body)
        new = sum(not row.startswith("-") for row in body)
        shown += [f"@@ -{first + 1},{old} +{first + 1 + shift},{new} @@", *body]
        shift += new - old
    return shown


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
