"""Rendered texts kept between runs, by digest of all that they depend on."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from rewriter.cache import CacheFolder

_GROUP = "rendered"
#: A chart larger than this is not rendered: no chart of the field is.
MOST_FILES, MOST_BYTES = 5_000, 50 << 20


class TooLargeError(Exception):
    """A chart that is too large to be read: one line."""


class Kept:
    """Rendered texts by digest."""

    def __init__(self, cache: CacheFolder) -> None:
        self._cache = cache

    def get(self, digest: str) -> str | None:
        """The text of a digest; None where none is kept."""
        data = self._cache.get(_GROUP, digest.encode())
        try:
            return None if data is None else data.decode()
        except UnicodeDecodeError:
            return None

    def put(self, digest: str, text: str) -> None:
        """Keeps a text. One that is no UTF-8 is rendered again."""
        with suppress(UnicodeEncodeError):
            self._cache.put(_GROUP, digest.encode(), text.encode())


def digest_of(*parts: bytes) -> str:
    """One digest of several parts, each with its length, so that none runs into the next."""
    total = hashlib.sha256()
    for part in parts:
        total.update(len(part).to_bytes(8, "big") + part)
    return total.hexdigest()


def chart_digest(chart: Path) -> str:
    """The digest of an archive, or of all files of a chart's folder with their names. Raises TooLargeError."""
    if chart.is_file():
        return digest_of(chart.read_bytes())
    size = 0
    parts: list[bytes] = []
    for path in _files(chart):
        data = path.read_bytes()
        size += len(data)
        if len(parts) > 2 * MOST_FILES or size > MOST_BYTES:
            raise TooLargeError(f"the chart is larger than {MOST_BYTES >> 20} MB or {MOST_FILES} files")
        parts += [str(path.relative_to(chart)).encode(), data]
    return digest_of(*parts)


def _files(folder: Path) -> Iterator[Path]:
    for base, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(base) / name
            if path.is_file():
                yield path
