"""What is known of a text that is being edited: a document read earlier, as far as the text is still the same."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping as AnyMapping
from collections.abc import Sequence as List
from itertools import pairwise
from typing import Any

from rewriter import patterns as re
from rewriter.records import dataclass
from rewriter.yamltext.document import Document, child, node_at, tokens
from rewriter.yamltext.nodes import Mapping, Node, Sequence

#: The rest of a line, and what follows up to the first content that is no comment.
_TO_CONTENT = re.compile(r"[^\n]*\n(?:[ \t]*(?:#[^\n]*)?\r?\n)*[ \t]*[^ \t\r\n#]")

Operation = AnyMapping[str, Any]


@dataclass(slots=True)
class Sight:
    """A document of an earlier text, and how many characters the text has in common with that one.

    What an edit reads of a place lies before the first content below it. Where that is unchanged, the earlier document
    does for the edit, and the text need not be parsed again.
    """

    document: Document
    until: int | None = None

    def copy(self) -> Sight:
        """The same, which goes its own way."""
        return Sight(self.document, self.until)

    def anew(self, document: Document) -> Document:
        """Takes the document of the text as it is now."""
        self.document, self.until = document, None
        return document

    def of(self, text: str, operation: Operation, following: Operation | None) -> Document | None:
        """A document that is right as far as an operation reads it; None where the text must be parsed.

        With the operation that follows it, because another member may come in the place of one that goes.
        """
        if self.until is None:
            return self.document
        if operation["op"] not in ("add", "replace", "remove"):
            return None
        steps = tokens(operation["path"])
        parent: Node | None = self.document.root
        for step in steps[:-1]:
            below = child(parent, step) if parent is not None else None
            parent = below[1] if below is not None else None
        if not isinstance(parent, Mapping | Sequence) or not parent.items:
            return None
        if operation["op"] == "remove" and len(parent.items) == 1 and not _is_beside(operation, following):
            return None
        end = max(parent.end, *(item.end for item in _last(parent)))
        found = _TO_CONTENT.match(text, end) if end < self.until else None
        return self._cut() if found is not None and found.end() <= self.until else None

    def changed(self, before: str, after: str) -> None:
        """Notes that an edit made one text of another."""
        if before is after or before == after:
            return
        common = common_start(before, after)
        self.until = common if self.until is None else min(self.until, common)

    def _cut(self) -> Document:
        """The document with the comments of what is unchanged only."""
        known, until = self.document, self.until
        seen = Document(known.text, known.index, known.span, known.root, known.lines)
        count = bisect_left(known.comments, until or 0, key=lambda comment: comment.span.start)
        seen.comments, seen.aliases, seen.habits = known.comments[:count], known.aliases, known.habits
        return seen


def in_any_order(sight: Sight, operations: List[Operation]) -> List[Operation]:
    """Operations that do not meet, the last place of the text first; others in their order."""
    if len(operations) < 2 or any(operation["op"] not in ("add", "replace") for operation in operations):
        return operations
    places: dict[int, Operation] = {}
    nodes: list[tuple[int, int]] = []
    for operation in operations:
        parent = node_at(sight.document, operation["path"].rpartition("/")[0])
        if sight.until is not None or not isinstance(parent, Mapping) or not parent.items or parent.outer in places:
            return operations
        places[parent.outer] = operation
        nodes.append((parent.outer, parent.end))
    nodes.sort()
    if any(end > start for (_, end), (start, _) in pairwise(nodes)):
        return operations
    return [places[start] for start, _ in reversed(nodes)]


def _is_beside(operation: Operation, following: Operation | None) -> bool:
    """Whether the operation that follows adds another member of the same mapping."""
    if following is None or following["op"] != "add" or following["path"] == operation["path"]:
        return False
    return bool(following["path"].rpartition("/")[0] == operation["path"].rpartition("/")[0])


def _last(parent: Mapping | Sequence) -> tuple[Node, ...]:
    last = parent.items[-1]
    return last if isinstance(last, tuple) else (last,)


def common_start(before: str, after: str) -> int:
    """How many characters two texts have in common at their start."""
    low, high = 0, min(len(before), len(after))
    while low < high:
        middle = (low + high + 1) // 2
        if before[low:middle] == after[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
