"""The comments of nodes that go: they move to what the same edit adds, or to the collection that held the node."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Mapping as AnyMapping
from collections.abc import Sequence as List
from dataclasses import field
from functools import partial

from rewriter.records import dataclass
from rewriter.yamltext.alike import described_line, words_of
from rewriter.yamltext.dashes import dash_of
from rewriter.yamltext.document import Document, child, is_index, tokens
from rewriter.yamltext.gaps import Comment, scalars
from rewriter.yamltext.lines import begins_line, column, indentation, line_end, line_start, next_line
from rewriter.yamltext.nodes import Mapping, Node, Sequence
from rewriter.yamltext.splice import Splice, spliced

_GAP = "  "


@dataclass(slots=True)
class _Orphan:
    """A comment that lost its node.

    `order` is where it stood, `node` where that began, `holder` the path of the collection around it, `words` those of
    the line that it describes; `alone` says that it stood above that line, `gap` is the blanks before it otherwise.
    """

    text: str
    gap: str
    order: int
    node: int
    path: list[str]
    holder: list[str]
    beside: bool
    alone: bool
    words: str


@dataclass(slots=True)
class Orphans:
    """Collects comments that lose their nodes, and follows where the nodes that the edit adds come to stand."""

    _lost: list[_Orphan] = field(default_factory=list)
    _added: list[list[str]] = field(default_factory=list)

    def added(self, path: str, *, in_list: int | None = None) -> None:
        """Notes a node added at a path; `in_list` is its index where it pushes others back."""
        steps = tokens(path)
        if in_list is not None:
            steps = [*steps[:-1], str(in_list)]
            self._shift(steps, 1)
        self._added.append(steps)

    def replaced(self, path: str) -> None:
        """Notes that a place got another value: what was added inside of the old one is gone."""
        steps = tokens(path)
        self._added = [added for added in self._added if len(added) <= len(steps) or added[: len(steps)] != steps]

    def removed(self, path: str, text: str, comments: Iterable[Comment], start: int, *, in_list: bool) -> None:
        """Notes a node removed from a text, with comments that go with it; those before `start` stood above it."""
        steps = tokens(path)
        self._added = [added for added in self._added if added[: len(steps)] != steps]
        for orphan in self._lost:
            if orphan.holder[: len(steps)] == steps:
                orphan.holder = steps[:-1]
        self._lost += [
            _Orphan(
                comment.text,
                _gap_before(text, comment.span.start),
                comment.span.start,
                start,
                list(steps),
                steps[:-1],
                comment.span.start > start,
                begins_line(text, comment.span.start),
                described_line(text, comment),
            )
            for comment in comments
        ]
        if in_list:
            self._shift(steps, -1)

    def _shift(self, steps: list[str], by: int) -> None:
        """Follows the items of a list behind an index that comes or goes."""
        depth, index = len(steps) - 1, int(steps[-1])
        paths = [*self._added, *(orphan.holder for orphan in self._lost)]
        for path in paths:
            if path[:depth] == steps[:-1] and len(path) > depth and is_index(path[depth]) and int(path[depth]) >= index:
                path[depth] = str(int(path[depth]) + by)

    def __bool__(self) -> bool:
        return bool(self._lost)

    def settled(self, document: Document, newline: str) -> str:
        """The document's text with the comments at what was added nearest to where they stood."""
        groups: dict[tuple[str, ...], list[_Orphan]] = {}
        begins = {tuple(path): _begin(document, path)[0] for path in self._added}
        splices: list[Splice] = []
        ends: set[int] = set()
        for orphan in sorted(self._lost, key=lambda orphan: orphan.order):
            near = sorted(self._added, key=partial(_distance, orphan, begins))
            line = _same_line(document, near, orphan, ends)
            if line is None:
                groups.setdefault(tuple(near[0] if near else orphan.holder), []).append(orphan)
            elif orphan.alone:
                splices.append(_above_line(document.text, line, [orphan], newline))
            else:
                end = line_end(document.text, line)
                ends.add(end)
                splices.append(Splice(end, end, orphan.gap + orphan.text))
        added = {tuple(path) for path in self._added}
        for target, group in groups.items():
            if target in added:
                splices += _placed(document, list(target), group, newline, ends)
            else:
                splices.append(_held(document, list(target), group, newline))
        return spliced(document.text, _joined(splices))


