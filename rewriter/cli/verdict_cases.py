"""`cnpfix verdict --cases`: one answer a line, on stdout, for a file with one case a line."""

from __future__ import annotations

import errno
import gzip
import io
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from rewriter.cilium.cases import CaseError, answer_case
from rewriter.cilium.version import Version
from rewriter.cli.errors import UsageError
from rewriter.cli.printing import warn
from rewriter.discovery import refuse_device, why_unread
from rewriter.engine.pipeline.isolation import failure_of
from rewriter.output.style import escaped_marks

_GZIP = b"\x1f\x8b"
_LONGEST = 64 << 20


def answer_cases(file: Path, version: Version) -> int:
    """Prints the answers in order; a line that is no case is one error, and the others are answered. 2 after any."""
    bad = 0
    try:
        with _open(file) as stream:
            for number, line in enumerate(stream, start=1):
                if not line.strip():
                    continue
                try:
                    answer = answer_case(_read(line), version)
                except CaseError as error:
                    bad += 1
                    warn(f"{file}:{number}: is not a case: {error}")
                    continue
                except Exception as error:  # One case that fails must not take the others down.
                    bad += 1
                    warn(f"{file}:{number}: failed ({failure_of(error, 'verdict').reason}); please report it")
                    continue
                sys.stdout.write(escaped_marks(json.dumps(answer, separators=(",", ":"))) + "\n")
    except OSError as error:
        raise UsageError(f"--cases {file}: {why_unread(file, error)}") from None
    except EOFError as error:
        raise UsageError(f"--cases {file}: cannot be read: {error}") from None
    return 2 if bad else 0


def _read(line: bytes) -> object:
    try:
        return json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        raise CaseError("it is not UTF-8") from None
    except RecursionError:
        raise CaseError("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise CaseError(f"it is not JSON: {error.msg} at character {error.pos + 1}") from None


@contextmanager
def _open(file: Path) -> Iterator[Iterable[bytes]]:
    """The lines of a file, or of stdin for `-`; unpacked where they are gzip. Raises OSError, also for a device."""
    if str(file) == "-":
        yield _unpacked(sys.stdin.buffer)
        return
    refuse_device(file)
    with file.open("rb") as stream:
        yield _unpacked(stream)


def _unpacked(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of a stream. Raises OSError for one that is longer than any case."""
    reader = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(cast(io.RawIOBase, stream))
    lines = gzip.GzipFile(fileobj=reader) if reader.peek(len(_GZIP)).startswith(_GZIP) else reader
    while line := lines.readline(_LONGEST + 1):
        if len(line) > _LONGEST:
            raise OSError(errno.EFBIG, f"a line holds more than {_LONGEST >> 20} MiB")
        yield line
