"""Edits inside block collections, as splices of whole lines wherever that is possible."""

from __future__ import annotations

from collections.abc import Sequence as List
from typing import Any

from rewriter.yamltext.alike import described_line, line_of
from rewriter.yamltext.dashes import dash_of
from rewriter.yamltext.document import children, equal, key_of, plain
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
)
from rewriter.yamltext.nodes import Alias, Mapping, Node, Scalar, Sequence
from rewriter.yamltext.orphans import comment_lines, foot_of, lines_of_item
from rewriter.yamltext.render import block, flow, list_item, member, scalar
from rewriter.yamltext.splice import Splice
from rewriter.yamltext.style import Style

#: A line of flow style longer than this is written in block style.
_FLOW_WIDTH = 120


def set_member(
    text: str, mapping: Mapping, index: int, key: str | None, value: Any, style: Style, comments: List[Comment]
) -> list[Splice]:
    """The member at an index gets a new value, and with `key` a new name too. Its comments stay with it."""
    key_node, old = mapping.items[index]
    at = column(text, key_node.start)
    name = text[key_node.start : key_node.end]
    lines = member("x" if key is None else key, value, at, style)
    if _nests_in_flow(text, old) or _has_deeper_comment(text, old, at):
        line = f"{'x' if key is None else scalar(key, style)}: {flow(value, style)}"
        lines = [line] if at + len(line) <= _FLOW_WIDTH else lines
    if key is None:
        lines[0] = name + lines[0].removeprefix("x")
    end = _end_with_comment(text, key_node, old, len(lines))
    return _rewritten(text, key_node.start, end, lines, at, style, comments, same_key=key is None)


def _nests_in_flow(text: str, node: Node) -> bool:
    """Whether a value is a collection of collections on one line: then what replaces it is written so too."""
    if not isinstance(node, Mapping | Sequence) or not node.flow or "\n" in text[node.start : node.end]:
        return False
    return any(isinstance(child, Mapping | Sequence) for child in children(node))


def _has_deeper_comment(text: str, node: Node, at: int) -> bool:
    """Whether comments below a collection on one line are indented deeper than its key: below a block, they were in it.

    The last item of the block would have them at its foot.
    """
    if not isinstance(node, Mapping | Sequence) or not node.flow or "\n" in text[node.start : node.end]:
        return False
    start = line_end(text, node.end) + 1
    while start < len(text):
        end = line_end(text, start)
        line = text[start:end].strip()
        if line and not line.startswith("#"):
            return False
        if line and column(text, start + text[start:end].index("#")) > at:
            return True
        start = end + 1
    return False


def set_item(
    text: str, sequence: Sequence, index: int, value: Any, style: Style, comments: List[Comment]
) -> list[Splice]:
    """The item at an index gets a new value. Its comments stay with it."""
    old = sequence.items[index]
    dash = dash_of(text, sequence, index)
    empty = isinstance(old, Scalar) and old.start == old.end
    at = column(text, dash) + style.gap if empty else column(text, old.start)
    lines = block(value, at, style)
    if empty:
        line = line_end(text, dash)
        behind = line if not text[dash + 1 : line].strip(" \t") else dash + 1
        return [Splice(dash + 1, behind, " " * (style.gap - 1) + _joined(lines, style))]
    end = _end_with_comment(text, old, old, len(lines))
    return _rewritten(text, old.start, end, lines, at, style, comments)


def add_member(
    text: str, mapping: Mapping, key: str, value: Any, style: Style, comments: List[Comment]
) -> list[Splice]:
    """A new member at the end of a mapping that is not empty."""
    first, last = mapping.items[0][0], mapping.items[-1][1]
    at = column(text, first.start)
    end = foot_of(text, max(last.end, mapping.items[-1][0].end), at, comment_lines(text, comments))
    return [_lines_at(text, end, " " * at + _joined(member(key, value, at, style), style), style)]


def _lines_at(text: str, offset: int, lines: str, style: Style) -> Splice:
    """Whole lines put in at the beginning of a line, or at the end of a text without a last line break."""
    if offset == len(text) and not text.endswith("\n"):
        return Splice(offset, offset, style.newline + lines)
    return Splice(offset, offset, lines + style.newline)