def _gap_before(text: str, offset: int) -> str:
    """The blanks between a comment and what stands before it on its line; two where it has the line to itself."""
    before = text[line_start(text, offset) : offset]
    return before[len(before.rstrip(" \t")) :] if before.strip() else _GAP


def _distance(orphan: _Orphan, begins: AnyMapping[tuple[str, ...], int], path: list[str]) -> tuple[int, int]:
    """How far an added node is from where a comment stood: in the tree, then in the text."""
    return -_shared(path, orphan.path), abs(begins[tuple(path)] - orphan.node)


def _shared(first: List[str], second: List[str]) -> int:
    length = 0
    while length < min(len(first), len(second)) and first[length] == second[length]:
        length += 1
    return length


def _joined(splices: list[Splice]) -> list[Splice]:
    """Insertions at one place as one, in order."""
    found: dict[int, str] = {}
    for splice in splices:
        found[splice.start] = found.get(splice.start, "") + splice.text
    return [Splice(start, start, text) for start, text in found.items()]


def _placed(
    document: Document, target: list[str], group: list[_Orphan], newline: str, ends: set[int]
) -> Iterator[Splice]:
    """The comments of a group at what was added: one beside its first value where it stood so, the others above.

    `ends` are the ends of lines that have got a comment, and gets this one.
    """
    text = document.text
    start, node = _begin(document, target)
    beside = _beside(document, start, node) if node is not None else None
    rest = list(group)
    alone = next((orphan for orphan in group if orphan.beside), None)
    if beside is not None and beside not in ends and alone is not None:
        rest.remove(alone)
        ends.add(beside)
        # Many blanks lined it up with comments of its old neighbours.
        yield Splice(beside, beside, (alone.gap if len(alone.gap) == 1 else _GAP) + alone.text)
    if rest:
        yield _above_line(text, start, rest, newline)


def _held(document: Document, target: list[str], group: list[_Orphan], newline: str) -> Splice:
    """The comments of a group at the collection that held their nodes: above its line, where it or its key begins one.

    Those of a collection that begins behind `}, ` stand at its foot.
    """
    text = document.text
    start, found, node = _way(document, target)
    own_line = found is node or node is None or line_start(text, start) == line_start(text, node.start)
    if not own_line and isinstance(node, Mapping | Sequence) and node.flow and node.items:
        last = node.items[-1]
        member = last[0].outer if isinstance(last, tuple) else last.outer
        if begins_line(text, member) and begins_line(text, node.end - 1):
            pad, at = text[line_start(text, member) : member], line_start(text, node.end - 1)
            return Splice(at, at, "".join(pad + orphan.text + newline for orphan in group))
    return _above_line(text, start, group, newline)


def _above_line(text: str, offset: int, orphans: Iterable[_Orphan], newline: str) -> Splice:
    at = line_start(text, offset)
    pad = text[at : at + indentation(text, offset)]
    return Splice(at, at, "".join(pad + orphan.text + newline for orphan in orphans))


def _same_line(document: Document, paths: Iterable[list[str]], orphan: _Orphan, ends: set[int]) -> int | None:
    """The line of added nodes with the text that the line of a comment had; None without one, or where it is taken."""
    text = document.text
    # The line of a key without a value of its own is like many others: only the nearest counts.
    for path in [*paths][: 1 if orphan.words.endswith(":") else None] if orphan.words else ():
        position, node = _begin(document, path)
        while node is not None and position < node.end:
            start, end = line_start(text, position), line_end(text, position)
            if words_of(text[start:end]) == orphan.words and (orphan.alone or not _has_comment(document, start, ends)):
                return start
            position = next_line(text, position)
    return None


