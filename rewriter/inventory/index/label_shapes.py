"""The labels that pods of a tree may have, off the words of their files: more than there are, but many times sooner.

A label whose value is no valid one (it holds a blank, say) is on no pod and may be missing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from itertools import pairwise
from typing import Protocol

from rewriter import patterns as re
from rewriter.inventory.facts.model import Workload
from rewriter.inventory.files.offered import OfferedFile

#: A digit is `0`; what stands around a scalar is a blank.
_SHAPE = bytes(
    ord("0") if chr(code).isdigit() and code < 0x80 else ord(" ") if chr(code) in "\"'`{}[]:," else code
    for code in range(256)
)
#: With these, what follows a key is not its value: escapes, block scalars, variables, `?` keys, values without a word,
_ODD = (b"\\", b"|", b">", b"${", b"? ", b'""', b"''")
#: and in the shape of a text: anchors, aliases, tags.
_ODD_SHAPES = (b" &", b" *", b" !")
_COMMENT_BEHIND_KEY = re.compile(rb":[ \t]*#")
#: The pods of a Job have its name as a label.
_NAMED = frozenset({b"Job"})


def shape_of(text: str) -> str:
    """A text with each digit as `0`."""
    return "".join("0" if "0" <= letter <= "9" else letter for letter in text)


class KeptShapes(Protocol):
    """The shapes that are known of files by their numbers."""

    def is_odd(self, number: int) -> bool | None:
        """Whether only a parser sees the labels of a file; None where nothing is known of it."""
        ...

    def label_shapes(self, files: Collection[int]) -> Collection[str]:
        """The shapes of several files that are not odd."""
        ...


def label_shapes(
    files: Iterable[OfferedFile],
    is_changed: Callable[[OfferedFile], bool],
    workloads_of: Callable[[OfferedFile], Iterable[Workload]],
    others: Iterable[Workload],
    kept: KeptShapes | None = None,
) -> frozenset[str]:
    """`key=value`, of the shape of every label that the workloads of the files, and others, have; and of others too.

    `is_changed` says of a file that its workloads have labels that do not stand in it; it is parsed then. `kept` knows
    the shapes of some of the files, so that these are not read.
    """
    shapes_in: set[bytes] = set()
    numbers: list[int] = []
    known = list(others)
    for file in files:
        if is_changed(file) or not file.kinds.isdisjoint(_NAMED):
            known += workloads_of(file)
            continue
        odd = None if kept is None or file.number is None else kept.is_odd(file.number)
        shape = shape_in(file.text) if odd is None else None
        if odd is False and file.number is not None:
            numbers.append(file.number)
        elif shape is None:
            known += workloads_of(file)
        else:
            shapes_in.add(shape)
    shapes = set() if kept is None else set(kept.label_shapes(numbers))
    shapes.update(*map(pairs_of, shapes_in))
    shapes |= {shape_of(f"{key}={value}") for workload in known for key, value in workload.labels.items()}
    return frozenset(shapes)


def shape_in(text: bytes) -> bytes | None:
    """The shape of a text; None where only a parser sees the labels in it."""
    shape = text.translate(_SHAPE)
    return None if _is_odd(text, shape) else shape


def pairs_of(shape: bytes) -> set[str]:
    """`key=value` of all words of a shape that stand side by side."""
    return {
        f"{key.decode(errors='replace')}={value.decode(errors='replace')}"
        for key, value in set(pairwise(shape.split()))
    }


def _is_odd(text: bytes, shape: bytes) -> bool:
    return (
        any(mark in text for mark in _ODD)
        or any(mark in shape for mark in _ODD_SHAPES)
        or (b"#" in text and _COMMENT_BEHIND_KEY.search(text) is not None)
    )