def add_item(
    text: str, sequence: Sequence, index: int, value: Any, style: Style, comments: List[Comment]
) -> list[Splice]:
    """A new item before an index of a sequence that is not empty (its length appends)."""
    first_dash = dash_of(text, sequence, 0)
    at = column(text, first_dash)
    if index > 0:
        return [add_after(text, sequence, index - 1, [value], style, comments)]
    lines = _item_lines(text, sequence.items[0], value, at, style, comments)
    if not begins_line(text, first_dash):
        return [Splice(first_dash, first_dash, lines + style.newline + " " * at)]
    start = above_head_comments(text, first_dash)
    return [Splice(start, start, " " * at + lines + style.newline)]


def add_after(
    text: str, sequence: Sequence, index: int, values: List[Any], style: Style, comments: List[Comment]
) -> Splice:
    """New items behind the one at an index of a sequence, each written like that one."""
    at = column(text, dash_of(text, sequence, 0))
    end = foot_of(text, sequence.items[index].end, at, comment_lines(text, comments))
    lines = (_item_lines(text, sequence.items[index], value, at, style, comments) for value in values)
    return Splice(end, end, "".join(_lines_at(text, end, " " * at + line, style).text for line in lines))


def is_written_like(
    text: str, sequence: Sequence, index: int, value: Any, style: Style, comments: List[Comment], other: Splice
) -> bool:
    """Whether a value behind the item at an index would be written as another splice has it, wherever that is."""
    at = column(text, dash_of(text, sequence, 0))
    lines = _item_lines(text, sequence.items[index], value, at, style, comments)
    return " " * at + lines == other.text.strip("\r\n")


def _item_lines(text: str, neighbour: Node, value: Any, at: int, style: Style, comments: List[Comment]) -> str:
    return _joined(_like(text, neighbour, value, at, style, comments) or list_item(value, at, style), style)


def _like(text: str, neighbour: Node, value: Any, at: int, style: Style, comments: List[Comment]) -> list[str] | None:
    """`- value` as its neighbour is written: short in braces, or with the members that both have as they are."""
    if not isinstance(neighbour, Mapping) or not isinstance(value, dict) or not value:
        return None
    if neighbour.flow:
        known = {key_of(key) for key, _ in neighbour.items}
        line = "- " + flow(value, style)
        alike = known.issuperset(value) and _is_short(value) and "\n" not in text[neighbour.start : neighbour.end]
        return [line] if alike and at + len(line) <= _FLOW_WIDTH else None
    written = {key_of(key): (key, node) for key, node in neighbour.items}
    # The keys stand on lines of their own below an anchor or a tag.
    inner = column(text, neighbour.items[0][0].outer if neighbour.items else neighbour.start)
    gap = max(1, inner - at)
    lines: list[str] = []
    for name, item in value.items():
        key, node = written.get(name, (None, None))
        if key is not None and node is not None and not _refers(node) and equal(plain(node), item):
            copied = _without_comments(text, key.start, max(key.end, node.end), comments)
        else:
            copied = member(name, item, inner, style)
        lines += [" " * inner + copied[0], *copied[1:]]
    lines[0] = "-" + " " * (gap - 1) + lines[0].lstrip(" ")
    return lines


def _is_short(value: dict[str, Any]) -> bool:
    """Whether a mapping holds scalars and lists of them only, such as a requirement of a selector."""
    inner = [item for member in value.values() for item in (member if isinstance(member, list) else [member])]
    return not any(isinstance(item, dict | list) for item in inner)


def _refers(node: Node) -> bool:
    """Whether a node holds an anchor, an alias or a tag, which may not be written twice, or a block of text."""
    if isinstance(node, Alias) or node.anchor is not None or node.tag is not None:
        return True
    if isinstance(node, Scalar) and node.style in ("|", ">"):
        return True
    return any(map(_refers, children(node)))


def _without_comments(text: str, start: int, end: int, comments: List[Comment]) -> list[str]:
    pieces = []
    for comment in comments_inside(comments, start, end):
        pieces.append(text[start : comment.span.start].rstrip(" \t"))
        start = comment.span.end
    lines = "".join([*pieces, text[start:end]]).split("\n")
    return [line.rstrip("\r") for line in lines if line.strip()]


def remove_member(
    text: str, mapping: Mapping, index: int, style: Style, comments: List[Comment]
) -> tuple[list[Splice], list[Comment]]:
    """A member goes from a mapping of several, with its comments: these are the second part of the answer."""
    key, value = mapping.items[index]
    following = mapping.items[index + 1][0].start if index + 1 < len(mapping.items) else None
    return _removed(text, key.start, max(value.end, key.end), value, following, style, comments)


