"""Exports read line by line and added up, large ones in parts by several processes."""

from __future__ import annotations

import gzip
import stat
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from rewriter import parallel
from rewriter.discovery import refuse_device, why_unread
from rewriter.inventory.hubble.flows import ObservedFlows
from rewriter.inventory.hubble.table import Table

#: A line longer than this is no flow; it is passed over without being held whole.
LONGEST_LINE = 1 << 20
BLOCK = 1 << 20
#: Exports smaller than this together are read by one process.
LARGE = 192
#: Blocks that a process reads before it says what it found; so many such shares of all there is are enough.
LEAST, _SHARES = 32, 16
#: How much larger an export is than its compressed file, about.
_RATIO = 12
_STEP = 20_000


class HubbleError(ValueError):
    """An export that cannot be read: one line with the file and what was expected."""


class _Part(NamedTuple):
    """The lines of a file that begin in these bytes; without an end, all to that of the file."""

    path: Path
    begin: int = 0
    end: int | None = None


def read_exports(
    paths: Sequence[Path], step: Callable[[int], None] = lambda _count: None, jobs: int = 1
) -> ObservedFlows:
    """The flows of exports, plain or gzip, in the order of how often they were seen. Raises HubbleError.

    A line that is cut off at the end of a file (an export still written, a gzip cut short) is passed over; a file
    without a single message of Hubble is an error. `jobs` processes read (0: as many as help); the answer is the same.
    """
    table = _read_by_several(paths, step, jobs) if jobs != 1 else None
    if table is None:
        table = Table()
        for path in paths:
            _check(path, _read(table, _Part(path), step))
    return table.result(paths)


def _read(table: Table, part: _Part, step: Callable[[int], None]) -> int:
    """How many messages there are in a part, which the table then holds."""
    path, before = part.path, table.messages
    try:
        refuse_device(path)
        with path.open("rb") as raw:
            for count, line in enumerate(_lines(raw, part), start=1):
                table.add(line)
                if not count % _STEP:
                    step(_STEP)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        pass  # Cut short: what came before counts.
    except OSError as error:
        raise HubbleError(f"--hubble {path}: {why_unread(path, error)}") from None
    return table.messages - before


def _check(path: Path, messages: int) -> None:
    if not messages:
        raise HubbleError(f"--hubble {path}: holds no flows; expected the output of `hubble observe -o json`")


def _read_by_several(paths: Sequence[Path], step: Callable[[int], None], jobs: int) -> Table | None:
    """All exports, read by several processes; None where that does not pay, or could tell something else."""
    shares = _shares(paths)
    if len(shares) < 2:
        return None
    whole = Table()
    messages = dict.fromkeys(paths, 0)
    left = Counter(part.path for share in shares for part in share)
    for share, found in zip(shares, parallel.each(shares, _read_share, jobs, least=1), strict=True):
        if isinstance(found, HubbleError):
            raise found
        table, counts = found
        for part, count in zip(share, counts, strict=True):
            messages[part.path] += count
            left[part.path] -= 1
            if not left[part.path]:
                _check(part.path, messages[part.path])
        if not whole.joined(table):
            return None
        step(table.events)
    return whole


def _read_share(share: Sequence[_Part]) -> tuple[Table, list[int]] | HubbleError:
    table, counts = Table(is_part=True), []
    try:
        for part in share:
            counts.append(_read(table, part, lambda _count: None))
            if not counts[-1] and not part.begin and part.end is None:
                break  # That is an error, which ends all.
    except HubbleError as error:
        return error
    return table, [*counts, *[0] * (len(share) - len(counts))]


def _shares(paths: Sequence[Path]) -> list[list[_Part]]:
    """What each process reads at a time, in order; nothing where all is little, or can be read only once."""
    blocks: list[tuple[int, bool]] = []
    for path in paths:
        try:
            about = path.stat()
            if not stat.S_ISREG(about.st_mode):
                return []
            with path.open("rb") as raw:
                compressed = _is_compressed(raw)
        except OSError:
            return []
        blocks.append((-(-about.st_size // BLOCK) * (_RATIO if compressed else 1), compressed))
    total = sum(count for count, _ in blocks)
    if total < LARGE:
        return []
    most = max(LEAST, -(-total // _SHARES))
    shares: list[list[_Part]] = [[]]
    room = most
    for path, (count, compressed) in zip(paths, blocks, strict=True):
        begins = range(0, 1 if compressed else max(count, 1), most)
        for begin in begins:
            end = None if begin == begins[-1] else (begin + most) * BLOCK
            size = count - begin if end is None else most
            if size > room:
                shares.append([])
                room = most
            shares[-1].append(_Part(path, begin * BLOCK, end))
            room -= size
    return [share for share in shares if share]


def _opened(raw: BufferedReader) -> BinaryIO:
    """The text of a file; a pipe will do, so nothing is sought."""
    return cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if _is_compressed(raw) else raw


def _is_compressed(raw: BufferedReader) -> bool:
    return raw.peek(2)[:2] == b"\x1f\x8b"


def _lines(raw: BufferedReader, part: _Part) -> Iterator[bytes]:
    """Lines, in large reads; one longer than `LONGEST_LINE` comes as a mere brace."""
    within = False  # A line that began before the part.
    if part.begin:
        raw.seek(part.begin - 1)
        within = raw.read(1) != b"\n"
    stream = raw if part.begin else _opened(raw)
    position = part.begin
    rest = b""
    too_long = False
    while block := stream.read(BLOCK):
        if part.end is not None and position >= part.end:
            if within or not (rest or too_long):
                return
            block = block[: block.find(b"\n") + 1] or block
        position += len(block)
        if within:
            _, newline, block = block.partition(b"\n")
            if not newline:
                continue
            within = False
        *lines, rest_of_block = block.split(b"\n")
        if not lines:
            rest += rest_of_block
        else:
            first = rest + lines[0]
            yield b"{" if too_long else first  # counts as unreadable
            yield from lines[1:]
            rest, too_long = rest_of_block, False
        if len(rest) > LONGEST_LINE:
            rest, too_long = b"", True
    if rest and not too_long:
        yield rest
