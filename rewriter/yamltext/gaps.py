"""What stands between the scalars of a document: its comments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rewriter import patterns as re
from rewriter.records import dataclass
from rewriter.yamltext.nodes import Mapping, Node, Scalar, Sequence, Span

_COMMENT = re.compile(r"(?:^|(?<=[ \t\r\n\ufeff]))#[^\n\r\u0085\u2028\u2029]*")


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment: its characters with the `#`, without the line's end."""

    span: Span
    text: str


def comments_up_to(text: str, position: int, root: Node | None, found: list[Comment]) -> int:
    """Takes the comments from a position to the last scalar below a node; returns where that ends."""
    for scalar in scalars(root):
        if text.find("#", position, scalar.start) >= 0:
            comments_between(text, position, scalar.start, found)
        position = scalar.end
        if scalar.style in ("|", ">"):
            header = text.find("\n", scalar.start, scalar.end)
            comments_between(text, scalar.start, scalar.end if header < 0 else header, found)
    return position


def comments_between(text: str, start: int, end: int, found: list[Comment]) -> None:
    """Takes the comments of a stretch of text that holds no scalar."""
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
                stack += (value, key)
        elif isinstance(node, Sequence):
            stack += reversed(node.items)


def comments_inside(comments: Iterable[Comment], start: int, end: int) -> list[Comment]:
    """The comments that begin in a part of the text."""
    return [comment for comment in comments if start <= comment.span.start < end]
