"""A second reading of YAML that is written plainly: block style, one line a scalar or flow collection, no comments.

It shares no code with the first parser and knows nothing of edits. Reading such a text with ruamel.yaml takes fifty
times as long; what is written in any other way is left to that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_WORD = r"[A-Za-z0-9_./](?:[A-Za-z0-9_./@+=*()-]|:(?=[A-Za-z0-9_./]))*"
_QUOTED = r'"[^"\\]*"|\'[^\']*\''
_KEY = re.compile(rf"({_WORD}|{_QUOTED}):(?: +|$)")
_SCALAR = re.compile(rf"{_WORD}(?:,? {_WORD})*|{_QUOTED}")
_IN_FLOW = re.compile(rf"{_WORD}|{_QUOTED}")
_FLOW_KEY = re.compile(rf"({_WORD}|{_QUOTED}): *")
_SPACES = re.compile(r" *")
_DASH = re.compile(r"-(?: +|$)")
#: Every character but what begins a comment, an anchor, an alias, a tag, a block scalar or a directive.
_PLAIN = re.compile(r"[\n -~]*")
_MOST_OF_LINE = 1000

Line = tuple[int, str]
"""The column at which the content of a line begins, and the content."""


class ScalarNode:
    """A scalar by its text."""

    __slots__ = ("value",)

    def __init__(self, value: str) -> None:
        self.value = value


class SequenceNode:
    """A list of nodes."""

    __slots__ = ("value",)

    def __init__(self, value: list[Any]) -> None:
        self.value = value


class MappingNode:
    """Pairs of nodes, in order."""

    __slots__ = ("value",)

    def __init__(self, value: list[tuple[ScalarNode, Any]]) -> None:
        self.value = value


PlainNode = ScalarNode | SequenceNode | MappingNode


class _OtherwiseError(Exception):
    """The text is not written plainly."""


def read_plain(text: str) -> PlainNode | None:
    """The root of a text of one document; None where it is not written plainly, which says nothing of its validity."""
    if "#" in text or _PLAIN.fullmatch(text) is None:
        return None
    try:
        lines = list(_lines(text))
        return _Reader(lines).document() if lines else None
    except (_OtherwiseError, RecursionError):
        return None


def _lines(text: str) -> Iterator[Line]:
    for number, line in enumerate(text.split("\n")):
        content = line.lstrip(" ")
        if not content:
            if line:
                raise _OtherwiseError
            continue
        if line.startswith(("---", "...")):
            if number or line != "---":
                raise _OtherwiseError
            continue
        if line.endswith(" ") or len(line) > _MOST_OF_LINE:
            raise _OtherwiseError
        yield len(line) - len(content), content


class _Reader:
    """Reads lines one after another."""

    def __init__(self, lines: list[Line]) -> None:
        self._lines = lines
        self._next = 0

    def document(self) -> PlainNode:
        root = self._block(self._lines[0][0])
        if self._next < len(self._lines):
            raise _OtherwiseError
        return root

    def _column(self) -> int:
        """Where the next line begins; -1 at the end."""
        return self._lines[self._next][0] if self._next < len(self._lines) else -1

    def _at_dash(self) -> bool:
        return self._next < len(self._lines) and _DASH.match(self._lines[self._next][1]) is not None

    def _block(self, column: int) -> PlainNode:
        """The collection that begins with the next line."""
        if self._column() != column:
            raise _OtherwiseError
        return self._sequence(column) if self._at_dash() else self._mapping(column)

    def _sequence(self, column: int) -> SequenceNode:
        items: list[Any] = []
        while self._column() == column and self._at_dash():
            content = self._lines[self._next][1]
            dash = _DASH.match(content)
            assert dash is not None
            rest = content[dash.end() :]
            inner = column + dash.end()
            if not rest:
                self._next += 1
                items.append(self._block(self._column()) if self._column() > column else ScalarNode(""))
            elif _DASH.match(rest) or _KEY.match(rest):
                self._lines[self._next] = (inner, rest)
                items.append(self._block(inner))
            else:
                self._next += 1
                items.append(_value(rest))
                if self._column() > column:
                    raise _OtherwiseError
        if self._column() > column:
            raise _OtherwiseError
        return SequenceNode(items)

    def _mapping(self, column: int) -> MappingNode:
        pairs: list[tuple[ScalarNode, Any]] = []
        names: set[str] = set()
        while self._column() == column:
            content = self._lines[self._next][1]
            found = _KEY.match(content)
            if found is None or self._at_dash():
                raise _OtherwiseError
            key = _scalar(found[1])
            rest = content[found.end() :]
            self._next += 1
            value: PlainNode
            if rest:
                value = _value(rest)
                if self._column() > column:
                    raise _OtherwiseError
            elif self._column() > column:
                value = self._block(self._column())
            elif self._column() == column and self._at_dash():
                value = self._sequence(column)
            else:
                value = ScalarNode("")
            if key.value in names:
                raise _OtherwiseError
            names.add(key.value)
            pairs.append((key, value))
        if self._column() > column:
            raise _OtherwiseError
        return MappingNode(pairs)


def _scalar(written: str) -> ScalarNode:
    return ScalarNode(written[1:-1] if written[0] in "\"'" else written)


def _value(written: str) -> PlainNode:
    """A scalar or a flow collection that takes up the rest of a line."""
    if written[0] not in "[{":
        if _SCALAR.fullmatch(written) is None:
            raise _OtherwiseError
        return _scalar(written)
    node, end = _flow(written, 0)
    if end != len(written):
        raise _OtherwiseError
    return node


def _flow(text: str, at: int) -> tuple[PlainNode, int]:
    """The node that begins at a position of a flow collection, and where it ends."""
    opening = text[at : at + 1]
    if opening not in ("[", "{"):
        found = _IN_FLOW.match(text, at)
        if found is None:
            raise _OtherwiseError
        return _scalar(found[0]), found.end()
    items: list[Any] = []
    names: set[str] = set()
    closing = "]" if opening == "[" else "}"
    at = _skip(text, at + 1)
    while text[at : at + 1] != closing:
        key = None
        if opening == "{":
            named = _FLOW_KEY.match(text, at)
            if named is None or named[1] in names:
                raise _OtherwiseError
            names.add(named[1])
            key, at = _scalar(named[1]), named.end()
        node, at = _flow(text, at)
        items.append(node if key is None else (key, node))
        at = _skip(text, at)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
            if text[at : at + 1] in (closing, ","):
                raise _OtherwiseError
        elif text[at : at + 1] != closing:
            raise _OtherwiseError
    return (SequenceNode(items) if opening == "[" else MappingNode(items)), at + 1


def _skip(text: str, at: int) -> int:
    found = _SPACES.match(text, at)
    return found.end() if found else at
