"""The labels that pods of a tree may have, off the words of their files: more than there are, but many times sooner.

A label whose value is no valid one (it holds a blank, say) is on no pod and may be missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import pairwise

from rewriter.inventory.facts import Workload
from rewriter.inventory.tree_files import OfferedFile

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
    return "".join("0" if "0" <= each <= "9" else each for each in text)


def label_shapes(
    files: Iterable[OfferedFile],
    is_changed: Callable[[OfferedFile], bool],
    workloads_of: Callable[[OfferedFile], Iterable[Workload]],
    others: Iterable[Workload],
) -> frozenset[str]:
    """`key=value`, of the shape of every label that the workloads of the files, and others, have; and of others too.

    `is_changed` says of a file that its workloads have labels that do not stand in it; it is parsed then.
    """
    texts: set[bytes] = set()
    known = list(others)
    for file in files:
        shape = file.text.translate(_SHAPE)
        if is_changed(file) or not file.kinds.isdisjoint(_NAMED) or _is_odd(file.text, shape):
            known += workloads_of(file)
        else:
            texts.add(shape)
    pairs: set[tuple[bytes, bytes]] = set()
    for text in texts:
        pairs.update(pairwise(text.split()))
    shapes = {f"{key.decode(errors='replace')}={value.decode(errors='replace')}" for key, value in pairs}
    shapes |= {shape_of(f"{key}={value}") for each in known for key, value in each.labels.items()}
    return frozenset(shapes)


def _is_odd(text: bytes, shape: bytes) -> bool:
    return (
        any(each in text for each in _ODD)
        or any(each in shape for each in _ODD_SHAPES)
        or (b"#" in text and _COMMENT_BEHIND_KEY.search(text) is not None)
    )
