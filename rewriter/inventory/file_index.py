"""Which files of a tree may hold facts: by the kinds that they name and by the words that stand in them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from rewriter.inventory.transform import Added
from rewriter.inventory.tree_files import OfferedFile

#: What stands around a scalar in YAML and JSON, and what is not ASCII: none of it is part of a word.
_NO_WORD = bytes(ord(" ") if chr(code) in "\"'`{}[]:,\\|>" or code >= 0x80 else code for code in range(256))
#: So many questions about the same kinds are answered by a look at each file; then their words are sorted, once.
_FEW = 8


class FileIndex:
    """Answers from the files as they were offered; every one must have been.

    `added` is what files gain on their way to a cluster, `always` are kinds whose facts hold words that no file does.
    """

    def __init__(self, files: Sequence[OfferedFile], added: Mapping[str, Added], always: frozenset[bytes]) -> None:
        self._files = files
        self._added = added
        self._always = always
        self._by_kinds: dict[tuple[frozenset[bytes], bool], _Files] = {}

    def holding(self, kinds: frozenset[bytes], wanted: Collection[bytes], *, unknown: bool) -> Sequence[OfferedFile]:
        """The files, in their order, that name one of the kinds (or a List) and hold every wanted text.

        `unknown`: so do files with objects of kinds that are not read here. A file that something transforms on its
        way may hold a text only once it is applied, so it counts too.
        """
        if (kinds, unknown) not in self._by_kinds:
            named = [
                file
                for file in self._files
                if not file.kinds.isdisjoint(kinds) or file.holds_list or (unknown and file.unknown)
            ]
            self._by_kinds[kinds, unknown] = _Files(named, self._added, self._always)
        return self._by_kinds[kinds, unknown].holding(list(wanted))


class _Files:
    """Files of some kinds."""

    def __init__(self, files: Sequence[OfferedFile], added: Mapping[str, Added], always: frozenset[bytes]) -> None:
        self._files = files
        self._added = added
        self._always = always
        self._asked = 0
        self._places: dict[bytes, list[int]] = {}
        self._others: list[int] = []

    def holding(self, wanted: Sequence[bytes]) -> Sequence[OfferedFile]:
        if not wanted:
            return self._files
        return [file for file in self._candidates(wanted) if self._may_hold(file, wanted)]

    def _may_hold(self, file: OfferedFile, wanted: Sequence[bytes]) -> bool:
        return (
            all(map(file.text.__contains__, wanted))
            or (file.path in self._added and self._added[file.path].may_hold(file.text, wanted))
            or not file.kinds.isdisjoint(self._always)
        )

    def _candidates(self, wanted: Sequence[bytes]) -> Iterable[OfferedFile]:
        """The files worth a look, in order: a text that is wanted is a whole scalar, so that its words are words."""
        words = _words(b" ".join(wanted))
        self._asked += 1
        if not words or self._asked <= _FEW:
            return self._files
        if self._asked == _FEW + 1:
            self._sort()
        places = min((self._places.get(word, ()) for word in words), key=len)
        return (self._files[place] for place in sorted({*places, *self._others}))

    def _sort(self) -> None:
        places = self._places
        for place, file in enumerate(self._files):
            if file.path in self._added or not file.kinds.isdisjoint(self._always):
                self._others.append(place)
            for word in _words(file.text):
                if word in places:
                    places[word].append(place)
                else:
                    places[word] = [place]


def _words(text: bytes) -> set[bytes]:
    return set(text.translate(_NO_WORD).split())
