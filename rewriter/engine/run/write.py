"""Writing a file so that it is either the old one or the new one, whole, at every moment."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from rewriter import patterns as re
from rewriter.discovery import FoundFile
from rewriter.engine.pipeline import refusals
from rewriter.engine.results.result import FileResult

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW

_TEMPORARY = re.compile(r"\.cnpfix-[0-9a-f]{16}\.tmp")


class WriteError(Exception):
    """A file that could not be written; the old one is as it was."""


def write_atomically(path: Path, before: bytes, after: bytes) -> None:
    """Replaces a file's content, keeping mode, owner and extended attributes; through a symlink, its target's.

    Other names of the same file (hard links) keep the old content: the run was not asked to change them. Refuses
    (WriteError) when the file no longer holds `before`, is read-only, or cannot be written. What interrupts it leaves
    nothing behind but the old file or the new one.
    """
    target = Path(os.path.realpath(path))
    try:
        status = target.stat()
        if target.read_bytes() != before:
            raise WriteError("changed while it was being read; nothing written, run again")
        refusal = _refusal(target, status)
        if refusal:
            raise WriteError(f"{refusal}; nothing written")
        with temporary(target.parent) as (descriptor, name):
            _write(descriptor, after)
            _keep(descriptor, target, status)
            os.fsync(descriptor)
            if target.read_bytes() != before:
                raise WriteError("changed while it was being rewritten; nothing written, run again")
            os.replace(name, target)  # noqa: PTH105 - a name, as the other calls take it
        _sync_folder(target.parent)
    except OSError as error:
        raise WriteError(f"cannot be written: {error.strerror or error}; nothing written") from None


def _refusal(target: Path, status: os.stat_result) -> str | None:
    """Why a file may not be written, in words that say what to change; None when it may."""
    # A whole tree without write bits is a copy of a read-only store: there the mode is no word about this file.
    if not status.st_mode & 0o222 and (target.parent.stat().st_mode & 0o222 or not os.access(target, os.W_OK)):
        return "is read-only"
    if os.access(target, os.W_OK):
        return None
    if os.statvfs(target).f_flag & os.ST_RDONLY:
        return "is on a read-only file system"
    return f"belongs to user {status.st_uid}, and user {os.geteuid()} may not write it"


def remove_leftovers(names: Iterable[str]) -> None:
    """Removes the temporary files that a killed run left at or below paths; those of a live run are locked."""
    for name in names:
        folders = [folder for folder, _, _ in os.walk(name)] if os.path.isdir(name) else [os.path.dirname(name) or "."]  # noqa: PTH112, PTH120
        for folder in folders:
            with contextlib.suppress(OSError), os.scandir(folder) as entries:
                for path in [entry.path for entry in entries if _TEMPORARY.fullmatch(entry.name)]:
                    _remove_if_left(path)


def _remove_if_left(path: str) -> None:
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(path)  # noqa: PTH108
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def temporary(folder: Path) -> Iterator[tuple[int, str]]:
    """A new file of a folder, gone at the end unless it got another name; its own name is no manifest's.

    It is locked as long as it is written, so that `remove_leftovers` of another run leaves it.
    """
    name = str(folder / f".cnpfix-{os.urandom(8).hex()}.tmp")
    try:
        descriptor = os.open(name, _FLAGS, 0o600)
        try:
            with contextlib.suppress(OSError):  # Some file systems have no locks; then a live run is alone there.
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield descriptor, name
        finally:
            os.close(descriptor)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(name)  # noqa: PTH108


def _write(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _keep(descriptor: int, target: Path, status: os.stat_result) -> None:
    """Gives the new file what the old one has. The owner comes first: a change of it takes bits off the mode."""
    made = os.fstat(descriptor)
    if (made.st_uid, made.st_gid) != (status.st_uid, status.st_gid):
        try:
            os.fchown(descriptor, status.st_uid, status.st_gid)
        except PermissionError:
            raise WriteError(
                f"belongs to user {status.st_uid}, and user {os.geteuid()} cannot leave it so; nothing written"
            ) from None
    if hasattr(os, "listxattr"):
        for name in os.listxattr(target):
            with contextlib.suppress(OSError):  # Some belong to the kernel or to the file system.
                os.setxattr(descriptor, name, os.getxattr(target, name))
    os.fchmod(descriptor, status.st_mode & 0o7777)


def _sync_folder(folder: Path) -> None:
    """Makes the rename itself durable; some file systems cannot, and then it is as durable as they are."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_result(found: FoundFile, data: bytes, result: FileResult) -> FileResult:
    """Writes a changed file; what cannot be written is an error of the result, and its findings are not fixed."""
    if not result.changed:
        return result
    try:
        write_atomically(found.path, data, result.after.encode("utf-8"))
    except WriteError as error:
        return refusals.refused(replace(result, changes=()), str(error))
    return result
