"""The nodes of a document: what they are and where they stand. Offsets are characters of the parsed text."""

from __future__ import annotations

from rewriter.records import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """Characters `start` up to, not including, `end`."""

    start: int
    end: int


class Node:
    """A node without its anchor and tag: `outer` is where these begin, `start` where the content does.

    A block collection ends with its last child, a block scalar before its trailing blank lines.
    """

    __slots__ = ("anchor", "end", "outer", "start", "tag")

    def __init__(self, start: int, end: int, anchor: str | None, tag: str | None, outer: int) -> None:
        self.start = start
        self.end = end
        self.anchor = anchor
        self.tag = tag
        self.outer = outer

    @property
    def span(self) -> Span:
        return Span(self.start, self.end)


class Scalar(Node):
    """`text` is the scalar's content, `style` None (plain), `'`, `"`, `|` or `>`."""

    __slots__ = ("style", "text")

    def __init__(
        self, text: str, style: str | None, start: int, end: int, anchor: str | None, tag: str | None, outer: int
    ) -> None:
        self.start = start
        self.end = end
        self.anchor = anchor
        self.tag = tag
        self.outer = outer
        self.text = text
        self.style = style


class Mapping(Node):
    """`items` are pairs of key node and value node, in order; `flow` for `{}` style."""

    __slots__ = ("flow", "items")

    def __init__(self, flow: bool, start: int, anchor: str | None, tag: str | None, outer: int) -> None:
        super().__init__(start, start, anchor, tag, outer)
        self.flow = flow
        self.items: list[tuple[Node, Node]] = []


class Sequence(Node):
    """`items` in order; `flow` for `[]` style."""

    __slots__ = ("flow", "items")

    def __init__(self, flow: bool, start: int, anchor: str | None, tag: str | None, outer: int) -> None:
        super().__init__(start, start, anchor, tag, outer)
        self.flow = flow
        self.items: list[Node] = []


class Alias(Node):
    """A reference to the node that carries the anchor `name`."""

    __slots__ = ("name", "target")

    def __init__(self, name: str, target: Node, start: int, end: int) -> None:
        super().__init__(start, end, None, None, start)
        self.name = name
        self.target = target
