"""Edits inside flow collections: `{}`, `[]`, KYAML and JSON, on one line or many."""

from __future__ import annotations

from collections.abc import Sequence as List
from typing import Any

from rewriter import patterns as re
from rewriter.yamltext.errors import EditError
from rewriter.yamltext.gaps import Comment, comments_inside
from rewriter.yamltext.lines import (
    above_head_comments,
    begins_line,
    column,
    indentation,
    line_end,
    line_start,
    next_line,
    only_comment_follows,
)
from rewriter.yamltext.nodes import Mapping, Node, Sequence
from rewriter.yamltext.render import flow, flow_lines
from rewriter.yamltext.render import name as name_of
from rewriter.yamltext.splice import Splice
from rewriter.yamltext.style import Style

_LEADING = re.compile(r"\n +")
_TO_COMMA = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*(,?)")

Container = Mapping | Sequence


def set_value(text: str, old: Node, value: Any, style: Style, comments: List[Comment]) -> list[Splice]:
    """A new value in place of a node inside a flow collection."""
    new = _tabbed(_rendered(text, value, old.start, style, spread="\n" in text[old.start : old.end]), style)
    first, _, rest = new.partition(style.newline)
    if rest and text[line_start(text, old.start) : old.start].lstrip(" \t").startswith(("}", "]")):
        # Above its line they would stand in what ends there.
        pad = rest[: len(rest) - len(rest.lstrip(" \t"))]
        kept = [pad + comment.text for comment in comments_inside(comments, old.start, old.end)]
        return [Splice(old.start, old.end, style.newline.join([first, *kept, rest]))]
    return [*_above(text, old.start, old.end, comments, style), Splice(old.start, old.end, new)]


def set_member(
    text: str, mapping: Mapping, index: int, key: str, value: Any, style: Style, comments: List[Comment]
) -> list[Splice]:
    """Another member in the place of the one at an index."""
    key_node, old = mapping.items[index]
    spread = "\n" in text[old.start : old.end]
    new = name_of(key, style) + style.separator + _rendered(text, value, key_node.start, style, spread=spread)
    above = _above(text, key_node.start, old.end, comments, style)
    return [*above, Splice(key_node.start, old.end, _tabbed(new, style))]


def add(text: str, container: Container, index: int, key: str | None, value: Any, style: Style) -> list[Splice]:
    """A new member (with `key`) or item before an index of the container; its length appends."""
    if isinstance(container, Mapping) and key is not None and text[container.start] != "{":
        # One pair in a list may stand there without braces: `[a: b]`.
        new = name_of(key, style) + style.separator + flow(value, style)
        return [
            Splice(container.start, container.start, "{"),
            Splice(container.end, container.end, f"{style.comma}{new}}}"),
        ]
    splices = _added(text, container, index, key, value, style)
    return [Splice(splice.start, splice.end, _tabbed(splice.text, style)) for splice in splices]


def _tabbed(new: str, style: Style) -> str:
    """New lines with their columns made of tabs, where the document's are."""
    if not style.tabs:
        return new
    return _LEADING.sub(lambda match: "\n" + "\t" * (len(match[0]) - 1), new)


def _added(text: str, container: Container, index: int, key: str | None, value: Any, style: Style) -> list[Splice]:
    if not container.items:
        if text[container.start + 1 : container.end - 1].strip():
            raise EditError("there is a comment between its brackets")
        whole = {key: value} if key is not None else [value]
        spread = style.json and not style.inline
        return [Splice(container.start, container.end, _rendered(text, whole, container.start, style, spread=spread))]
    parts = [_outer(item) for item in container.items]
    neighbour = parts[min(index, len(parts) - 1)]
    own_line = begins_line(text, parts[0][0])
    spread = own_line or any("\n" in text[start:end] for start, end in parts)
    name = "" if key is None else name_of(key, style) + style.separator
    if index == 0:
        start = parts[0][0]
        new = name + _rendered(text, value, start, style, spread=spread)
        if not begins_line(text, start):
            return [Splice(start, start, new + ", ")]
        at = above_head_comments(text, start)
        return [Splice(at, at, text[line_start(text, start) : start] + new + "," + style.newline)]
    if index < len(parts):
        start, end = parts[index][0], _comma_after(text, parts[index - 1][1])
        assert end is not None
        new = name + _rendered(text, value, start, style, spread=spread)
        if begins_line(text, start) and only_comment_follows(text, end):
            at = next_line(text, end)
            return [Splice(at, at, text[line_start(text, start) : start] + new + "," + style.newline)]
        return [Splice(end, end, " " + new + ",")]
    new = name + _rendered(text, value, neighbour[0], style, spread=spread)
    last = parts[-1][1]
    comma = _comma_after(text, last)
    behind = last if comma is None else comma
    if own_line and only_comment_follows(text, behind):
        at, line = next_line(text, behind), text[line_start(text, parts[-1][0]) : parts[-1][0]] + new + style.newline
        if comma is not None:
            return [Splice(at, at, line.removesuffix(style.newline) + "," + style.newline)]
        return [Splice(last, last, ","), Splice(at, at, line)]
    if comma is not None:
        return [Splice(comma, comma, " " + new + ",")]
    return [Splice(last, last, style.comma + new)]


