"""The beginning of a file that lies in a tree beside the manifests."""

from __future__ import annotations

import os
import stat

_NOW = getattr(os, "O_NONBLOCK", 0)


def beginning_of(path: str | os.PathLike[str], most: int) -> bytes:
    """At most so many bytes of a file; none where it cannot be read.

    A pipe or a device of the name of a file has none either: it would be waited for, and may have no end.
    """
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | _NOW)) as file:
            return file.read(most) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else b""
    except OSError:
        return b""
