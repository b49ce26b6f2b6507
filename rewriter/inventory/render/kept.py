"""Rendered texts kept between runs, by digest of all that they depend on, in the user's cache folder."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

#: A chart larger than this is not rendered: no chart of the field is.
MOST_FILES, MOST_BYTES = 5_000, 50 << 20


class TooLargeError(Exception):
    """A chart that is too large to be read: one line."""


def cache_folder() -> Path:
    """Where results are kept: `$XDG_CACHE_HOME/cnpfix`, else `~/.cache/cnpfix`."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base and base.startswith("/") else Path.home() / ".cache") / "cnpfix"


class Kept:
    """Texts by digest. A folder that cannot be written, or read, keeps nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def get(self, digest: str) -> str | None:
        """The text of a digest; None where none is kept."""
        if self._folder is None:
            return None
        try:
            return (self._folder / digest[:2] / digest).read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def put(self, digest: str, text: str) -> None:
        """Keeps a text; whoever reads meanwhile finds the whole of it or nothing."""
        if self._folder is None:
            return
        with suppress(OSError):
            target = self._folder / digest[:2] / digest
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor, name = tempfile.mkstemp(dir=target.parent)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            Path(name).replace(target)


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
