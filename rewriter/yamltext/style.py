"""A document's own way of writing, so that what is added looks as if it had always been there."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rewriter.yamltext.nodes import Mapping, Node, Scalar, Sequence
from rewriter.yamltext.scalars import resolve

#: What tells KYAML from other flow style where no string does.
_TRAILING_COMMA = re.compile(r",[ \t]*\r?\n[ \t]*[\]}]")


@dataclass(frozen=True, slots=True)
class Style:
    """`step`: columns from a key to its nested keys; `dash`: from a key to the dashes of its list (0 or more);
    `gap`: from a dash to its content. `json`: everything quoted, flow only. `quoted`: every string quoted, keys plain
    (KYAML). `tabs`: indented with tabs, each of them one column, as only flow style can be. `inline`: short
    containers on one line. `hug`: brackets of nested containers share a line (`[{`).
    """

    newline: str = "\n"
    step: int = 2
    dash: int = 2
    gap: int = 2
    quote: str = '"'
    json: bool = False
    quoted: bool = False
    tabs: bool = False
    inline: bool = False
    hug: bool = False
    flow_lists: bool = False
    separator: str = ": "
    comma: str = ", "
    brace: str = ""


def style_near(text: str, root: Node | None, position: int) -> Style:
    """The style of the constructs nearest to a position of a document; usual values where it has none."""
    found = _Survey(text, position)
    if root is not None:
        found.visit(root)
    json = isinstance(root, Mapping | Sequence) and root.flow and _is_json(root)
    kyaml = isinstance(root, Mapping) and root.flow and not json
    newline = "\r\n" if "\r\n" in text else "\n"
    dash = found.best("dash", 0 if json else 2)
    tabs = isinstance(root, Mapping | Sequence) and root.flow and "\n\t" in text
    step = found.best("step", 1 if tabs else 2)
    return Style(
        newline=newline,
        step=step or 2,
        dash=dash,
        gap=found.best("gap", 2),
        quote="'" if found.best("single", 0) else '"',
        json=json,
        quoted=kyaml and bool(found.best("quoted", _TRAILING_COMMA.search(text) is not None)),
        hug=bool(found.best("hug", 0)),
        tabs=tabs,
        inline=bool(found.best("inline", 0 if json else 1)),
        flow_lists=found.best("flow list", 0) == 1,
        separator=":" if json and found.best("tight", 0) else ": ",
        comma="," if json and found.best("tight", 0) else ", ",
        brace=" " if found.best("brace", 0) else "",
    )


class _Survey:
    """Collects each kind of habit with its distance from a position; the nearest one wins."""

    def __init__(self, text: str, position: int) -> None:
        self._text = text
        self._position = position
        self._nearest: dict[str, tuple[int, int]] = {}

    def best(self, name: str, default: int) -> int:
        return self._nearest[name][1] if name in self._nearest else default

    def _saw(self, name: str, at: int, value: int) -> None:
        distance = abs(at - self._position)
        if name not in self._nearest or distance < self._nearest[name][0]:
            self._nearest[name] = (distance, value)

    def _column(self, offset: int) -> int:
        return offset - self._text.rfind("\n", 0, offset) - 1

    def visit(self, root: Node) -> None:
        stack = [root]
        while stack:
            node = stack.pop()
            if isinstance(node, Scalar):
                if node.style in ("'", '"'):
                    self._saw("single", node.start, node.style == "'")
            elif isinstance(node, Mapping):
                self._mapping(node)
                for key, value in node.items:
                    stack += [key, value]
            elif isinstance(node, Sequence):
                self._sequence(node)
                stack += node.items

    def _mapping(self, node: Mapping) -> None:
        if node.flow:
            self._flow(node, len(node.items))
            for key, value in node.items:
                self._saw("tight", key.start, self._text[key.end : value.start] == ":")
                if isinstance(value, Scalar) and isinstance(resolve(value.text), str):
                    self._saw("quoted", value.start, value.style == '"')
            return
        for key, value in node.items:
            if isinstance(value, Mapping) and not value.flow and value.items:
                self._saw("step", value.start, self._column(value.start) - self._column(key.start))
            elif isinstance(value, Sequence) and value.items and not value.flow:
                self._saw("dash", value.start, self._column(value.start) - self._column(key.start))

    def _sequence(self, node: Sequence) -> None:
        if all(isinstance(item, Scalar) for item in node.items) and node.items:
            self._saw("flow list", node.start, node.flow)
        if node.flow:
            self._flow(node, len(node.items))
            return
        for item in node.items:
            if isinstance(item, Mapping) and not item.flow and item.items:
                dash = self._text.rfind("-", 0, item.start)
                if "\n" not in self._text[dash : item.start]:
                    self._saw("gap", item.start, item.start - dash)

    def _flow(self, node: Mapping | Sequence, count: int) -> None:
        if not count:
            return
        inner = self._text[node.start + 1 : node.end - 1]
        if "\n" in inner:
            if _only_scalars(node):
                self._saw("inline", node.start, 0)
            line_start = self._text.rfind("\n", 0, node.start) + 1
            own = line_start
            while self._text[own : own + 1] in (" ", "\t"):
                own += 1
            own -= line_start
            first = node.items[0]
            start = first[0].start if isinstance(first, tuple) else first.start
            if isinstance(node, Sequence) and not _only_scalars(node):
                self._saw("hug", node.start, start == node.start + 1)
            if self._text[node.start + 1 : start].count("\n"):
                self._saw("step", node.start, self._column(start) - own)
        else:
            self._saw("inline", node.start, 1)
            self._saw("brace", node.start, inner.startswith(" ") and isinstance(node, Mapping))


def _only_scalars(node: Mapping | Sequence) -> bool:
    children = [item[1] for item in node.items] if isinstance(node, Mapping) else node.items
    return all(isinstance(child, Scalar) for child in children)


def _is_json(root: Node) -> bool:
    """Whether a flow document is JSON: every key and string in double quotes."""
    stack: list[Node] = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, Mapping):
            if not node.flow or not all(isinstance(key, Scalar) and key.style == '"' for key, _ in node.items):
                return False
            stack += [value for _, value in node.items]
        elif isinstance(node, Sequence):
            if not node.flow:
                return False
            stack += node.items
    return True