def _has_comment(document: Document, start: int, ends: set[int]) -> bool:
    end = line_end(document.text, start)
    return end in ends or any(start <= comment.span.start < end for comment in document.comments)


def _begin(document: Document, steps: list[str]) -> tuple[int, Node | None]:
    """Where the nearest node on the way to a target begins a line, dashes counted, and the target if that is it."""
    best, found, node = _way(document, steps)
    inner = node
    while isinstance(inner, Mapping | Sequence) and inner.items and found is not node:
        first = inner.items[0]
        key, inner = first if isinstance(first, tuple) else (first, first)
        if inner is not None and _first_on_line(document.text, key.outer):  # The target begins behind `}, `.
            best, found = key.outer, node
    return best, found if found is node else None


def _way(document: Document, steps: list[str]) -> tuple[int, Node | None, Node | None]:
    """The last node on the way to a target that begins a line, after the offset where it does; then the target."""
    text, node = document.text, document.root
    if node is None:
        return document.span.start, None, None
    best, found = node.outer, node
    for step in steps:
        below = child(node, step) if node is not None else None
        if below is None or not isinstance(node, Mapping | Sequence):
            break
        key, value = below
        start = key.outer if key is not None else value.outer
        if isinstance(node, Sequence) and not node.flow:
            start = dash_of(text, node, int(step))
        node = value
        if _first_on_line(text, start):
            best, found = start, value
    return best, found, node


def _first_on_line(text: str, offset: int) -> bool:
    return not text[line_start(text, offset) : offset].strip(" \t-")


def _beside(document: Document, start: int, node: Node) -> int | None:
    """The end of the line of the first value of a node; None where that line has a comment, or is not its own."""
    text = document.text
    leaf = next((scalar for scalar in scalars(_first_value(node)) if scalar.start < scalar.end), None)
    if leaf is None or leaf.style in ("|", ">") or not _first_on_line(text, start):
        return None
    end = line_end(text, leaf.end)
    taken = any(leaf.end <= comment.span.start < end for comment in document.comments)
    return None if taken else end


def _first_value(node: Node) -> Node:
    while isinstance(node, Mapping | Sequence) and node.items:
        first = node.items[0]
        node = first[1] if isinstance(first, tuple) else first
    return node


def lines_of_item(text: str, start: int, end: int, node: Node, comments: List[Comment]) -> tuple[int, int]:
    """The lines, as offsets, of an item or member from `start` to `end` with the comments that go with it.

    Above it, comment lines count that are not indented deeper, and those below one of them; at the foot of a
    collection those that are.
    """
    at = column(text, start)
    lines = comment_lines(text, comments)
    first = position = line_start(text, start)
    while position > 0:
        above = line_start(text, position - 1)
        if above == position or above not in lines:
            break
        position = above
        if lines[above] <= at:
            first = above
    nested = isinstance(node, Mapping | Sequence) and not node.flow and bool(node.items)
    last = foot_of(text, end, max(at, column(text, node.start) - 1), lines) if nested else next_line(text, end)
    return first, last


def foot_of(text: str, end: int, at: int, lines: AnyMapping[int, int]) -> int:
    """The offset behind the line of `end` and the comment lines below it that are indented deeper than `at`."""
    last = position = next_line(text, end)
    while position < len(text):
        following = next_line(text, position)
        if lines.get(position, -1) > at:
            last = following
        elif text[position:following].strip():
            break
        position = following
    return last


def comment_lines(text: str, comments: Iterable[Comment]) -> dict[int, int]:
    """The offsets of lines that hold a comment and nothing else, each with the comment's column."""
    return {
        line_start(text, comment.span.start): column(text, comment.span.start)
        for comment in comments
        if begins_line(text, comment.span.start)
    }
