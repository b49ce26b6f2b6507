"""The ledger: a line for each step that ended, so that a run goes on where the last one stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, fields
from pathlib import Path

from rewriter.discovery import read_bounded
from rewriter.fleet.settings import FleetError
from rewriter.records import dataclass

#: Some million steps.
_MAX_BYTES = 1 << 30

DONE, FAILED, EMPTY, HELD = "done", "failed", "empty", "held"


@dataclass(frozen=True, slots=True)
class Entry:
    """A step of a repository that ended.

    `step` is `facts`, `findings` or `requests`; `base` the commit; `digest` that of all that the outcome rests on;
    `seconds` how long it took; `at` when it ended (seconds since 1970, UTC); `reason` what went wrong, or
    which requests were made.
    """

    repository: str
    step: str
    base: str
    version: str
    digest: str
    outcome: str
    seconds: float
    at: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger of one run, or of one shard."""

    file: Path

    def add(self, entry: Entry) -> None:
        """Puts a line at the end, whole or, where the machine stops in the middle, torn: then it does not count."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            size = os.fstat(handle).st_size
            torn = size and os.pread(handle, 1, size - 1) != b"\n"
            line = json.dumps(asdict(entry), ensure_ascii=True) + "\n"
            os.write(handle, ("\n" if torn else "").encode() + line.encode())
            os.fsync(handle)
        finally:
            os.close(handle)

    def entries(self) -> list[Entry]:
        """Every whole line, oldest first; none where there is no ledger yet. Raises FleetError."""
        try:
            data = read_bounded(self.file, _MAX_BYTES)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise FleetError(f"{self.file}: cannot be read: {error.strerror or error}") from None
        return [entry for line in data.splitlines() if (entry := _entry(line)) is not None]


def newest(entries: Iterable[Entry]) -> dict[tuple[str, str], Entry]:
    """The last entry of each repository and step."""
    found: dict[tuple[str, str], Entry] = {}
    for entry in sorted(entries, key=lambda entry: entry.at):
        found[entry.repository, entry.step] = entry
    return found


def _entry(line: bytes) -> Entry | None:
    """The entry of a line; None of one that is torn, or of another program."""
    try:
        data = json.loads(line)
        return Entry(**{field.name: data[field.name] for field in fields(Entry)})
    except (ValueError, TypeError, KeyError):
        return None
