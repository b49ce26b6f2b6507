"""A block of literal text that gets another text, and stays a block."""

from __future__ import annotations

from rewriter import patterns as re
from rewriter.yamltext.nodes import Scalar
from rewriter.yamltext.splice import Splice
from rewriter.yamltext.style import Style

#: A header that says neither how deep the text is nor that blank lines are kept; a comment may follow.
_HEADER = re.compile(r"\|(?P<strip>-?)[ \t\r]*(?:#|$)")


def set_literal(text: str, old: Scalar, value: str, style: Style) -> list[Splice] | None:
    """New lines below the header of a literal block; None where the block as it is cannot hold the value."""
    header_end = text.find("\n", old.start, old.end)
    header = _HEADER.match(text[old.start : max(header_end, old.start)])
    if old.style != "|" or header is None:
        return None
    content = text[header_end + 1 : old.end].lstrip("\r\n")
    indent = " " * (len(content) - len(content.lstrip(" ")))
    lines = value.split("\n")
    if not header["strip"] and lines.pop():
        return None
    if not all(map(_fits, lines)) or not lines or not lines[-1] or lines[0][:1] in ("", " "):
        return None
    body = style.newline.join(indent + line if line else "" for line in lines)
    return [Splice(header_end + 1, old.end, body)]


def _fits(line: str) -> bool:
    return not line or (line.isprintable() and not line.isspace())
