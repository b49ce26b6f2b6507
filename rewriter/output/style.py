"""Terminal text: colours with restraint, wrapping, and nothing in it that a terminal would obey."""

from __future__ import annotations

import json
import os
import shutil
from typing import TextIO

from rewriter import patterns as re
from rewriter.records import dataclass

_CODES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}

#: One colour for what opens and one for what closes, in every output; the page has the same (report.css).
OPENS, CLOSES = "magenta", "cyan"

#: C0 and C1 controls, line separators, and the marks that reorder text on screen.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")

#: What GitHub's runner obeys in whatever a step prints (actions/runner, ActionCommand): `::` first on a line, whatever
#: that is not seen stands before it, and `##[` anywhere. Azure's and TeamCity's take `##vso[` and `##teamcity[`.
_COMMAND = re.compile(r"^([^!-~\n]*):(?=:)", re.MULTILINE)
_MARK = re.compile(r"#(?=#\w*\[)")


def clean(text: str) -> str:
    """Text that only prints: control characters of untrusted names are shown, not sent."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def as_json_text(value: object) -> str:
    """A value as indented JSON with a final newline, non-ASCII as it is, what a terminal or a log obeys as escapes."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return escaped_marks(_CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)) + "\n"


def escaped_marks(text: str, escape: str = "\\u0023") -> str:
    """JSON, TOML or what else has escapes, meaning the same, with nothing in it that a CI system obeys in a log."""
    return _MARK.sub(lambda _: escape, text)


def logged(text: str) -> str:
    """Lines that a CI system does not obey in a log: a name may be written like `::error::` or `##[error]`."""
    return escaped_marks(_COMMAND.sub(r"\1\\x3a", text), "\\x23")


def one_line(text: str) -> str:
    """Clean text on one line."""
    return clean(" ".join(text.split()))


@dataclass(frozen=True, slots=True)
class Style:
    """How to print: with colour or without, and how wide (in columns)."""

    color: bool
    width: int

    def paint(self, text: str, *names: str) -> str:
        """The text in the given colours; as it is where there is no colour."""
        if not self.color or not names or not text:
            return text
        return f"\x1b[{';'.join(_CODES[name] for name in names)}m{text}\x1b[0m"

    def wrap(self, text: str, indent: int, first: str = "", color: str = "dim") -> list[str]:
        """Clean text wrapped to the width, every line indented; `first` stands before the text on line one."""
        pad = " " * indent
        lines = _lines_of(one_line(text), max(30, self.width), pad + " " * len(first))
        if lines and first:
            lines[0] = pad + self.paint(first, color) + lines[0][indent + len(first) :]
        return lines


def _lines_of(text: str, width: int, pad: str) -> list[str]:
    """Words with one blank between them as lines of a width, where no word is longer; `pad` stands before each line."""
    room = width - len(pad)
    if 0 < len(text) <= room:
        return [pad + text]
    lines: list[str] = []
    start = 0
    while start < len(text):
        end = len(text)
        if end - start > room:
            end = text.rfind(" ", start, max(start + room + 1, start))
            if end <= start:
                end = text.find(" ", start)
                end = len(text) if end < 0 else end
        lines.append(pad + text[start:end])
        start = end + 1
    return lines


def style_for(stream: TextIO, color: str, *, fixed: int | None = None) -> Style:
    """The style of a stream. `color` is auto, always or never; NO_COLOR and FORCE_COLOR count under auto.

    `fixed` is a width in place of the terminal's.
    """
    if color == "auto":
        if os.environ.get("NO_COLOR"):
            colored = False
        elif os.environ.get("FORCE_COLOR"):
            colored = True
        else:
            colored = stream.isatty() and os.environ.get("TERM") != "dumb"
    else:
        colored = color == "always"
    if fixed is not None:
        return Style(colored, fixed)
    width = shutil.get_terminal_size((80, 24)).columns if stream.isatty() else 80
    return Style(colored, max(40, min(width, 110)))
