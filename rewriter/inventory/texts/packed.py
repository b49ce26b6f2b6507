"""Files that are packed: charts as Helm packages them (`.tgz`), and manifests that are compressed (`.yaml.gz`)."""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from typing import NamedTuple

#: As much text of one file is looked at; a file that holds more counts as one that cannot be read.
_MOST = 64 << 20


class Packed(NamedTuple):
    """What a packed file holds: its text (None: it cannot be read), and in words why it is no fact."""

    text: bytes | None
    why: str


def unpacked(path: str, data: bytes) -> Packed | None:
    """The manifests of a packed file, the templates of a chart among them; None where it holds none."""
    if not path.endswith(".tgz"):
        return Packed(_inflated(data), "is compressed")
    try:
        members = _members(data)
    except (tarfile.TarError, OSError, EOFError, zlib.error):
        in_charts = path.rpartition("/")[0].rpartition("/")[2] == "charts"
        return Packed(None, "is a packaged chart that cannot be read") if in_charts else None
    top = min((name for name in members if name.rpartition("/")[2] == "Chart.yaml"), key=len, default=None)
    if top is None or b"type: library" in members[top]:
        return None
    templates = (text for name, text in members.items() if "/templates/" in f"/{name}")
    return Packed(b"\n---\n".join(templates), "is a packaged chart, which is not rendered")


def _inflated(data: bytes) -> bytes | None:
    try:
        with gzip.open(io.BytesIO(data)) as stream:
            text = stream.read(_MOST + 1)
    except (OSError, EOFError, zlib.error):
        return None
    return text if len(text) <= _MOST else None


def _members(data: bytes) -> dict[str, bytes]:
    """The files of an archive by name. Raises TarError, also for one that holds too much."""
    found: dict[str, bytes] = {}
    left = _MOST
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
        for member in archive:
            left -= member.size
            if left < 0:
                raise tarfile.TarError("holds too much")
            if member.isfile() and (stream := archive.extractfile(member)) is not None:
                found[member.name] = stream.read()
    return found