def remove_item(
    text: str, sequence: Sequence, index: int, style: Style, comments: List[Comment]
) -> tuple[list[Splice], list[Comment]]:
    """An item goes from a sequence of several, with its comments: these are the second part of the answer."""
    following = dash_of(text, sequence, index + 1) if index + 1 < len(sequence.items) else None
    item = sequence.items[index]
    return _removed(text, dash_of(text, sequence, index), item.end, item, following, style, comments)


def _removed(
    text: str, start: int, end: int, node: Node, following: int | None, style: Style, comments: List[Comment]
) -> tuple[list[Splice], list[Comment]]:
    if begins_line(text, start):
        first, last = lines_of_item(text, start, end, node, comments)
        if last == len(text) and not text.endswith("\n"):
            # The text ends without a line break and is to stay so.
            return [Splice(len(text[:first].rstrip("\r\n")), last, "")], comments_inside(comments, first, last)
        return [Splice(first, last, "")], comments_inside(comments, first, last)
    if following is None:
        raise EditError("it shares its line with what stays")
    own = next_line(text, end)
    kept = comments_inside(comments, own, following)
    return [*_above(text, start, kept, style), Splice(start, following, "")], comments_inside(comments, start, own)


def _rewritten(
    text: str,
    start: int,
    end: int,
    lines: list[str],
    at: int,
    style: Style,
    comments: List[Comment],
    *,
    same_key: bool = False,
) -> list[Splice]:
    """New lines in place of a region.

    A comment stays with its line where the new lines have it too. Of the others that of the first line stays there, and
    so it does where that line keeps its key; the rest follow it, or precede it where it is the only one.
    """
    first_line_end = line_end(text, start)
    inside = comments_inside(comments, start, end)
    movable = [comment for comment in inside if not same_key or comment.span.start >= first_line_end]
    kept = _with_their_lines(text, movable, lines) if len(lines) > 1 else {}
    rest = [comment for comment in inside if comment not in kept]
    head = [comment for comment in rest if comment.span.start < first_line_end]
    inner = [comment for comment in rest if comment.span.start >= first_line_end]
    beside = {number: comment for comment, number in kept.items() if not begins_line(text, comment.span.start)}
    if head and 0 in beside:
        inner, head = [*head, *inner], []
    new = lines[:1]
    if head:
        new = [lines[0] + _with_gap(text, head[0])]
    if inner and len(lines) > 1:
        new += [_indented(lines[1], comment) for comment in inner]
        inner = []
    for number, line in enumerate(lines):
        above = [comment for comment, there in kept.items() if there == number and beside.get(number) != comment]
        if number == 0:
            inner = [*inner, *above]
        else:
            new += [*(_indented(line, comment) for comment in above), line]
        if number in beside:
            new[0 if number == 0 else -1] += _with_gap(text, beside[number])
    before = _above(text, start, inner, style)
    if len(new) > 1 and first_line_end < end and new[0] == text[start:first_line_end]:
        return [*before, Splice(next_line(text, start), end, _joined(new[1:], style))]  # It keeps its own line end.
    return [*before, Splice(start, end, _joined(new, style))]


def _with_their_lines(text: str, comments: List[Comment], lines: List[str]) -> dict[Comment, int]:
    """The comments whose line is among new lines, each with its number there; several may stand above one line."""
    found: dict[Comment, int] = {}
    ends: list[int] = []
    for comment in comments:
        alone = begins_line(text, comment.span.start)
        number = line_of(described_line(text, comment), lines, ends)
        if number is not None:
            found[comment] = number
            if not alone:
                ends.append(number)
    return found


def _with_gap(text: str, comment: Comment) -> str:
    """A comment with the space before it."""
    return text[len(text[: comment.span.start].rstrip(" \t")) : comment.span.end]


def _indented(line: str, comment: Comment) -> str:
    return " " * (len(line) - len(line.lstrip(" "))) + comment.text


def _above(text: str, offset: int, comments: List[Comment], style: Style) -> list[Splice]:
    """Comments as lines of their own above the line of an offset."""
    if not comments:
        return []
    start = line_start(text, offset)
    pad = " " * indentation(text, offset)
    return [Splice(start, start, "".join(pad + comment.text + style.newline for comment in comments))]


def _end_with_comment(text: str, first: Node, last: Node, new_lines: int) -> int:
    """Where a region ends: behind the comment of its last line, unless one line gives way to one line."""
    end = max(first.end, last.end)
    several = new_lines > 1 or text.find("\n", first.start, end) >= 0
    return line_end(text, end) if several else end


def _joined(lines: list[str], style: Style) -> str:
    return style.newline.join(lines)
