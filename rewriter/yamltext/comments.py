"""The comments of a text: found in the gaps between scalars, so never inside one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rewriter.yamltext.document import Document
from rewriter.yamltext.nodes import Mapping, Node, Scalar, Sequence, Span
from rewriter.yamltext.parse import parse

_COMMENT = re.compile(r"(?:^|(?<=[ \t\r\n\ufeff]))#[^\n\r\u0085\u2028\u2029]*")


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment: its characters with the `#`, without the line's end."""

    span: Span
    text: str


def comments(text: str) -> list[Comment]:
    """Every comment of a text that parses, in order. Raises YamlTextError as `parse` does."""
    if "#" not in text:
        return []
    found: list[Comment] = []
    position = 0
    for document in parse(text):
        position = _collect(text, position, document.root, found)
    _gap(text, position, len(text), found)
    return found


def comments_of(document: Document) -> list[Comment]:
    """The comments of one document, in order; their spans are those of its file's text."""
    span = document.span
    if document.text.find("#", span.start, span.end) < 0:
        return []
    found: list[Comment] = []
    position = _collect(document.text, span.start, document.root, found)
    _gap(document.text, position, span.end, found)
    return found


def _collect(text: str, position: int, root: Node | None, found: list[Comment]) -> int:
    """Takes the comments from a position to the last scalar below a node; returns where that ends."""
    for scalar in scalars(root):
        if text.find("#", position, scalar.start) >= 0:
            _gap(text, position, scalar.start, found)
        position = scalar.end
        if scalar.style in ("|", ">"):
            header = text.find("\n", scalar.start, scalar.end)
            _gap(text, scalar.start, scalar.end if header < 0 else header, found)
    return position


def _gap(text: str, start: int, end: int, found: list[Comment]) -> None:
    for match in _COMMENT.finditer(text, start, end):
        comment = match[0].rstrip()
        found.append(Comment(Span(match.start(), match.start() + len(comment)), comment))


def scalars(root: Node | None) -> Iterator[Scalar]:
    """The scalars below a node in text order, keys included."""
    stack: list[Node] = [root] if root is not None else []
    while stack:
        node = stack.pop()
        if isinstance(node, Scalar):
            yield node
        elif isinstance(node, Mapping):
            for key, value in reversed(node.items):
                stack += [value, key]
        elif isinstance(node, Sequence):
            stack += reversed(node.items)
