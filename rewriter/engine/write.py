"""Writing a file so that it is either the old one or the new one, whole, at every moment."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


class WriteError(Exception):
    """A file that could not be written; the old one is as it was."""


def write_atomically(path: Path, before: bytes, after: bytes) -> None:
    """Replaces a file's content, keeping mode and owner; through a symlink, its target is replaced.

    Refuses (WriteError) when the file no longer holds `before`, or cannot be written.
    """
    target = Path(os.path.realpath(path))
    temporary = None
    try:
        status = target.stat()
        if target.read_bytes() != before:
            raise WriteError("changed while it was being read; nothing written, run again")
        if not os.access(target, os.W_OK):
            raise WriteError("is read-only; nothing written")
        descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".cnpfix", dir=target.parent)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(after)
            stream.flush()
            os.fchmod(stream.fileno(), status.st_mode & 0o7777)
            if (os.geteuid(), os.getegid()) != (status.st_uid, status.st_gid):
                os.fchown(stream.fileno(), status.st_uid, status.st_gid)
            os.fsync(stream.fileno())
        if target.read_bytes() != before:
            raise WriteError("changed while it was being rewritten; nothing written, run again")
        os.replace(temporary, target)  # noqa: PTH105 - the pair of mkstemp
        temporary = None
        _sync_folder(target.parent)
    except OSError as error:
        raise WriteError(f"cannot be written: {error.strerror or error}") from None
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()


def _sync_folder(folder: Path) -> None:
    """Makes the rename itself durable; some file systems cannot, and then it is as durable as they are."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
