"""Manifests as JSON, for as far as JSON gives back exactly what was parsed."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any

from rewriter.inventory.facts.model import Source
from rewriter.inventory.kept.packed import MALFORMED, as_json, cut, numbers
from rewriter.inventory.texts.manifests import Manifest

_DEEPEST = 100
#: Stands for the manifests of a file that JSON would change: no run need try them again.
_NEVER = b"-"
#: What is kept of one tree at most.
_MOST_BYTES = 64 << 20


def manifest_parts(
    files: int, parsed: Iterable[tuple[int, Sequence[Manifest], int]], before: KeptManifests | None = None
) -> dict[str, bytes]:
    """The parts for so many files, of which those with these numbers have these manifests, and bytes of this size.

    What is kept from before stays.
    """
    pieces = [b""] * files if before is None else [bytes(before.piece(number)) for number in range(files)]
    room = _MOST_BYTES - sum(map(len, pieces))
    for number, manifests, size in parsed:
        made = b"" if pieces[number] else _as_json(manifests, size)
        if made and len(made) <= room:
            pieces[number] = made
            room -= len(made)
    starts = [0, *accumulate(map(len, pieces))]
    return {"manifest_starts": numbers("I", starts), "manifests": b"".join(pieces)}


class KeptManifests:
    """Answers from the parts, for so many files. Raises one of MALFORMED for others."""

    def __init__(self, parts: Mapping[str, memoryview], files: int) -> None:
        self._starts = parts["manifest_starts"].cast("I")
        self._all = parts["manifests"]
        if len(self._starts) != files + 1:
            raise ValueError("not one start for every file")

    def piece(self, number: int) -> memoryview:
        """The JSON of a file by its number, or the mark that there is none; empty where it was not parsed so far."""
        return cut(self._all, self._starts, number)

    def of(self, path: str, number: int) -> list[Manifest] | None:
        """The manifests of a file by its number, which lies at a path now; None where they are not kept."""
        piece = self.piece(number)
        try:
            known = piece and piece != _NEVER
            return [_manifest(path, *load) for load in json.loads(bytes(piece))] if known else None
        except MALFORMED:
            return None


def _as_json(manifests: Sequence[Manifest], size: int) -> bytes:
    """The lines, values and places of a file's manifests; a mark where JSON would change one, or they are many.

    Aliases make of a short file a large value.
    """
    left = size
    for manifest in manifests:
        left = _left(manifest.value, left, 0)
    return (
        _NEVER
        if left < 0
        else as_json([[manifest.source.line, manifest.value, manifest.place] for manifest in manifests])
    )


def _manifest(path: str, line: int | None, value: dict[str, Any], place: list[Any] | None) -> Manifest:
    if place is None:
        return Manifest(Source(path, line), value)
    index, route = place
    return Manifest(Source(path, line), value, (index, route))


def _left(value: Any, left: int, depth: int) -> int:
    """How many of the nodes are left; less than none where the value is not one of JSON."""
    if left <= 0 or depth > _DEEPEST:
        return -1
    kind = type(value)
    left -= 1
    if kind is str or kind is int or kind is bool or value is None or (kind is float and math.isfinite(value)):
        return left
    if kind is dict:
        for key, item in value.items():
            left = _left(item, left, depth + 1) if type(key) is str else -1
            if left < 0:
                return -1
        return left
    if kind is list:
        for item in value:
            left = _left(item, left, depth + 1)
            if left < 0:
                return -1
        return left
    return -1
