"""Unified diffs of a file's changes, computed document by document so that cost grows with the changes."""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.engine.results.result import FileResult
from rewriter.records import dataclass
from rewriter.yamltext import opcodes

CONTEXT = 3
_NO_NEWLINE = "\\ No newline at end of file"

Replacement = tuple[int, int, list[str]]
"""(old start, old end, new lines): lines of the old file, counted from 0, that give way to new ones."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """Neighbouring changes with the lines around them.

    `old_start` and `new_start` count lines from 0; each of `lines` begins with a blank, `-` or `+` and keeps its end.
    """

    old_start: int
    old_count: int
    new_start: int
    new_count: int
    lines: tuple[str, ...]


def unified_diff(result: FileResult, context: int = CONTEXT) -> str:
    """The diff that `git apply` takes, line endings as they are in the file; empty when nothing changed."""
    lines: list[str] = []
    for hunk in hunks(result, context):
        if not lines:
            lines += [f"--- a/{result.path}\n", f"+++ b/{result.path}\n"]
        old, new = _range(hunk.old_start, hunk.old_count), _range(hunk.new_start, hunk.new_count)
        lines += [f"@@ -{old} +{new} @@\n", *hunk.lines]
    return "".join(line if line.endswith("\n") else f"{line}\n{_NO_NEWLINE}\n" for line in lines)


def hunks(result: FileResult, context: int = CONTEXT) -> Iterator[Hunk]:
    """The changes of a file with so many lines around them, those that share context taken together."""
    old = _split(result.before)
    replacements = list(replaced_lines(result))
    shift = 0
    for group in _groups(replacements, context) if replacements else ():
        first = max(0, group[0][0] - context)
        last = min(len(old), group[-1][1] + context)
        body: list[str] = []
        position = first
        added = 0
        for start, end, new in group:
            body += [f" {line}" for line in old[position:start]]
            body += [f"-{line}" for line in old[start:end]]
            body += [f"+{line}" for line in new]
            added += len(new) - (end - start)
            position = end
        body += [f" {line}" for line in old[position:last]]
        yield Hunk(first, last - first, first + shift, last - first + added, tuple(body))
        shift += added


def _range(start: int, length: int) -> str:
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"


def _groups(replacements: list[Replacement], context: int) -> Iterator[list[Replacement]]:
    group: list[Replacement] = []
    for replacement in replacements:
        if group and replacement[0] - group[-1][1] > 2 * context:
            yield group
            group = []
        group.append(replacement)
    yield group


def replaced_lines(result: FileResult) -> Iterator[Replacement]:
    """The changes of a file cut down to the lines that differ, in order."""
    text = result.before
    line, offset = 0, 0
    for change in result.changes:
        line_start = text.rfind("\n", 0, change.start) + 1
        line_end = text.find("\n", change.end - 1 if change.end > change.start else change.end)
        line_end = len(text) if line_end < 0 else line_end + 1
        if change.end == line_start and change.text == "":
            continue
        line += text.count("\n", offset, line_start)
        offset = line_start
        before = _split(text[line_start:line_end])
        after = _split(text[line_start : change.start] + change.text + text[change.end : line_end])
        for tag, old_start, old_end, new_start, new_end in opcodes(before, after):
            if tag != "equal":
                yield line + old_start, line + old_end, after[new_start:new_end]


def _split(text: str) -> list[str]:
    """Lines with their ends; only a line feed ends a line, as for git."""
    return [part + "\n" for part in text.split("\n")[:-1]] + ([tail] if (tail := text.rsplit("\n", 1)[-1]) else [])
