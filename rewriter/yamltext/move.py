"""A member that goes to another mapping as it is written, with its comments."""

from __future__ import annotations

from rewriter.yamltext.document import Document, children, equal, plain
from rewriter.yamltext.lines import begins_line, column, indentation, line_start, next_line
from rewriter.yamltext.nodes import Alias, Mapping, Node, Sequence
from rewriter.yamltext.route import Target, resolve_target
from rewriter.yamltext.splice import Splice, spliced


def moved_member(text: str, document: Document, source_path: str, path: str) -> str | None:
    """The text with a member's lines, its comments included, in the place of one that says the same elsewhere.

    None where these are not whole lines of block mappings, indented alike.
    """
    source, target = resolve_target(document, source_path), resolve_target(document, path)
    taken, replaced = _member(source), _member(target)
    if taken is None or replaced is None or not isinstance(source.parent, Mapping):
        return None
    key, value = taken
    new_key, new_value = replaced
    alike = source.token == target.token and column(text, key.start) == column(text, new_key.start)
    if not alike or not equal(plain(value), plain(new_value)) or _refers(value):
        return None
    first, last = _above(text, key.start), _below(text, key, value, is_last=source.parent.items[-1][0] is key)
    if not begins_line(text, key.start) or len(source.parent.items) < 2 or text[last - 1 : last] != "\n":
        return None
    own = line_start(text, key.start)
    lines = text[own:last][column(text, key.start) :]
    if first <= new_key.start < last or new_key.start <= key.start < new_value.end:
        return None  # One lies in the other.
    new_end = next_line(text, max(new_value.end, new_key.end))
    if text[new_end - 1 : new_end] != "\n":
        lines = lines.rstrip("\r\n")
    head = line_start(text, new_key.start)
    indent = " " * indentation(text, new_key.start)
    comments = "".join(indent + line.lstrip(" ") for line in text[first:own].splitlines(keepends=True))
    return spliced(
        text,
        [Splice(first, last, ""), Splice(head, head, comments), Splice(new_key.start, new_end, lines)],
    )


def raised_member(text: str, document: Document, source_path: str, path: str) -> str | None:
    """The text with a member's lines, its comments included, in a mapping further out, right after what held them.

    The lines keep what they say and are indented as that mapping's members are. None where these are not whole lines
    of block mappings, or the member is the only one of its mapping.
    """
    source, target = resolve_target(document, source_path), resolve_target(document, path)
    outer = target.parent
    taken = _member(source)
    if taken is None or not isinstance(outer, Mapping) or outer.flow or target.exists or source.token != target.token:
        return None
    key, value = taken
    holder = next((item for item in outer.items if item[0].start < key.start < item[1].end), None)
    parent = source.parent
    if holder is None or not isinstance(parent, Mapping) or len(parent.items) < 2 or _refers(value):
        return None
    if not begins_line(text, key.start):
        return None
    first, last = _above(text, key.start), _below(text, key, value, is_last=parent.items[-1][0] is key)
    at = column(text, outer.items[0][0].start)
    shift = column(text, key.start) - at
    own = line_start(text, key.start)
    lines = text[own:last].splitlines(keepends=True)
    if shift < 0 or any(line.strip() and line[:shift].strip(" ") for line in lines):
        return None
    comments = "".join(" " * at + line.lstrip(" \t") for line in text[first:own].splitlines(keepends=True))
    raised = comments + "".join(line[shift:] if line.strip() else line for line in lines)
    end = _behind_comments(text, next_line(text, holder[1].end), at + 1)
    if end < last or (end > last and text[end - 1 : end] != "\n") or not raised.endswith("\n"):
        return None
    return spliced(text, [Splice(first, last, ""), Splice(end, end, raised)])


def _member(target: Target) -> tuple[Node, Node] | None:
    parent = target.parent
    if not isinstance(parent, Mapping) or parent.flow or not target.exists:
        return None
    return parent.items[target.index]


def _above(text: str, offset: int) -> int:
    """The start of the comment lines right above an offset's line that speak of it.

    Those that are indented deeper are the foot of what stands above them, unless one further up is not.
    """
    start = position = line_start(text, offset)
    at = column(text, offset)
    while position > 0:
        above = line_start(text, position - 1)
        if above == position or text[above:position].lstrip(" \t")[:1] != "#":
            break
        position = above
        if indentation(text, above) <= at:
            start = above
    return start


def _below(text: str, key: Node, value: Node, *, is_last: bool) -> int:
    """The offset behind the member's last line and the deeper comment lines that follow it.

    Where no member follows, those at the column of the key go with a list whose dashes stand there too.
    """
    at = column(text, key.start)
    level = isinstance(value, Sequence) and not value.flow and bool(value.items) and column(text, value.start) == at
    return _behind_comments(text, next_line(text, max(value.end, key.end)), at if is_last and level else at + 1)


def _behind_comments(text: str, end: int, least: int) -> int:
    """The offset behind the comment lines at an offset that are indented so far at least."""
    while end < len(text) and text[end : next_line(text, end)].lstrip(" ")[:1] == "#":
        if indentation(text, end) < least:
            break
        end = next_line(text, end)
    return end


def _refers(node: Node) -> bool:
    return isinstance(node, Alias) or node.anchor is not None or any(map(_refers, children(node)))
