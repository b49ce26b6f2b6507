"""What ruamel.yaml reads in a text, and where its comments stand: a second parser, which knows nothing of edits."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any, NamedTuple

from rewriter.records import dataclass
from rewriter.yamltext.nodes import Alias, Mapping, Node, Scalar, Sequence
from rewriter.yamltext.second_forms import indent, read

Path = tuple[str, ...]
"""The keys and indexes that lead to a node."""

_KEPT_LINES = 20
"""So many lines of a long run of comments and blanks at an end that two texts share are read all the same."""


class SecondParserError(Exception):
    """ruamel.yaml cannot read a text: one line that says why."""


class LocatedComment(NamedTuple):
    """A comment with its `#`, and the nodes that it stands at, outermost first.

    It stands above them where they begin together, beside them on the line on which they begin, between the key of one
    and its value (`before_value`), or at the foot of one collection, or of several that end at one column: those of a
    list whose dashes stand below its key end like the mapping around it. `closed` is the node that ends on its line,
    with all in it that begins there; None where none does. `behind` is the member or item whose lines a comment at the
    foot follows, indented deeper than these begin.
    """

    text: str
    paths: tuple[Path, ...]
    at_foot: bool = False
    closed: Path | None = None
    behind: Path | None = None
    before_value: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """The root node as ruamel.yaml composes it (None: an empty document), and the comments in order."""

    root: Any
    comments: list[LocatedComment]


def read_twice(old: str, new: str) -> tuple[Reading, Reading]:
    """Both texts, each of one document, read by the second parser. Raises SecondParserError."""
    old_lines, new_lines = old.split("\n"), new.split("\n")
    shared = 0
    for first, second in zip(reversed(old_lines), reversed(new_lines), strict=False):
        if first != second or (first.strip() and not first.startswith("#")):
            break
        shared += 1
    cut = max(0, shared - _KEPT_LINES)
    return _read(old_lines[: len(old_lines) - cut]), _read(new_lines[: len(new_lines) - cut])


def agrees(root: Any, node: Node | None) -> bool:
    """Whether the second parser's node holds what the first one's does: the same keys, items and texts of scalars."""
    if root is None or node is None:
        return root is None and node is None
    stack: list[tuple[Any, Node]] = [(root, node)]
    while stack:
        second, first = stack.pop()
        if isinstance(first, Alias):
            first = first.target
        kind = type(second).__name__
        if isinstance(first, Scalar):
            if kind != "ScalarNode" or _plain(second.value) != _plain(first.text):
                return False
        elif isinstance(first, Mapping):
            if kind != "MappingNode" or len(second.value) != len(first.items):
                return False
            for pair, item in zip(second.value, first.items, strict=True):
                stack += zip(pair, item, strict=True)
        else:
            assert isinstance(first, Sequence)
            if kind != "SequenceNode" or len(second.value) != len(first.items):
                return False
            stack += zip(second.value, first.items, strict=True)
    return True


def _plain(text: str) -> str:
    """A scalar's text without ruamel.yaml's marks of folded lines, surrogate pairs joined."""
    text = text.replace("\a", "")
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _read(lines: list[str]) -> Reading:
    from ruamel.yaml.error import YAMLError

    text = "\n".join(lines) + "\n"
    text = text.removeprefix("\ufeff")
    try:
        root, found, aliases, dashes = read(text)
    except (YAMLError, ValueError, AttributeError, RecursionError) as error:
        raise SecondParserError(" ".join(str(error).split())[:160]) from None
    if not found:
        return Reading(root, [])
    places = _NodeIndex(root, aliases, dashes)
    rows = text.split("\n")
    return Reading(root, [places.of(line, column, comment, rows[line]) for line, column, comment in found])


class _Start(NamedTuple):
    """Where a member's key or an item begins. `column` is that of its dash for an item of a block sequence."""

    line: int
    offset: int
    column: int
    path: Path