def remove(
    text: str, container: Container, index: int, style: Style, comments: List[Comment]
) -> tuple[list[Splice], list[Comment]]:
    """The member or item at an index goes from a container of several; the second part are comments that go too."""
    parts = [_outer(item) for item in container.items]
    start, end = parts[index]
    comma = _comma_after(text, end)
    if begins_line(text, start) and only_comment_follows(text, comma or end):
        return _lines_removed(text, parts, index, comma, comments)
    if index + 1 < len(parts):
        following = parts[index + 1][0]
        return [Splice(start, following, "")], comments_inside(comments, start, following)
    before = parts[index - 1][1]
    if "\n" not in text[before:start]:
        first = before if comma is None else _comma_after(text, before)
        assert first is not None
        return [Splice(first, comma or end, "")], comments_inside(comments, first, comma or end)
    return _last_removed(text, before, start, end, style, comments), []


def _lines_removed(
    text: str, parts: List[tuple[int, int]], index: int, comma: int | None, comments: List[Comment]
) -> tuple[list[Splice], list[Comment]]:
    """A part that has its lines to itself goes, with the comments above and beside it."""
    start, end = parts[index]
    first = above_head_comments(text, start)
    last = next_line(text, comma or end)
    gone = comments_inside(comments, first, last)
    splices = [Splice(first, last, "")]
    before = _comma_after(text, parts[index - 1][1]) if index and index + 1 == len(parts) else None
    if before is not None and comma is None:
        splices.insert(0, Splice(before - 1, before, ""))
    return splices, gone


def _last_removed(text: str, before: int, start: int, end: int, style: Style, comments: List[Comment]) -> list[Splice]:
    """The last part goes, which does not begin on the line where the one before it ends.

    `before` is the end of the one before it, which loses or keeps its comma as the last did.
    """
    separator = _comma_after(text, before)
    assert separator is not None
    comma = _comma_after(text, end)
    first = before if comma is None else separator
    end = comma or end
    kept = comments_inside(comments, first, line_end(text, end) if only_comment_follows(text, end) else end)
    if not kept:
        return [Splice(first, end, "")]
    end = max(end, kept[-1].span.end)
    stays = [comment for comment in kept if comment.span.end <= line_end(text, before)]
    pad = style.newline + " " * column(text, start)
    lines = "".join(pad + comment.text for comment in kept[len(stays) :])
    if not only_comment_follows(text, end):  # A bracket on the line of a comment would be part of it.
        lines += style.newline + " " * indentation(text, before)
    lines = _tabbed(lines, style)
    if not stays:
        return [Splice(first, end, lines)]
    behind = stays[-1].span.end
    rest = Splice(behind, end, lines)
    if comma is not None or separator > behind:
        return [rest]
    return [Splice(separator - 1, separator, ""), rest]


def _rendered(text: str, value: Any, offset: int, style: Style, *, spread: bool) -> str:
    if not spread:
        return flow(value, style)
    comma = not style.json and re.search(r",[ \t]*(?:#[^\n]*)?\r?\n[ \t]*[\]}]", text) is not None
    return flow_lines(value, indentation(text, offset), style, comma=comma)


def _outer(item: Node | tuple[Node, Node]) -> tuple[int, int]:
    if isinstance(item, tuple):
        return item[0].outer, max(item[0].end, item[1].end)
    return item.outer, item.end


def _comma_after(text: str, offset: int) -> int | None:
    """The offset behind the comma that follows, over space and comments; None where none does."""
    match = _TO_COMMA.match(text, offset)
    return match.end() if match is not None and match[1] else None


def _above(text: str, start: int, end: int, comments: List[Comment], style: Style) -> list[Splice]:
    """The comments of a region that goes, as lines of their own above it."""
    kept = comments_inside(comments, start, end)
    if not kept:
        return []
    at = line_start(text, start)
    pad = " " * indentation(text, start)
    return [Splice(at, at, "".join(pad + comment.text + style.newline for comment in kept))]
