"""Many items added to a list one behind the other: all that are written alike come into the text at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Sequence as List
from typing import Any, NamedTuple

from rewriter.yamltext.block_edit import add_after, is_written_like
from rewriter.yamltext.document import Document, node_at, tokens
from rewriter.yamltext.errors import EditError
from rewriter.yamltext.nodes import Sequence
from rewriter.yamltext.splice import Splice, spliced
from rewriter.yamltext.style import Style

Operation = Mapping[str, Any]
#: Fewer than this are added one by one.
_FEWEST = 4


class Added(NamedTuple):
    """An item that was added to a block list: its path, and what came into the text."""

    path: str
    splice: Splice


class Run(NamedTuple):
    """The text with a run of items in it, its document, and the operations that added them."""

    text: str
    document: Document
    operations: List[Operation]


def run_of_items(
    text: str,
    operations: List[Operation],
    added: List[Added],
    read: Callable[[str], Document],
    style_at: Callable[[Document, int], Style],
) -> Run | None:
    """All items that follow two that were just added, where each comes right behind the one before it.

    Written one by one, each looks at the item before it. So the text comes about at once only where that would have
    written the same; None says that the items are to be added one by one.
    """
    if len(added) < 2 or len(operations) < _FEWEST:
        return None
    (first, one), (second, other) = added[-2:]
    if other.start != one.start + len(one.text):
        return None
    following = [second, *(operation["path"] for operation in operations if operation["op"] == "add")]
    count = 0
    while count < len(operations) and operations[count]["op"] == "add":
        if not _is_next(following[count], following[count + 1]):
            break
        count += 1
    if count < _FEWEST or not _is_next(first, second):
        return None
    run = operations[:count]
    values = [operation["value"] for operation in run]
    above, _, place = second.rpartition("/")
    try:
        document = read(text)
        sequence = node_at(document, above)
        if not isinstance(sequence, Sequence) or sequence.flow:
            return None
        index, found = int(place), document.comments
        style = style_at(document, sequence.items[index].start)
        pieces = [add_after(text, sequence, index, [value], style, found) for value in values]
        if any(piece.start != other.start + len(other.text) for piece in pieces):
            return None
        whole = "".join(piece.text for piece in pieces)
        new = spliced(text, [Splice(pieces[0].start, pieces[0].end, whole)])
        after = read(new)
        longer = node_at(after, above)
    except EditError:
        return None
    if not isinstance(longer, Sequence) or len(longer.items) != len(sequence.items) + count:
        return None
    for number, (value, piece) in enumerate(zip(values, pieces, strict=True), index):
        near = style_at(after, longer.items[number].start)
        if not is_written_like(new, longer, number, value, near, after.comments, piece):
            return None
    return Run(new, after, run)


def _is_next(path: str, following: str) -> bool:
    """Whether a path leads to the item behind another one."""
    *above, place = tokens(path)
    *same, after = tokens(following)
    return above == same and place.isdigit() and after == str(int(place) + 1)
