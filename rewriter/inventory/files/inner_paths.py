"""Inner paths: the folders above one, and those below a folder."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence


def folders_above(inner: str) -> Iterator[str]:
    """The folders that hold a file or folder, the nearest first; the root, which is `.`, comes last."""
    folder = inner.rpartition("/")[0]
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]
    yield "."


def names_below(names: Sequence[str], folder: str) -> Iterator[str]:
    """The names, of sorted ones, that lie anywhere in a folder."""
    if folder == ".":
        yield from names
        return
    prefix = f"{folder}/"
    for index in range(bisect_left(names, prefix), len(names)):
        if not names[index].startswith(prefix):
            return
        yield names[index]
