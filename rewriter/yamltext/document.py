"""A parsed document: its plain value, and where each part of it stands in the text."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable
from functools import cached_property
from operator import is_
from sys import intern
from typing import Any

from rewriter.records import dataclass
from rewriter.yamltext.gaps import Comment, comments_between, comments_up_to
from rewriter.yamltext.nodes import Alias, Mapping, Node, Scalar, Sequence, Span
from rewriter.yamltext.scalars import Plain, key_text, resolve, tagged
from rewriter.yamltext.style import Habits

_MERGE = "<<"

#: No list has that many items, and Python refuses to read numbers of some thousands of digits.
_LONGEST_INDEX = 18


class LineIndex:
    """Offsets to 1-based lines and columns; computed once a text, on the first question."""

    __slots__ = ("_starts", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts: list[int] | None = None

    def let_go(self) -> None:
        """Forgets where lines begin, until the next question."""
        self._starts = None

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of a character; a BOM does not count as a column."""
        if self._starts is None:
            starts = [1 if self._text.startswith("\ufeff") else 0]
            position = self._text.find("\n")
            while position >= 0:
                starts.append(position + 1)
                position = self._text.find("\n", position + 1)
            self._starts = starts
        line = bisect_right(self._starts, offset)
        return max(line, 1), max(offset - self._starts[max(line, 1) - 1], 0) + 1


@dataclass(frozen=True, slots=True)
class TextRange:
    """1-based lines and columns; the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


class Document:
    """One document of a text. `span` runs from behind its `---` to the next marker or the end of the text."""

    def __init__(self, text: str, index: int, span: Span, root: Node | None, lines: LineIndex) -> None:
        self.text = text
        self.index = index
        self.span = span
        self.lines = lines
        self._root = root
        self._again: Callable[[], Node | None] | None = None
        self._of: Document | None = None
        self._start: int | None = None
        self._starts: dict[str, int] | None = None

    @property
    def root(self) -> Node | None:
        """The node of the whole document; None where it is empty."""
        if self._again is not None:
            self.regain(self._again())
        elif self._root is None and self._of is not None:
            self._root = self._of.root
        return self._root

    @cached_property
    def value(self) -> Any:
        """Plain Python: dict, list, str, int, float, bool, None; aliases expanded, merge keys applied."""
        if self._of is not None:
            return self._of.value
        return None if self.root is None else plain(self.root)

    def view(self) -> Document:
        """The same document, which has the nodes from the time on that it is asked for them."""
        made = Document(self.text, self.index, self.span, None, self.lines)
        made._of = self
        return made

    def let_go(self, again: Callable[[], Node | None]) -> None:
        """Keeps the value, the line that it begins on and the comments; `again` makes the nodes for who needs them."""
        _ = self.value, self.line_of(""), self.comments
        for made_of_nodes in ("habits", "aliases"):
            self.__dict__.pop(made_of_nodes, None)
        self.lines.let_go()
        self._root, self._again = None, again

    def regain(self, root: Node | None) -> None:
        """Has nodes again."""
        self._root, self._again = root, None

    def line_of(self, pointer: str) -> int:
        """The line on which the value at a JSON Pointer begins, as `locate` has it."""
        if self._of is not None and (not pointer or self._root is None):
            return self._of.line_of(pointer)
        if not pointer:  # Asked of every document.
            if self._start is None:
                self._start = locate(self, pointer).line
            return self._start
        if self._starts is None:
            self._starts = {}
        line = self._starts.get(pointer)
        if line is None:
            line = self._starts[pointer] = locate(self, pointer).line
        return line

    def keep_parts(self, value: Any) -> None:
        """Lets the document's value have the very parts of another one, wherever both hold the same.

        What is remembered of these parts by identity then holds for the document too. Both must not change any more.
        """
        self.__dict__["value"] = with_parts(value, self.value)

    @cached_property
    def comments(self) -> list[Comment]:
        """The comments, in order; their spans are those of the file's text."""
        if self._of is not None:
            return self._of.comments
        found: list[Comment] = []
        if self.text.find("#", self.span.start, self.span.end) >= 0:
            position = comments_up_to(self.text, self.span.start, self.root, found)
            comments_between(self.text, position, self.span.end, found)
        return found

    @cached_property
    def habits(self) -> Habits:
        """How the document is written; for one that is alone in its text."""
        return Habits(self.text, self.root)

    @cached_property
    def aliases(self) -> frozenset[str]:
        """The anchors that some alias of the document refers to."""
        if self.text.find("*", self.span.start, self.span.end) < 0:
            return frozenset()
        names = set()
        stack: list[Node] = [self.root] if self.root is not None else []
        while stack:
            node = stack.pop()
            if isinstance(node, Alias):
                names.add(node.name)
            else:
                stack += children(node)
        return frozenset(names)


def children(node: Node) -> list[Node]:
    """Keys, values and items right below a node."""
    if isinstance(node, Mapping):
        return [child for pair in node.items for child in pair]
    return list(node.items) if isinstance(node, Sequence) else []


