"""A member that goes to another mapping as it is written, with its comments."""

from __future__ import annotations

from rewriter.yamltext.document import Document, children, equal, plain
from rewriter.yamltext.lines import begins_line, column, indentation, line_end, line_start, next_line
from rewriter.yamltext.nodes import Alias, Mapping, Node
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
    first, last = _above(text, key.start), _below(text, key, value)
    if not begins_line(text, key.start) or len(source.parent.items) < 2 or text[last - 1 : last] != "\n":
        return None
    own = line_start(text, key.start)
    lines = text[own:last].rstrip("\r\n")[column(text, key.start) :]
    if first <= new_key.start < last or new_key.start <= key.start < new_value.end:
        return None  # One lies in the other.
    new_end = line_end(text, max(new_value.end, new_key.end))
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
    first, last = _above(text, key.start), _below(text, key, value)
    shift = column(text, key.start) - column(text, outer.items[0][0].start)
    lines = text[first:last].splitlines(keepends=True)
    if shift < 0 or any(line.strip() and line[:shift].strip(" ") for line in lines):
        return None
    raised = "".join(line[shift:] if line.strip() else line for line in lines)
    end = next_line(text, holder[1].end)
    if end < last or (end > last and text[end - 1 : end] != "\n") or not raised.endswith("\n"):
        return None
    return spliced(text, [Splice(first, last, ""), Splice(end, end, raised)])


def _member(target: Target) -> tuple[Node, Node] | None:
    parent = target.parent
    if not isinstance(parent, Mapping) or parent.flow or not target.exists:
        return None
    return parent.items[target.index]


def _above(text: str, offset: int) -> int:
    """The start of the comment lines right above an offset's line that are indented as it is."""
    start, at = line_start(text, offset), column(text, offset)
    while start > 0:
        above = line_start(text, start - 1)
        if above == start or text[above:start].lstrip(" ")[:1] != "#" or indentation(text, above) != at:
            break
        start = above
    return start


def _below(text: str, key: Node, value: Node) -> int:
    """The offset behind the member's last line and the deeper comment lines that follow it."""
    end = next_line(text, max(value.end, key.end))
    while end < len(text) and text[end : next_line(text, end)].lstrip(" ")[:1] == "#":
        if indentation(text, end) <= column(text, key.start):
            break
        end = next_line(text, end)
    return end


def _refers(node: Node) -> bool:
    return isinstance(node, Alias) or node.anchor is not None or any(map(_refers, children(node)))
