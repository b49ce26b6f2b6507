"""The files of a tree as the last runs found them: what did not change since is taken from here, and not read.

A file did not change when its size, its times and its place on the disk are what they were, as git has it; a file that
was changed just before it was read may change once more without any of these, and is read again. A file whose times
differ is read, and did not change when the digest of its bytes is what it was: as after a checkout.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from hashlib import blake2b
from typing import Any

import yaml

from rewriter.cache import CacheFolder
from rewriter.inventory.files.tree_files import TreeFiles
from rewriter.inventory.kept.packed import MALFORMED, as_json, numbers, packed, unpacked
from rewriter.inventory.kept.values import KeptManifests, manifest_parts
from rewriter.inventory.kept.words import KNOWN, LEFT_OUT, ODD, KeptWords, words_parts
from rewriter.inventory.texts.file_record import FileRecord
from rewriter.inventory.texts.manifests import Manifest
from rewriter.records import dataclass

_GROUP = "trees"
#: A file that changed so shortly before it was looked at may change again unseen: no file system's clock is coarser.
_RECENT = 2_000_000_000
#: So many changes, or this part of all files, are worth writing all anew; a run reads fewer sooner than it writes.
_FEW, _PART = 16, 64
_DIGEST = 16
_STATUS = 5
_Status = tuple[int, ...]
_MOST = 2**63 - 1
_UNKNOWN: _Status = (0,) * _STATUS
_FLAGS = ("kept", "holds_list", "unknown", "variables", "policy", "private", "cluster_dns")


@dataclass(frozen=True, slots=True)
class Noted:
    """A file that was read: its status before, the digest of its bytes, and what they show."""

    status: _Status
    digest: bytes
    record: FileRecord


class KeptTree:
    """What is kept of the tree at a root, and what is noted of it in this run. Without a cache, neither.

    Files go by the paths under which they are known, so that all is kept for each working folder. `clock` gives the
    time in nanoseconds.
    """

    def __init__(self, cache: CacheFolder, root: str, clock: Callable[[], int] = time.time_ns) -> None:
        self._cache = cache
        places = f"{os.path.realpath(root)}\n{os.path.realpath('.')}"
        self._key = f"{places}\n{yaml.__version__} {yaml.__with_libyaml__}".encode("utf-8", "surrogateescape")
        self._clock = clock
        self._noted: dict[str, Noted] = {}
        self._refreshed: dict[int, _Status] = {}
        self._unchanged = 0
        self._numbers: dict[str, int] = {}
        self._load()

    def _load(self) -> None:
        data = self._cache.get(_GROUP, self._key)
        if data is None:
            return
        try:
            self._take(unpacked(data))
        except MALFORMED:
            self._numbers = {}

    def _take(self, parts: dict[str, memoryview]) -> None:
        names = os.fsdecode(bytes(parts["names"])).split("\0")
        found = dict(zip(names, range(len(names)), strict=True))
        columns = parts["statuses"].cast("q")
        self._statuses: list[_Status] = list(zip(*[iter(columns)] * _STATUS, strict=True))
        self._digests = bytes(parts["digests"])
        kinds = [_record(load) for load in json.loads(bytes(parts["records"]))]
        self._records = [kinds[number] for number in parts["file_records"].cast("I")]
        self._words = KeptWords(parts, len(names))
        self._manifests = KeptManifests(parts, len(names))
        if not len(found) == len(self._statuses) == len(self._records) == len(self._digests) // _DIGEST:
            raise ValueError("not one of each for every file")
        self._parts = parts
        self._numbers = found

    def status(self, path: str) -> _Status:
        """What shows whether a file changed: its times, its size, and its place on the disk."""
        try:
            status = os.stat(path)  # noqa: PTH116 - for every file of a tree
        except (OSError, ValueError):
            return _UNKNOWN
        numbers = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_dev)
        # The number of a file is unsigned, and on some file systems fills all 64 bits.
        mtime, ctime, size, file, device = numbers
        return mtime & _MOST, ctime & _MOST, size, file & _MOST, device & _MOST

    def unchanged(self, path: str, status: _Status) -> tuple[FileRecord, int] | None:
        """The record and the number of a file that did not change, by its status."""
        number = self._numbers.get(path)
        if number is None or self._statuses[number] != status or status is _UNKNOWN:
            return None
        self._unchanged += 1
        return self._records[number], number

    def same(self, path: str, status: _Status, data: bytes) -> tuple[FileRecord, int] | None:
        """The record and the number of a file that did not change, by its bytes."""
        number = self._numbers.get(path)
        if number is None or self._digests[number * _DIGEST : (number + 1) * _DIGEST] != _digest(data):
            return None
        self._refreshed[number] = self._settled(status)
        return self._records[number], number

    def digest(self, number: int) -> bytes:
        """The digest of a file that did not change."""
        return self._digests[number * _DIGEST : (number + 1) * _DIGEST]

    def note(self, path: str, status: _Status, data: bytes, record: FileRecord) -> None:
        """Takes note of a file that was read, with its status before."""
        if self._cache.folder is not None:
            self._noted[path] = Noted(self._settled(status), _digest(data), record)

    def _settled(self, status: _Status) -> _Status:
        """The status of a file; an unknown one for a file that changed just now."""
        return _UNKNOWN if max(status[:2]) > self._clock() - _RECENT else status

    @property
    def is_empty(self) -> bool:
        """Whether nothing is kept of the tree."""
        return not self._numbers

    def knows(self, number: int) -> bool:
        return self._words.states[number] != LEFT_OUT

    def files_with(self, word: bytes) -> Iterable[int]:
        return self._words.files_with(word)

    def is_odd(self, number: int) -> bool | None:
        state = self._words.states[number]
        return state == ODD if state in (KNOWN, ODD) else None

    def label_shapes(self, files: Collection[int]) -> Collection[str]:
        return self._words.label_shapes(files) if files else ()

    def manifests(self, path: str, number: int) -> list[Manifest] | None:
        """The manifests of a file that did not change; None where they are not kept."""
        return self._manifests.of(path, number)

    def keep(self, files: TreeFiles) -> None:
        """Keeps for the next run what this one found, where that saves it more than a little.

        Every file of the tree must have been offered.
        """
        if self._cache.folder is None:
            return
        count = len(self._numbers)
        few = max(_FEW, count // _PART)
        gone = count - self._unchanged - len(self._refreshed)
        if self.is_empty or len(self._noted) + gone > few:
            self._put(self._anew(files))
            return
        if len(self._refreshed) > few or sum(1 for _ in self._parsed(files)) > few:
            statuses = list(self._statuses)
            for number, status in self._refreshed.items():
                statuses[number] = status
            parts = {name: bytes(part) for name, part in self._parts.items()}
            made = manifest_parts(count, self._parsed(files), self._manifests)
            self._put(parts | _statuses_part(statuses) | made)

    def _put(self, parts: dict[str, bytes]) -> None:
        self._cache.put(_GROUP, self._key, packed(parts))

    def _parsed(self, files: TreeFiles) -> Iterator[tuple[int, list[Manifest], int]]:
        """Number, manifests and size of the files that did not change, and that this run had to parse anew."""
        broken = {source.path for source in files.unreadable}
        for file in files.files:
            if (
                file.number is not None
                and file.is_read
                and file.path in files.parsed
                and file.path not in broken
                and self.knows(file.number)
                and not self._manifests.piece(file.number)
            ):
                yield file.number, files.parsed[file.path], self._statuses[file.number][2]

    def _anew(self, files: TreeFiles) -> dict[str, bytes]:
        """All parts, of the files of this run."""
        whole: list[tuple[str, Noted]] = []
        for path in files.names.values():
            number = self._numbers.get(path)
            if path in self._noted:
                whole.append((path, self._noted[path]))
            elif number is not None:
                whole.append((path, self._old(number, self._refreshed.get(number, self._statuses[number]))))
        place = {path: number for number, (path, _noted) in enumerate(whole)}
        texts, parsed = [], []
        broken = {source.path for source in files.unreadable}
        for file in files.files:
            number = place.get(file.path)
            if number is None or whole[number][1].record.private or _digest(file.data) != whole[number][1].digest:
                continue
            texts.append((number, file.text))
            if file.path in files.parsed and file.path not in broken:
                parsed.append((number, files.parsed[file.path], len(file.data)))
        records: dict[FileRecord, int] = {}
        file_records = [records.setdefault(noted.record, len(records)) for _path, noted in whole]
        return {
            "names": os.fsencode("\0".join(place)),
            **_statuses_part([noted.status for _path, noted in whole]),
            "digests": b"".join(noted.digest for _inner, noted in whole),
            "records": as_json([_plain(record) for record in records]),
            "file_records": numbers("I", file_records),
            **words_parts(len(whole), texts),
            **manifest_parts(len(whole), parsed),
        }

    def _old(self, number: int, status: _Status) -> Noted:
        return Noted(status, self._digests[number * _DIGEST : (number + 1) * _DIGEST], self._records[number])


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=_DIGEST).digest()


def _statuses_part(statuses: Collection[_Status]) -> dict[str, bytes]:
    return {"statuses": numbers("q", [number for status in statuses for number in status])}


def _plain(record: FileRecord) -> list[Any]:
    return [sorted(kind.decode("latin-1") for kind in record.kinds), *(getattr(record, name) for name in _FLAGS)]


def _record(plain: list[Any]) -> FileRecord:
    kinds, *flags = plain
    given = dict(zip(_FLAGS, map(bool, flags), strict=True))
    return FileRecord(frozenset(str(kind).encode("latin-1") for kind in kinds), **given)
