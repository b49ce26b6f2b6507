"""A document's own way of writing, so that what is added looks as if it had always been there."""

from __future__ import annotations

from bisect import bisect_left

from rewriter import patterns as re
from rewriter.records import dataclass
from rewriter.yamltext.nodes import Mapping, Node, Scalar, Sequence
from rewriter.yamltext.scalars import resolve

#: What distinguishes KYAML from other flow style where no string does.
_TRAILING_COMMA = re.compile(r",[ \t]*\r?\n[ \t]*[\]}]")


@dataclass(frozen=True, slots=True)
class Style:
    """`step`: columns from a key to its nested keys; `dash`: from a key to the dashes of its list (0 or more);
    `gap`: from a dash to its content. `json`: everything quoted, flow only. `quoted`: every string quoted, keys plain
    (KYAML). `tabs`: indented with tabs, each of them one column, as only flow style can be. `inline`: short
    containers on one line. `hug`: brackets of nested containers share a line (`[{`).
    """

    newline: str
    step: int
    dash: int
    gap: int
    quote: str
    json: bool
    quoted: bool
    tabs: bool
    inline: bool
    hug: bool
    flow_lists: bool
    separator: str
    comma: str
    brace: str


class Habits:
    """How a document writes each kind of construct, and where; asked for the style near a position."""

    __slots__ = ("_best", "_json", "_kyaml", "_newline", "_tabs", "_trailing")

    def __init__(self, text: str, root: Node | None) -> None:
        found = _Survey(text)
        if root is not None:
            found.visit(root)
        self._best = found.habits()
        flow = isinstance(root, Mapping | Sequence) and root.flow
        self._json = flow and root is not None and _is_json(root)
        self._kyaml = isinstance(root, Mapping) and flow and not self._json
        self._newline = "\r\n" if "\r\n" in text else "\n"
        self._tabs = flow and "\n\t" in text
        self._trailing = self._kyaml and _TRAILING_COMMA.search(text) is not None

    def near(self, position: int) -> Style:
        """The style of the constructs nearest to a position; usual values where the document has none."""

        def best(name: str, default: int) -> int:
            return self._best[name].nearest(position) if name in self._best else default

        json = self._json
        return Style(
            newline=self._newline,
            step=best("step", 1 if self._tabs else 2) or 2,
            dash=best("dash", 0 if json else 2),
            gap=best("gap", 2),
            quote="'" if best("single", 0) else '"',
            json=json,
            quoted=self._kyaml and bool(best("quoted", self._trailing)),
            hug=bool(best("hug", 0)),
            tabs=self._tabs,
            inline=bool(best("inline", 0 if json else 1)),
            flow_lists=best("flow list", 0) == 1,
            separator=":" if json and best("tight", 0) else ": ",
            comma="," if json and best("tight", 0) else ", ",
            brace=" " if best("brace", 0) else "",
        )


class _Habit:
    """The places of one kind of construct, in the order of the text, with how it is written there."""

    __slots__ = ("_places", "_values")

    def __init__(self, seen: dict[int, tuple[int, int]]) -> None:
        self._places = sorted(seen)
        self._values = [seen[place] for place in self._places]

    def nearest(self, position: int) -> int:
        """How the construct is written nearest to a position; of two as near, the one that the survey saw first."""
        after = bisect_left(self._places, position)
        candidates = range(max(after - 1, 0), min(after + 1, len(self._places)))
        index = min(candidates, key=lambda place: (abs(self._places[place] - position), self._values[place][0]))
        return self._values[index][1]


class _Survey:
    """Collects each kind of habit with the places where it is seen."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._seen: dict[str, dict[int, tuple[int, int]]] = {}
        self._count = 0

    def habits(self) -> dict[str, _Habit]:
        return {name: _Habit(seen) for name, seen in self._seen.items()}

    def _saw(self, name: str, at: int, value: int) -> None:
        self._count += 1
        self._seen.setdefault(name, {}).setdefault(at, (self._count, value))

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
                if not self._text[dash + 1 : item.start].strip(" "):  # An anchor or a tag is no gap.
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
            if "\n" in self._text[node.start : start]:
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
