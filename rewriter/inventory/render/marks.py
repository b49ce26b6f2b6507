"""Traces what helm renders to the lines of a template: each line that prints ends in a comment that survives."""

from __future__ import annotations

from collections.abc import Sequence

from rewriter import patterns as re
from rewriter.records import dataclass
from rewriter.yamltext.go_template import TemplateLine

_MARK = re.compile(r" #~cnpfix(\d+)~")


@dataclass(frozen=True, slots=True)
class Traced:
    """A rendered line, the number of its template line (0-based), and whether it is that line's last or only one.

    `line` is None where it is unknown: after the last mark of a document.
    """

    text: str
    line: int | None
    ends: bool


def marked(text: str, lines: Sequence[TemplateLine]) -> str:
    """A template's text with a mark at the end of each line that prints, outside of `define`."""
    pieces: list[str] = []
    position = 0
    for number, line in enumerate(lines):
        if _may_be_marked(line):
            pieces += [text[position : line.text_end], f" #~cnpfix{number}~"]
            position = line.text_end
    return "".join([*pieces, text[position:]])


def traced(rendered: str) -> list[Traced]:
    """The lines of a rendered text without the marks; those that end in none belong to the next mark."""
    found: list[tuple[str, int | None]] = []
    for line in rendered.split("\n"):
        first = _MARK.search(line)
        found.append((_MARK.sub("", line), int(first[1]) if first else None))
    result: list[Traced] = []
    below: int | None = None
    for text, mark in reversed(found):
        below = mark if mark is not None else below
        result.append(Traced(text, below, mark is not None))
    return result[::-1]


def _may_be_marked(line: TemplateLine) -> bool:
    content = line.text.strip()
    if not content or content.startswith("---") or line.steers or line.ends_in_action:
        return False
    return not line.within("define")
