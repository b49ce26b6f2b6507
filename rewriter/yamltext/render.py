"""New values as text, in a document's style."""

from __future__ import annotations

import json
from typing import Any

from rewriter import patterns as re
from rewriter.yamltext.scalars import resolve
from rewriter.yamltext.style import Style

#: Strings that need no quotes in block and flow context alike, as long as nothing else reads them as a number.
_PLAIN = re.compile(r"[A-Za-z0-9_./*$\\(][A-Za-z0-9_./@+()=~^$\\*%-]*(?::[A-Za-z0-9_./@+()=~^$\\*%-]+)*")
_VARIABLE = re.compile(r"\$\{[\w.:/=+?-]*\}")
_PLAIN_STARTS = re.compile(r"\*|\$\{|%|---|\.\.\.")


def scalar(value: Any, style: Style, quote: str | None = None) -> str:
    """A scalar as text. `quote` is the style to keep if it can be kept: None plain, `'` or `"`."""
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, int | float):
        return json.dumps(value)
    text = str(value)
    if style.json or quote == '"':
        return json.dumps(text, ensure_ascii=False)
    if quote is None and not style.quoted and is_plain(text):
        return text
    if (quote or style.quote) == "'" and text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return json.dumps(text, ensure_ascii=False)


def name(key: str, style: Style) -> str:
    """A key of a flow mapping as text: quoted only where it must be, or in JSON."""
    return key if not style.json and is_plain(key) else scalar(key, style)


def is_plain(text: str) -> bool:
    """Whether a string stays the same string when written without quotes."""
    return _PLAIN.fullmatch(text) is not None and _PLAIN_STARTS.match(text) is None and isinstance(resolve(text), str)


def stays_plain(written: str, text: str) -> bool:
    """Whether a string with variables needs no quotes in block style, where the one in its place has none."""
    return written.startswith("${") and text.startswith("${") and is_plain(_VARIABLE.sub("x", text))


def block(value: Any, column: int, style: Style) -> list[str]:
    """A mapping or list as block lines. The first line has no indentation; the others stand at `column` or deeper.

    A value that has no block form (a scalar, an empty container) is one line.
    """
    if isinstance(value, dict) and value:
        lines: list[str] = []
        for key, item in value.items():
            member_lines = member(key, item, column, style)
            lines += member_lines if not lines else [" " * column + member_lines[0], *member_lines[1:]]
        return lines
    if isinstance(value, list) and value:
        lines = []
        for item in value:
            item_lines = list_item(item, column, style)
            lines += item_lines if not lines else [" " * column + item_lines[0], *item_lines[1:]]
        return lines
    return [flow(value, style)]


def member(key: str, value: Any, column: int, style: Style) -> list[str]:
    """`key: value` as block lines, the key at `column`; the first line has no indentation."""
    name = scalar(key, style)
    if isinstance(value, dict) and value:
        inner = column + style.step
    elif isinstance(value, list) and value and not _inline_list(value, style):
        inner = column + style.dash
    else:
        return [f"{name}: {flow(value, style)}"]
    lines = block(value, inner, style)
    return [f"{name}:", " " * inner + lines[0], *lines[1:]]


def list_item(value: Any, column: int, style: Style) -> list[str]:
    """`- value` as block lines, the dash at `column`; the first line has no indentation."""
    lines = block(value, column + style.gap, style)
    return ["-" + " " * (style.gap - 1) + lines[0], *lines[1:]]


def _inline_list(value: list[Any], style: Style) -> bool:
    return style.flow_lists and not any(isinstance(item, dict | list) for item in value)


def flow(value: Any, style: Style) -> str:
    """Any value on one line, in flow style (JSON where the document is)."""
    if isinstance(value, dict):
        pad = style.brace if value else ""
        members = (f"{name(key, style)}{style.separator}{flow(item, style)}" for key, item in value.items())
        return "{" + pad + style.comma.join(members) + pad + "}"
    if isinstance(value, list):
        return "[" + style.comma.join(flow(item, style) for item in value) + "]"
    return scalar(value, style)


def flow_lines(value: Any, column: int, style: Style, *, comma: bool) -> str:
    """A value in flow style over several lines, its closing bracket at `column`; short ones stay on one line.

    `comma` puts a comma after the last item of each container, as KYAML does.
    """
    leaf = not isinstance(value, dict | list) or not value
    children = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    if leaf or (style.inline and not any(isinstance(child, dict | list) for child in children)):
        return flow(value, style)
    inner = column + style.step
    pad = style.newline + " " * inner
    if isinstance(value, dict):
        parts = [f"{name(key, style)}: {flow_lines(item, inner, style, comma=comma)}" for key, item in value.items()]
        opening, closing = "{", "}"
    elif style.hug and all(isinstance(item, dict | list) for item in value):
        return "[" + ", ".join(flow_lines(item, column, style, comma=comma) for item in value) + "]"
    else:
        parts = [flow_lines(item, inner, style, comma=comma) for item in value]
        opening, closing = "[", "]"
    end = "," if comma else ""
    return opening + pad + ("," + pad).join(parts) + end + style.newline + " " * column + closing
