"""Files that are not read as facts, and may hold some all the same."""

from __future__ import annotations

from rewriter.inventory.facts.model import Source
from rewriter.records import dataclass


@dataclass(frozen=True, slots=True)
class UnreadFile:
    """A file, or a document of one, whose objects are not known: its text with escapes read, and why, in words.

    The text is None where the bytes themselves cannot be read. `applied` says that it counts as applied wherever it is,
    `missing` that it is not on the disk, so that nothing else reads it either.
    """

    path: str
    source: Source
    text: bytes | None
    why: str
    template: bool = False
    excluded: bool = False
    applied: bool = False
    missing: bool = False
