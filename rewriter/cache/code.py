"""Which cnpfix this is: what one version kept is nothing to another."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from rewriter import __version__

_PACKAGE = Path(__file__).parent.parent


@cache
def own_identity() -> bytes | None:
    """`code_identity` of the code that runs: what is written into its files later, this process has not read."""
    return code_identity(_PACKAGE)


def code_identity(package: Path) -> bytes | None:
    """The version, the Python that runs it, and the code itself; None where the code cannot be identified.

    An installer lists every file with its digest in RECORD, so that two builds of one version differ. A checkout has
    none beside it: there it is the size and time of every file, by which Python, too, decides whether to compile again.
    """
    known = f"{__version__} {sys.version} {sys.byteorder}".encode()
    try:
        records = sorted(package.parent.glob("cnpfix-*.dist-info/RECORD"))
        code = b"".join(path.read_bytes() for path in records) or b"\n".join(_files(str(package)))
    except OSError:
        return None
    return known + b"\n" + code if code else None


def _files(folder: str) -> Iterator[bytes]:
    folders = [folder]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in sorted(entries, key=lambda file: file.name):
                if entry.is_dir():
                    if entry.name != "__pycache__":
                        folders.append(entry.path)
                else:
                    status = entry.stat()
                    yield f"{entry.path} {status.st_size} {status.st_mtime_ns}".encode("utf-8", "surrogateescape")