def plain(node: Node) -> Any:
    """The plain value of a node as Kubernetes reads it."""
    if isinstance(node, Scalar):
        if node.tag is not None:
            return tagged(node.tag, node.text) if node.tag != "!" else node.text
        # Manifests say the same words again and again: one object for each.
        return intern(node.text) if node.style is not None else _once(resolve(node.text))
    if isinstance(node, Mapping):
        result: dict[str, Any] = {}
        merged: list[Any] = []
        for key, value in node.items:
            # Nearly every key is a plain word, which is its own name.
            if type(key) is Scalar and key.tag is None and key.style is None:
                resolved = resolve(key.text)
                name = resolved if type(resolved) is str else key_text(resolved)
            else:
                name = key_of(key)
            if name == _MERGE and isinstance(key, Scalar) and key.style is None:
                inner = plain(value)
                merged += inner if isinstance(inner, list) else [inner]
            else:
                result[name] = plain(value)
        for base in merged:
            if isinstance(base, dict):
                for name, value in base.items():
                    result.setdefault(name, value)
        return result
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    assert isinstance(node, Alias)
    return plain(node.target)


def _once(value: Plain) -> Plain:
    return intern(value) if type(value) is str else value


def with_parts(old: Any, new: Any) -> Any:
    """The new value, with the parts of the old one that hold the same in the same order; `new` itself is used up."""
    if old is new:
        return old
    if type(old) is not type(new):
        return new
    if isinstance(new, dict):
        for key, part in new.items():
            if key in old:
                new[key] = with_parts(old[key], part)
        same = list(old) == list(new) and all(part is old[key] for key, part in new.items())
        return old if same else new
    if isinstance(new, list):
        new[: len(old)] = map(with_parts, old, new)
        return old if len(old) == len(new) and all(map(is_, old, new)) else new
    return old if old == new and not isinstance(new, float) else new


def equal(left: Any, right: Any) -> bool:
    """Whether two plain values are the same, members in any order; true is not 1."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


def key_of(key: Node) -> str:
    """A key as JSON writes it; a complex key as the text of its value."""
    value = plain(key)
    return value if isinstance(value, str) else key_text(value) if not isinstance(value, dict | list) else repr(value)


def unescape(token: str) -> str:
    return token.replace("~1", "/").replace("~0", "~")


def tokens(pointer: str) -> list[str]:
    """The tokens of a JSON Pointer (RFC 6901); the empty pointer has none."""
    return [unescape(token) for token in pointer.split("/")[1:]]


def is_index(token: str) -> bool:
    """Whether a token of a pointer is the position of an item: ASCII digits alone, unlike `str.isdigit`."""
    return token.isascii() and token.isdigit() and len(token) < _LONGEST_INDEX


def child(node: Node, token: str) -> tuple[Node | None, Node] | None:
    """Key node (None in a sequence) and value node below a container; None when there is no such child."""
    if isinstance(node, Alias):
        node = node.target
    if isinstance(node, Mapping):
        for key, value in node.items:
            if isinstance(key, Scalar) and (key.text == token or key_of(key) == token):
                return key, value
        for key, value in node.items:
            if isinstance(key, Scalar) and key.text == _MERGE and key.style is None:
                bases = value.items if isinstance(value, Sequence) else [value]
                for base in bases:
                    found = child(base, token)
                    if found is not None:
                        return found
        return None
    if isinstance(node, Sequence) and is_index(token) and int(token) < len(node.items):
        return None, node.items[int(token)]
    return None


def node_at(document: Document, pointer: str) -> Node | None:
    """The node at a JSON Pointer, through aliases and merge keys; None when there is none."""
    node = document.root
    for token in tokens(pointer):
        found = child(node, token) if node is not None else None
        if found is None:
            return None
        node = found[1]
    return node


def locate(document: Document, pointer: str) -> TextRange:
    """Where the value at a pointer stands; where it is missing, its nearest ancestor.

    What an alias or a merge key shows is where it is shown, not where its anchor is.
    """
    return _range_of(document, _walk(document, pointer)[1])


def locate_key(document: Document, pointer: str) -> TextRange:
    """Where the key of the member at a pointer stands; the value's place for an item of a sequence."""
    key, node = _walk(document, pointer)
    return _range_of(document, key or node)


def _walk(document: Document, pointer: str) -> tuple[Node | None, Node | None]:
    key: Node | None = None
    node = document.root
    for token in tokens(pointer):
        found = child(node, token) if node is not None and not isinstance(node, Alias) else None
        if node is None or found is None or not node.start <= found[1].start <= node.end:
            break
        key, node = found
    return key, node


def _range_of(document: Document, node: Node | None) -> TextRange:
    start, end = (node.start, node.end) if node is not None else (document.span.start, document.span.start)
    return TextRange(*document.lines.place(start), *document.lines.place(end))
