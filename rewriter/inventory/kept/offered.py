"""What a run was offered and read, as digests: two runs that read the same know the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b

from rewriter.inventory.texts.file_record import FileRecord

_DIGEST = 16


def digest_of(data: bytes) -> bytes:
    """The digest of bytes."""
    return blake2b(data, digest_size=_DIGEST).digest()


class Offered:
    """The files of a run by their paths, in order, and what was read beside them.

    `records` has what the bytes of a file show at a glance; None where more was noted of it than that.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.records: dict[str, FileRecord | None] = {}
        self.beside: dict[str, bytes | None] = {}
        self.remotes: list[str] | None = None

    def note(self, how: str, path: str, digest: bytes) -> None:
        """Takes note of a file, and of how it was offered."""
        self.files[path] = self.files.get(path, b"") + how.encode() + digest

    def note_links(self, links: Iterable[tuple[str, str]]) -> None:
        for link, target in links:
            self.note("link", link, target.encode("utf-8", "surrogateescape"))

    def reading(self, read: Callable[[str], bytes | None]) -> Callable[[str], bytes | None]:
        """A way to read files beside those that were offered, which takes note of each."""

        def noting(path: str) -> bytes | None:
            data = read(path)
            self.beside[path] = None if data is None else digest_of(data)
            return data

        return noting

    def asking(self, remotes: Callable[[], Sequence[str]]) -> Callable[[], Sequence[str]]:
        """A way to ask for the URLs of the repository, which takes note of them."""

        def noting() -> Sequence[str]:
            found = remotes()
            self.remotes = list(found)
            return found

        return noting
