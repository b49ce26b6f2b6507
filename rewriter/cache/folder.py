"""A folder of entries: bytes by group and key. Data only, and what is damaged in any way is simply not there.

Several runs may use the folder at once, and one may be killed at any moment: an entry is written beside its place and
renamed into it whole. Each begins with a digest over its place and all its bytes.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from hashlib import blake2b
from pathlib import Path

from rewriter.cache.code import own_identity

#: What all entries may take together; then the oldest go until a tenth is free.
MOST_BYTES = 512 << 20
_MAGIC = b"cnpfix cache 1\n"
_DIGEST = 32
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
#: An entry's time is when it was last used, to the hour.
_HOUR = 3600
#: What a run that was killed leaves is removed after a day.
_TEMPORARY, _DAY = ".new-", 24 * _HOUR
#: The marks by which tools for backups, and git, leave the folder out.
_MARKS = {
    "CACHEDIR.TAG": "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# What cnpfix keeps between runs; remove it freely.\n",
    ".gitignore": "*\n",
}


def default_folder() -> Path | None:
    """The user's folder: `$XDG_CACHE_HOME/cnpfix`, else `~/.cache/cnpfix`; None for a user without a home."""
    base = os.environ.get("XDG_CACHE_HOME")
    if base and base.startswith("/"):
        return Path(base) / "cnpfix"
    home = os.path.expanduser("~")  # noqa: PTH111 - that of pathlib raises where there is none
    return Path(home) / ".cache" / "cnpfix" if home.startswith("/") else None


class CacheFolder:
    """Entries in a folder; without one, and where it cannot be read or written, nothing is kept.

    `most` bounds the bytes in it. `code` says which cnpfix this is: what another one wrote is not found.
    """

    def __init__(
        self, folder: Path | None, most: int = MOST_BYTES, code: Callable[[], bytes | None] = own_identity
    ) -> None:
        self.folder = folder
        self._code = code
        self._most = most
        self._written = most  # The first entry looks at what there is.

    def get(self, group: str, key: bytes) -> bytes | None:
        """The content that was put under a key; None where there is none, or not the whole of it."""
        name = self._name(group, key)
        folder = self._open(group)
        if folder is None or name is None:
            return None
        try:
            data = _read(folder, name)
        except OSError:
            return None
        finally:
            os.close(folder)
        start = len(_MAGIC) + _DIGEST
        if data is None or not data.startswith(_MAGIC):
            return None
        content = data[start:]
        return content if data[len(_MAGIC) : start] == _checksum(group, name, content) else None

    def put(self, group: str, key: bytes, content: bytes) -> bool:
        """Keeps content under a key, and says whether it did; whoever reads meanwhile finds it whole, or what was."""
        name = self._name(group, key)
        if self.folder is None or name is None or len(content) > self._most // 2:
            return False
        try:
            self._make(group)
            folder = self._open(group)
            if folder is None:
                return False
            try:
                _write(folder, name, b"".join((_MAGIC, _checksum(group, name, content), content)))
            finally:
                os.close(folder)
        except OSError:
            return False
        self._written += len(content)
        if self._written > self._most // 16:
            self._written = 0
            trim(self.folder, self._most)
        return True

    def folder_for(self, group: str) -> Path | None:
        """A folder for files that other programs write, within the same bounds; None where none can be made."""
        if self.folder is None:
            return None
        try:
            self._make(group)
        except OSError:
            return None
        return self.folder / group

    def _make(self, group: str) -> None:
        if self.folder is None:
            return
        new = not self.folder.exists()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if new:
            for name, text in _MARKS.items():
                (self.folder / name).write_text(text, "utf-8")
        (self.folder / group).mkdir(mode=0o700, exist_ok=True)

    def _open(self, group: str) -> int | None:
        if self.folder is None:
            return None
        try:
            return os.open(self.folder / group, _FOLDER)
        except (OSError, ValueError):
            return None

    def _name(self, group: str, key: bytes) -> str | None:
        if self.folder is None or self._identity is None:
            return None
        return blake2b(key, digest_size=20, key=self._identity, person=group.encode()[:16]).hexdigest()

    @cached_property
    def _identity(self) -> bytes | None:
        code = self._code()
        return None if code is None else blake2b(code).digest()


#: Keeps nothing and finds nothing.
NO_CACHE = CacheFolder(None)


def _checksum(group: str, name: str, content: bytes) -> bytes:
    total = blake2b(f"{group}/{name}\n".encode(), digest_size=_DIGEST)
    total.update(content)
    return total.digest()


def _read(folder: int, name: str) -> bytes | None:
    descriptor = os.open(name, _READ, dir_fd=folder)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid not in (os.geteuid(), 0):
            return None
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read()
        if time.time() - status.st_mtime > _HOUR:
            with suppress(OSError):
                os.utime(descriptor)
        return data
    finally:
        os.close(descriptor)


def _write(folder: int, name: str, data: bytes) -> None:
    new = f"{_TEMPORARY}{os.getpid()}-{os.urandom(6).hex()}"
    descriptor = os.open(new, _NEW, 0o600, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.replace(new, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(new, dir_fd=folder)
        raise


def trim(folder: Path, most: int) -> None:
    """Removes the entries that were used least lately until a tenth of `most` is free, if they take more than that."""
    found: list[tuple[float, int, str]] = []
    now = time.time()
    for base, _folders, names in os.walk(folder):
        for name in names:
            path = f"{base}/{name}"
            with suppress(OSError):
                status = os.lstat(path)
                if name.startswith(_TEMPORARY) and now - status.st_mtime > _DAY:
                    os.unlink(path)  # noqa: PTH108 - str throughout
                elif name not in _MARKS:
                    found.append((status.st_mtime, status.st_size, path))
    total = sum(size for _time, size, _path in found)
    if total <= most:
        return
    for _time, size, path in sorted(found):
        if total <= most - most // 10:
            return
        with suppress(OSError):
            os.unlink(path)  # noqa: PTH108
            total -= size