class _NodeIndex:
    """The nodes of a text by position, to find which one a comment stands at."""

    def __init__(self, root: Any, aliases: list[Any], dashes: list[tuple[int, int]]) -> None:
        self._dashes = dashes
        self._aliases = iter(aliases)
        self._seen: set[int] = set()
        self._starts: list[_Start] = []
        self._ends: list[tuple[int, int, Path]] = []
        self._flows: list[tuple[tuple[int, int], tuple[int, int], Path]] = []
        self._values: list[tuple[tuple[int, int], tuple[int, int], Path]] = []
        self._inner: dict[Path, int] = {}
        self._lowest = (-1, 0)
        if root is not None:
            begin = root.start_mark
            self._starts.append(_Start(begin.line, begin.column, begin.column, ()))
            self._visit(root, ())
        self._starts.sort(key=lambda start: (start.line, start.offset, len(start.path)))
        self._keys = [(start.line, start.offset) for start in self._starts]

    def of(self, line: int, column: int, text: str, row: str) -> LocatedComment:
        """The place of a comment; `row` is its line."""
        own_line = row.lstrip(" \t").startswith("#")
        following = bisect_left(self._keys, (line, column))
        if own_line:
            # One that follows a comment further to the left is no longer in what that one is outside of.
            above, lowest = self._lowest
            column = min(indent(row), lowest) if above == following else indent(row)
            self._lowest = (following, column)
        after = self._starts[following] if following < len(self._starts) else None
        if not own_line:
            first = bisect_left(self._keys, (line, 0))
            begun = tuple(start.path for start in self._starts[first:following])
            closed = [path for end_line, end, path in self._ends if end_line == line and end <= column]
            outer = min(closed, key=len, default=None)
            if outer is not None and any(path[: len(outer)] != outer for path in begun):
                outer = None
            if begun:
                return LocatedComment(text, begun, closed=outer)
            if outer is not None:
                return LocatedComment(text, (outer,), closed=outer)
        below_key = next((path for start, end, path in self._values if start < (line, column) < end), None)
        if below_key is not None:
            return LocatedComment(text, (below_key,), before_value=True)
        flow = self._flow_around((line, column))
        if flow is not None:
            inside = after is not None and after.path[: len(flow)] == flow
            return self._above(text, following) if inside else LocatedComment(text, (flow,), at_foot=True)
        if after is not None and (not own_line or column <= after.column or self._begun(after, (line, column))):
            return self._above(text, following)
        before = self._starts[following - 1].path if following else ()
        around = [before[:length] for length in range(len(before) + 1)]
        ended = [path for path in reversed(around) if path in self._inner and self._inner[path] <= column]
        if not ended:
            return LocatedComment(text, ((),), at_foot=True)
        deepest, begins = ended[0], self._inner[ended[0]]
        behind = before[: len(deepest) + 1] if begins < column else None
        alike = tuple(path for path in ended if self._inner[path] == begins)
        return LocatedComment(text, alike, at_foot=True, behind=behind)

    def _begun(self, start: _Start, position: tuple[int, int]) -> bool:
        """Whether the dash of an item stands before a position, and its content behind.

        A list that is itself an item begins with its own first dash.
        """
        index = bisect_left(self._dashes, (start.line, start.offset))
        while index > 0 and self._dashes[index - 1] > position:
            index -= 1
        return (
            index > 0
            and self._dashes[index - 1][1] == start.column
            and start.column < start.offset
            and self._last_start(position) <= self._dashes[index - 1]
        )

    def _last_start(self, position: tuple[int, int]) -> tuple[int, int]:
        index = bisect_left(self._keys, position)
        return self._keys[index - 1] if index else (-1, 0)

    def _above(self, text: str, following: int) -> LocatedComment:
        """Above all nodes that begin where the one at an index does."""
        end = following
        while end < len(self._starts) and self._keys[end] == self._keys[following]:
            end += 1
        return LocatedComment(text, tuple(start.path for start in self._starts[following:end]))

    def _flow_around(self, position: tuple[int, int]) -> Path | None:
        """The innermost flow collection that a position lies in."""
        found = [path for start, end, path in self._flows if start < position < end]
        return max(found, key=len) if found else None

    def _visit(self, root: Any, path: Path) -> None:
        self._seen.add(id(root))
        kind, start, end = type(root).__name__, root.start_mark, root.end_mark
        if kind == "ScalarNode":
            if root.style not in ("|", ">"):
                self._ends.append((end.line, end.column, path))
            return
        if root.flow_style:
            self._flows.append(((start.line, start.column), (end.line, end.column), path))
            self._ends.append((end.line, end.column, path))
        elif root.value:
            self._inner[path] = start.column if kind == "SequenceNode" else root.value[0][0].start_mark.column
        for index, item in enumerate(root.value):
            key, value = item if kind == "MappingNode" else (None, item)
            inner = (*path, str(index) if key is None else str(key.value))
            known = id(value) in self._seen
            mark = key.start_mark if key is not None else next(self._aliases, start) if known else value.start_mark
            if key is not None and known:
                next(self._aliases, None)
            dash = start.column if key is None and not root.flow_style else mark.column
            self._starts.append(_Start(mark.line, mark.column, dash, inner))
            if key is not None and not known and key.end_mark.line < value.start_mark.line and not _is_block(value):
                begin, end = key.end_mark, value.start_mark
                self._values.append(((begin.line, begin.column), (end.line, end.column), inner))
            if not known:
                self._visit(value, inner)


def _is_block(node: Any) -> bool:
    """Whether a node is a collection in block style, which begins where its first member does."""
    return type(node).__name__ != "ScalarNode" and not node.flow_style
