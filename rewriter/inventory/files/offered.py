"""The files that may hold facts, and which of them a question is about: most answers are the same for many files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain

from rewriter.discovery.escapes import unescaped


class OfferedFile:
    """A file with the kinds that it names, at any depth; `path` is as people know it.

    `holds_list`: it may hold any kind beside those. `unknown`: it holds objects of kinds that may make pods, or whose
    kind is not read here. `cluster_dns`: it may hold the DNS of a cluster. `number` is that of a file of which
    something is kept; it is read when it is asked for.
    """

    __slots__ = ("_data", "_read", "_text", "cluster_dns", "holds_list", "kinds", "number", "path", "unknown")

    def __init__(
        self,
        path: str,
        kinds: frozenset[bytes],
        data: bytes | None,
        holds_list: bool = False,
        unknown: bool = False,
        *,
        cluster_dns: bool = False,
        number: int | None = None,
        read: Callable[[str], bytes | None] = lambda _path: None,
    ) -> None:
        self.path = path
        self.kinds = kinds
        self.holds_list = holds_list
        self.unknown = unknown
        self.cluster_dns = cluster_dns
        self.number = number
        self._data = data
        self._text: bytes | None = None
        self._read = read

    @property
    def is_read(self) -> bool:
        """Whether its bytes are at hand."""
        return self._data is not None

    @property
    def data(self) -> bytes:
        """Its bytes; none where it is gone by now."""
        if self._data is None:
            self._data = self._read(self.path) or b""
        return self._data

    @property
    def text(self) -> bytes:
        """Its bytes with escapes read, to search in."""
        if self._text is None:
            self._text = unescaped(self.data)
        return self._text


class OfferedFiles(list[OfferedFile]):
    """Files in the order in which they were offered. None is taken out."""

    def __init__(self, files: Iterable[OfferedFile] = ()) -> None:
        super().__init__(files)
        self._alike: dict[tuple[frozenset[bytes], bool, bool, bool], list[int]] = {}
        self._sorted = 0

    def where(self, wanted: Callable[[OfferedFile], bool]) -> Sequence[OfferedFile]:
        """The files, in order, of which something is true that their kinds and their marks alone decide.

        It is asked once of all files that have these in common: of 20,000 there are a few dozen sorts.
        """
        for place in range(self._sorted, len(self)):
            file = self[place]
            self._alike.setdefault((file.kinds, file.holds_list, file.unknown, file.cluster_dns), []).append(place)
        self._sorted = len(self)
        found = [places for places in self._alike.values() if wanted(self[places[0]])]
        places = found[0] if len(found) == 1 else sorted(chain.from_iterable(found))
        return [self[place] for place in places]
