"""Which files of a tree hold a word, and the shapes of the labels in each, so that a question opens few of them.

Of a word only a checksum is kept: two words that share one make a file be looked at in vain. A file that may hold a
Secret has no part in this, and is looked at every time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from zlib import crc32

from rewriter.inventory.index.file_index import words_of
from rewriter.inventory.index.label_shapes import pairs_of, shape_in
from rewriter.inventory.kept.packed import cut, numbers

#: A file is left out; its words are known; these, and that its labels are only seen by a parser.
LEFT_OUT, KNOWN, ODD = range(3)


def words_parts(files: int, texts: Iterable[tuple[int, bytes]]) -> dict[str, bytes]:
    """The parts for so many files, of which those with these numbers have these texts."""
    states = bytearray(files)
    holding: dict[int, list[int]] = {}
    shapes: dict[bytes, int] = {}
    file_shapes = [0] * files
    pairs: dict[str, int] = {}
    in_shape: list[int] = []
    starts = [0]
    for number, text in texts:
        for checksum in {crc32(word) for word in words_of(text)}:
            holding.setdefault(checksum, []).append(number)
        shape = shape_in(text)
        states[number] = KNOWN if shape is not None else ODD
        if shape is None:
            continue
        if shape not in shapes:
            shapes[shape] = len(shapes)
            in_shape += [pairs.setdefault(pair, len(pairs)) for pair in sorted(pairs_of(shape))]
            starts.append(len(in_shape))
        file_shapes[number] = shapes[shape]
    checksums = sorted(holding)
    word_starts = [0]
    for digest in checksums:
        word_starts.append(word_starts[-1] + len(holding[digest]))
    return {
        "states": bytes(states),
        "words": numbers("I", checksums),
        "word_starts": numbers("I", word_starts),
        "word_files": numbers("I", [number for checksum in checksums for number in holding[checksum]]),
        "file_shapes": numbers("I", file_shapes),
        "shape_starts": numbers("I", starts),
        "shape_pairs": numbers("I", in_shape),
        "pairs": "\n".join(pairs).encode("utf-8", "surrogatepass"),
    }


class KeptWords:
    """Answers from the parts, for so many files. Raises one of MALFORMED for others."""

    def __init__(self, parts: Mapping[str, memoryview], files: int) -> None:
        self.states = parts["states"]
        self._words = parts["words"].cast("I")
        self._word_starts = parts["word_starts"].cast("I")
        self._word_files = parts["word_files"].cast("I")
        self._file_shapes = parts["file_shapes"].cast("I")
        self._shape_starts = parts["shape_starts"].cast("I")
        self._shape_pairs = parts["shape_pairs"].cast("I")
        self._texts = parts["pairs"]
        shapes = len(self._shape_starts) - 1
        if not len(self.states) == len(self._file_shapes) == files or max(self._file_shapes, default=0) > shapes:
            raise ValueError("not one of each for every file")
        if len(self._word_starts) != len(self._words) + 1:
            raise ValueError("not one start for every word")

    def files_with(self, word: bytes) -> Sequence[int]:
        """The numbers of the files that may hold a word, of those whose words are known."""
        checksum = crc32(word)
        place = bisect_left(self._words, checksum)
        if place == len(self._words) or self._words[place] != checksum:
            return ()
        return cut(self._word_files, self._word_starts, place)

    def label_shapes(self, files: Iterable[int]) -> set[str]:
        """As `label_shapes` makes them of the texts of files that are KNOWN."""
        found: set[int] = set()
        for shape in {self._file_shapes[number] for number in files}:
            found.update(cut(self._shape_pairs, self._shape_starts, shape))
        pairs = self._pairs
        return {pairs[pair_number] for pair_number in found if pair_number < len(pairs)}

    @cached_property
    def _pairs(self) -> list[str]:
        return bytes(self._texts).decode("utf-8", "surrogatepass").split("\n")
