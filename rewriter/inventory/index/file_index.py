"""Which files of a tree may hold facts: by the kinds that they name and by the words that stand in them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Protocol

from rewriter.inventory.delivery.transform import Added
from rewriter.inventory.files.offered import OfferedFile, OfferedFiles

#: What stands around a scalar in YAML and JSON, and what is not ASCII: none of it is part of a word.
_NO_WORD = bytes(ord(" ") if chr(code) in "\"'`{}[]:,\\|>" or code >= 0x80 else code for code in range(256))
#: So many questions about the same kinds are answered by a look at each file; then their words are sorted, once.
_FEW = 8


class Words(Protocol):
    """The words that are known of files by their numbers."""

    def knows(self, number: int) -> bool:
        """Whether the words of a file are known."""
        ...

    def files_with(self, word: bytes) -> Iterable[int]:
        """The numbers of the files that may hold a word, of those whose words are known."""
        ...


class FileIndex:
    """Answers from the files as they were offered; every one must have been.

    `added` is what files gain on their way to a cluster, `always` are kinds whose facts hold words that no file does.
    `words` knows the words of some of the files, so that these are not read.
    """

    def __init__(
        self,
        files: Sequence[OfferedFile],
        added: Mapping[str, Added],
        always: frozenset[bytes],
        words: Words | None = None,
    ) -> None:
        self._files = files if isinstance(files, OfferedFiles) else OfferedFiles(files)
        self._added = added
        self._always = always
        self._words = words
        self._by_kinds: dict[tuple[frozenset[bytes], bool], _Files] = {}

    def holding(self, kinds: frozenset[bytes], wanted: Collection[bytes], *, unknown: bool) -> Sequence[OfferedFile]:
        """The files, in their order, that name one of the kinds (or a List) and hold every wanted text.

        A text that is wanted is a whole scalar, so that its words are words of the file. `unknown`: so do files with
        objects of kinds that are not read here. A file that something transforms on its way may hold a text only once
        it is applied, so it counts too.
        """
        if (kinds, unknown) not in self._by_kinds:
            named = self._files.where(
                lambda file: not file.kinds.isdisjoint(kinds) or file.holds_list or (unknown and file.unknown)
            )
            self._by_kinds[kinds, unknown] = _Files(named, self._added, self._always, self._words)
        return self._by_kinds[kinds, unknown].holding(list(wanted))


class _Files:
    """Files of some kinds."""

    def __init__(
        self,
        files: Sequence[OfferedFile],
        added: Mapping[str, Added],
        always: frozenset[bytes],
        known: Words | None,
    ) -> None:
        self._files = files
        self._added = added
        self._always = always
        self._known = known
        self._asked = 0
        self._places: dict[bytes, list[int]] = {}
        self._others: list[int] = []

    def holding(self, wanted: Sequence[bytes]) -> Sequence[OfferedFile]:
        if not wanted:
            return self._files
        words = words_of(b" ".join(wanted))
        return [file for file in self._candidates(words) if self._may_hold(file, wanted, words)]

    def _may_hold(self, file: OfferedFile, wanted: Sequence[bytes], words: set[bytes]) -> bool:
        if not file.kinds.isdisjoint(self._always):
            return True
        text = file.text
        return (all(map(text.__contains__, wanted)) and words <= _words_of_file(text)) or (
            file.path in self._added and self._added[file.path].may_hold(text, wanted)
        )

    def _candidates(self, words: set[bytes]) -> Iterable[OfferedFile]:
        """The files worth a look, in order."""
        self._asked += 1
        if words and self._known is not None:
            kept, read = self._by_number
            known = (map(kept.get, self._known.files_with(word)) for word in words)
            places = min(([place for place in found if place is not None] for found in known), key=len)
            return (self._files[place] for place in sorted({*places, *read}))
        if not words or self._asked <= _FEW:
            return self._files
        if self._asked == _FEW + 1:
            self._sort()
        places = min((self._places.get(word, []) for word in words), key=len)
        return (self._files[place] for place in sorted({*places, *self._others}))

    @cached_property
    def _by_number(self) -> tuple[dict[int, int], list[int]]:
        """The places of the files whose words are known, by their number, and those of all others."""
        known, others = {}, []
        for place, file in enumerate(self._files):
            if file.number is None or self._known is None or not self._known.knows(file.number) or self._gains(file):
                others.append(place)
            else:
                known[file.number] = place
        return known, others

    def _gains(self, file: OfferedFile) -> bool:
        """Whether what a file holds once it is applied is more than its words."""
        return file.path in self._added or not file.kinds.isdisjoint(self._always)

    def _sort(self) -> None:
        places = self._places
        for place, file in enumerate(self._files):
            if self._gains(file):
                self._others.append(place)
            for word in words_of(file.text):
                if word in places:
                    places[word].append(place)
                else:
                    places[word] = [place]


def words_of(text: bytes) -> set[bytes]:
    """The words of a text: what is left of it without all that stands around a scalar."""
    return set(text.translate(_NO_WORD).split())


#: The next question is often about the same large file.
_words_of_file = lru_cache(maxsize=2)(words_of)
