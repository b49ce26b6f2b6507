"""Many items added to a list one behind the other: all that are written alike come into the text at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Sequence as List
from dataclasses import field
from typing import Any, NamedTuple

from rewriter.records import dataclass
from rewriter.yamltext.block_edit import add_after, is_written_like
from rewriter.yamltext.document import Document, is_index, node_at, tokens
from rewriter.yamltext.errors import EditError
from rewriter.yamltext.nodes import Sequence
from rewriter.yamltext.render import scalar
from rewriter.yamltext.splice import Splice, spliced
from rewriter.yamltext.style import Habits, Style

Operation = Mapping[str, Any]
#: Fewer than this are added one by one.
_FEWEST = 4
_USUAL = Habits("", None).near(0)


class Added(NamedTuple):
    """An item that was added to a block list: its path, and what came into the text."""

    path: str
    splice: Splice


@dataclass(slots=True)
class Trail:
    """The items that were added so far, and whether to go on with them at once was tried in vain."""

    added: list[Added] = field(default_factory=list)
    failed: bool = False


class Run(NamedTuple):
    """The text with a run of items in it, its document, and the operations that added them."""

    text: str
    document: Document
    operations: List[Operation]


def run_of_items(
    text: str,
    before: List[Operation],
    operations: List[Operation],
    trail: Trail,
    read: Callable[[str], Document],
    style_at: Callable[[Document, int], Style],
) -> Run | None:
    """All items that follow two that were just added, where each comes right behind the one before it.

    `before` are the operations that added those two. Written one by one, each looks at the item before it. So the text
    comes about at once only where that would have written the same: for items of one shape that go on as they began.
    None says that the items are to be added one by one.
    """
    if trail.failed or len(trail.added) < 2 or len(operations) < _FEWEST:
        return None
    (first, one), (second, other) = trail.added[-2:]
    if other.start != one.start + len(one.text) or [operation["path"] for operation in before] != [first, second]:
        return None
    run = list(_going_on([*before, *operations]))[len(before) :]
    if len(run) < _FEWEST:
        return None
    made = _written(text, run, trail.added[-1], read, style_at)
    trail.failed = made is None
    return made


def _written(
    text: str,
    run: List[Operation],
    last: Added,
    read: Callable[[str], Document],
    style_at: Callable[[Document, int], Style],
) -> Run | None:
    """The text with a run of items behind the last one; None where one after the other may be written otherwise."""
    second, other = last
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
    if not isinstance(longer, Sequence) or len(longer.items) != len(sequence.items) + len(run):
        return None
    for number, (value, piece) in enumerate(zip(values, pieces, strict=True), index):
        near = style_at(after, longer.items[number].start)
        if not is_written_like(new, longer, number, value, near, after.comments, piece):
            return None
    return Run(new, after, run)


def _going_on(operations: List[Operation]) -> Iterator[Operation]:
    """The first operations, as far as they add items of one shape, each behind the last."""
    last: str | None = None
    shape: object = None
    for operation in operations:
        if operation["op"] != "add" or (last is not None and not _is_next(last, operation["path"])):
            return
        found = _shape(operation["value"])
        if last is not None and found != shape:
            return
        last, shape = operation["path"], found
        yield operation


def _shape(value: Any) -> object:
    """All of a value but the texts of its scalars; of these, whether they stand in quotes."""
    if isinstance(value, dict):
        return tuple((key, _shape(item)) for key, item in value.items())
    if isinstance(value, list):
        return [_shape(item) for item in value]
    return type(value), scalar(value, _USUAL)[:1] in ("'", '"')


def _is_next(path: str, following: str) -> bool:
    """Whether a path leads to the item behind another one."""
    *above, place = tokens(path)
    *same, after = tokens(following)
    return above == same and is_index(place) and after == str(int(place) + 1)
