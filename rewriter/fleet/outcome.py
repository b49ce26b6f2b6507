"""What a step's process leaves behind, so that a step is done once even where the run that started it is gone.

A process outlives a driver that is killed. Its lock keeps the next run from the same repository until it ends, and
its outcome is then found instead of being made once more.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path

from rewriter.records import dataclass

#: Exit codes of a run that made its output: with findings, or without.
GOOD_CODES = (0, 1)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A step's process: `key` says on what it rests, `begun` how often it was started for that key.

    `code` is the exit code, None as long as it runs or where something killed it; `message` its last lines.
    """

    key: str
    begun: int
    code: int | None = None
    message: str = ""

    @staticmethod
    def read(file: Path) -> Outcome | None:
        """The outcome that a file holds; None of one that is not there or holds something else."""
        try:
            data = json.loads(file.read_bytes())
            return Outcome(**{field.name: data[field.name] for field in fields(Outcome)})
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def write(self, file: Path) -> None:
        """Puts the outcome into a file, whole or not at all."""
        new = file.with_name(file.name + ".new")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as written:
            json.dump(asdict(self), written)
        new.replace(file)


@contextmanager
def held(lock: Path) -> Iterator[int]:
    """Waits for a lock and holds it; gives its descriptor, with which processes that inherit it hold it too."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)
