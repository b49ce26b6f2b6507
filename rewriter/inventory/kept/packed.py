"""Named parts in one run of bytes: what is asked for is looked at where it lies, and nothing else is."""

from __future__ import annotations

import json
from array import array
from collections.abc import Mapping, Sequence
from typing import Any

#: What bytes of the right checksum and the wrong form end in: they are of no use then, and no mistake of a user's.
MALFORMED = (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError)


def packed(parts: Mapping[str, bytes]) -> bytes:
    """The parts with a table of their lengths before them."""
    table = json.dumps({name: len(part) for name, part in parts.items()}).encode()
    return b"".join((table, b"\n", *parts.values()))


def unpacked(data: bytes) -> dict[str, memoryview]:
    """The parts by name. Raises one of MALFORMED."""
    end = data.index(b"\n")
    view = memoryview(data)
    found, start = {}, end + 1
    for name, length in json.loads(data[:end]).items():
        found[str(name)] = view[start : start + length]
        start += length
    if start != len(data):
        raise ValueError("the lengths of the parts are not that of the whole")
    return found


def numbers(code: str, values: Sequence[int]) -> bytes:
    """Numbers of one size, by the letters of `array`."""
    return array(code, values).tobytes()


def cut(part: memoryview, starts: memoryview, index: int) -> memoryview:
    """The piece of a part that begins at the start of an index and ends at the next."""
    return part[starts[index] : starts[index + 1]]


def as_json(value: Any) -> bytes:
    """JSON in ASCII, as short as it gets."""
    return json.dumps(value, separators=(",", ":")).encode()
