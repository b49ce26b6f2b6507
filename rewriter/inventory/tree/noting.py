"""An inventory that takes note of every file that it is offered, by digests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from rewriter.inventory.facts.model import Source
from rewriter.inventory.files.offered import OfferedFile
from rewriter.inventory.kept.offered import Offered, digest_of
from rewriter.inventory.snapshots.form import Snapshot
from rewriter.inventory.texts.file_record import FileRecord
from rewriter.inventory.tree.repository import TreeInventory


class NotingInventory(TreeInventory):
    """As any; `offered` has what was read.

    `read_now` and `remotes_now` give what is read beside the files that are offered, and take no note of it.
    """

    def __init__(
        self,
        *given: Any,
        read_beside: Callable[[str], bytes | None],
        remotes: Callable[[], Sequence[str]],
        **named: Any,
    ) -> None:
        self.offered = Offered()
        self.read_now, self.remotes_now = read_beside, remotes
        self.listed: Sequence[Snapshot] = given[1]
        self.aged: Mapping[Source, str] = named.get("stale", {})
        beside, asking = self.offered.reading(read_beside), self.offered.asking(remotes)
        super().__init__(*given, read_beside=beside, remotes=asking, **named)

    def offer(self, path: str, data: bytes) -> FileRecord | None:
        record = super().offer(path, data)
        self.offered.note("manifests", path, digest_of(data))
        self.offered.records[path] = record
        return record

    def take(self, path: str, record: FileRecord, number: int, data: bytes | None = None) -> None:
        super().take(path, record, number, data)
        self.offered.note("manifests", path, self.kept.digest(number))
        self.offered.records[path] = record

    def leave_out(self, path: str, data: bytes | None, why: str, **marks: bool) -> None:
        super().leave_out(path, data, why, **marks)
        self.offered.note(f"left out {sorted(marks.items())} {why}", path, b"" if data is None else digest_of(data))

    def offer_links(self, links: Iterable[tuple[str, str]]) -> None:
        links = list(links)
        super().offer_links(links)
        self.offered.note_links(links)

    def reads(self, path: str) -> bool:
        """Whether the manifests of a file can be read, all of them."""
        file = self._by_path.get(path)
        if file is None:
            return False
        self._files.manifests(file)
        return all(source.path != path for source in self._files.unreadable)

    @cached_property
    def _by_path(self) -> Mapping[str, OfferedFile]:
        return {file.path: file for file in self._files.files}

    def bytes_of(self, path: str) -> bytes | None:
        """The bytes of a file that was offered."""
        return self._files.bytes_of(self._files.inner(path))

    def offer_beside(self, path: str, data: bytes) -> None:
        super().offer_beside(path, data)
        self.offered.note("beside", path, digest_of(data))
