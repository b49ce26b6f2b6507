"""The bytes of a file, or what is wrong with it."""

from __future__ import annotations

import errno
import mmap
import os
import stat
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from rewriter.discovery.escapes import unescaped
from rewriter.records import dataclass

#: Larger files are not parsed: no manifest comes near, and a parser's memory is a multiple of it.
MAX_BYTES = 64 << 20

_POLICY_MARKER = b"NetworkPolicy"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
#: What names the files that a process has open.
_OPEN_ALREADY = ("/dev/fd/", "/dev/stdin", "/proc/")
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


@dataclass(frozen=True, slots=True)
class InputError:
    """Something that could not be read or treated: file, 1-based line if there is one, what, and what to do.

    `details` are for a report of a mistake in cnpfix itself: several lines, a traceback.
    """

    path: str
    message: str
    line: int | None = None
    hint: str = ""
    details: str = ""

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {self.message}" + (f"; {self.hint}" if self.hint else "")


class FoundFile(NamedTuple):
    """A file to read. `display` opens it and is how people know it; `explicit` if it was named itself."""

    display: str
    explicit: bool = False

    @property
    def path(self) -> Path:
        return Path(self.display)


def read_file(found: FoundFile) -> bytes | InputError | None:
    """The bytes of a file; None for one too large to be a manifest that holds no policy either."""
    try:
        descriptor = os.open(found.display, _FLAGS)
    except OSError as error:
        return InputError(found.display, reason(error), hint="check its permissions")
    try:
        status = os.fstat(descriptor)
        size = status.st_size
        if not stat.S_ISREG(status.st_mode):
            return InputError(found.display, "is not a regular file", hint="name a manifest")
        if size > MAX_BYTES:
            return _too_large(descriptor, size, found)
        data = os.read(descriptor, size + 1)
        return data if len(data) == size else _rest(descriptor, data, found)
    except OSError as error:
        return InputError(found.display, reason(error), hint="check the file")
    finally:
        os.close(descriptor)


def _rest(descriptor: int, data: bytes, found: FoundFile) -> bytes | InputError | None:
    """The whole of a file whose first read came short, or that grew since."""
    parts = [data]
    length = len(data)
    while part := os.read(descriptor, 1 << 20):
        parts.append(part)
        length += len(part)
        if length > MAX_BYTES:
            return _too_large(descriptor, os.fstat(descriptor).st_size, found)
    return b"".join(parts)


def _too_large(descriptor: int, size: int, found: FoundFile) -> InputError | None:
    with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as content:
        if not found.explicit and content.find(_POLICY_MARKER) < 0:
            return None
    return InputError(found.display, f"holds {size:,} bytes, more than {MAX_BYTES >> 20} MiB", hint="split the file")


def refuse_device(path: Path) -> None:
    """Raises OSError for a device, which may have no end, and for a named pipe, which may have no writer.

    A pipe that is open already has one: that of `<(command)` in a shell, or stdin.
    """
    if path.is_block_device() or (path.is_char_device() and not path.samefile("/dev/null")):
        raise OSError(errno.ENODEV, "it is a device, not a file", str(path))
    if path.is_fifo() and not os.path.normpath(path).startswith(_OPEN_ALREADY):
        raise OSError(errno.ESPIPE, "it is a named pipe; give a file, or `<(command)`", str(path))


def refuse_unbounded(path: Path, limit: int) -> None:
    """Raises OSError for a device, and for a file of more than the limit; for files that a library reads by itself."""
    refuse_device(path)
    if path.stat().st_size > limit:
        raise OSError(errno.EFBIG, f"it holds more than {limit >> 20} MiB", str(path))


def read_bounded(path: Path, limit: int) -> bytes:
    """The bytes of a file that an option names, a pipe among them. Raises OSError, also for more than the limit."""
    refuse_device(path)
    with path.open("rb") as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise OSError(errno.EFBIG, f"it holds more than {limit >> 20} MiB", str(path))
    return data


def holds_old_object(data: bytes) -> bool:
    """Whether bytes may hold an object of Cilium that is judged beside policies: a group of CIDRs, an old version."""
    return b"cilium.io/v2alpha1" in data or b"CiliumCIDRGroup" in data


def holds_policy(data: bytes) -> bool:
    """Whether bytes may hold a network policy, escapes read. UTF-16 counts if it would, so that decoding refuses it."""
    return _POLICY_MARKER in data or _POLICY_MARKER in unescaped(data)


def reason(error: OSError) -> str:
    """Why a file or folder cannot be read, in a few words."""
    match error:
        case FileNotFoundError():
            return "no such file or folder"
        case PermissionError():
            return "cannot be read: permission denied"
        case _:
            return f"cannot be read: {error.strerror or error}"


def why_unread(path: Path, error: OSError) -> str:
    """Why a file that an option names cannot be read, with the nearest name where there is no such file."""
    hint = nearest(path) if isinstance(error, FileNotFoundError) else ""
    return f"cannot be read: {error.strerror or error}" + (f"; {hint}" if hint else "")


def nearest(path: Path) -> str:
    """The path of nearly the same name as one that is not there, as a question; else what its folder holds.

    Empty where the folder holds nothing, or cannot be read.
    """
    try:
        there = next((above for above in path.parents if os.path.lexists(above)), path.parent)
        missing = path.relative_to(there).parts
        names = sorted(name for name in os.listdir(there) if not name.startswith("."))
        if not missing or not names:
            return ""
        close = get_close_matches(missing[0], names, n=1, cutoff=0.75)
    except (OSError, ValueError):
        return ""
    if close:
        return f"did you mean {os.path.normpath(there.joinpath(close[0], *missing[1:]))}?"
    return f"{'this folder' if there == Path() else there} holds {some_of(names)}"


def some_of(names: Sequence[str]) -> str:
    """The first few of the names that there are: `a, b and 12 more`."""
    most = 6
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"
