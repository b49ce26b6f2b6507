"""Exports read line by line and added up; what is kept grows with the kinds of flow, not with their number."""

from __future__ import annotations

import gzip
import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, cast

from rewriter.discovery import refuse_device, why_unread
from rewriter.inventory.hubble.flows import ObservedEndpoint, ObservedFlow, ObservedFlows
from rewriter.inventory.hubble.lines import UNREADABLE, Event, LineReader, Skipped

#: Kinds of flow that are kept; those of later kinds are counted, and reported as left out.
MOST_KINDS = 100_000
#: A line longer than this is no flow; it is passed over without being held whole.
LONGEST_LINE = 1 << 20
#: DNS names that are kept of one address.
MOST_NAMES = 20
_STEP = 20_000
_Key = tuple[bytes, bytes, int, int, str, int]


class HubbleError(ValueError):
    """An export that cannot be read: one line with the file and what was expected."""


def read_exports(paths: Sequence[Path], step: Callable[[int], None] = lambda _count: None) -> ObservedFlows:
    """The flows of exports, plain or gzip, in the order of how often they were seen. Raises HubbleError.

    A line that is cut off at the end of a file (an export still written, a gzip cut short) is passed over; a file
    without a single message of Hubble is an error.
    """
    table = _Table()
    for path in paths:
        before = table.events - table.skipped[UNREADABLE.reason]
        try:
            refuse_device(path)
            with path.open("rb") as raw:
                for count, line in enumerate(_lines(_opened(raw)), start=1):
                    table.add(line)
                    if not count % _STEP:
                        step(_STEP)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            pass  # Cut short: what came before counts.
        except OSError as error:
            raise HubbleError(f"--hubble {path}: {why_unread(path, error)}") from None
        if table.events - table.skipped[UNREADABLE.reason] == before:
            raise HubbleError(f"--hubble {path}: holds no flows; expected the output of `hubble observe -o json`")
    return table.result(paths)


def _opened(raw: BufferedReader) -> BinaryIO:
    """The text of a file; a pipe will do, so nothing is sought."""
    compressed = raw.peek(2)[:2] == b"\x1f\x8b"
    return cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if compressed else raw


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Lines, in large reads; one longer than `LONGEST_LINE` comes as a mere brace."""
    rest = b""
    too_long = False
    while block := stream.read(1 << 20):
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


class _Table:
    """Counts by kind of flow. Ends are numbered: a label list is kept once, however many flows have it."""

    def __init__(self) -> None:
        self._read = LineReader().read
        self.events = 0
        self.lost = 0
        self.left_out = 0
        self.first = self.last = b""
        self.skipped: Counter[str] = Counter()
        self._ends: dict[tuple[bytes, bytes], int] = {}
        self._names: dict[int, set[str]] = {}
        self._counts: dict[_Key, int] = {}
        self._last: dict[_Key, bytes] = {}

    def add(self, line: bytes) -> None:
        if len(line) < 2:
            return
        self.events += 1
        event = self._read(line)
        if isinstance(event, Skipped):
            if event.lost:
                self.lost += event.lost
            else:
                self.skipped[event.reason] += 1
            return
        self._count(event)

    def _count(self, event: Event) -> None:
        time = event.time
        if not self.first or time < self.first:
            self.first = time
        if time > self.last:
            self.last = time
        source = self._end(event.source, event.source_address)
        destination = self._end(event.destination, event.destination_address)
        key = (event.verdict, event.direction, source, destination, event.protocol, event.port)
        counts = self._counts
        if key in counts:
            counts[key] += 1
            if time > self._last[key]:
                self._last[key] = time
        elif len(counts) < MOST_KINDS and source >= 0 and destination >= 0:
            counts[key] = 1
            self._last[key] = time
        else:
            self.left_out += 1
            return
        for number, names in ((source, event.source_names), (destination, event.destination_names)):
            if names:
                known = self._names.setdefault(number, set())
                known.update(names[: MOST_NAMES - len(known)])

    def _end(self, labels: bytes, address: bytes) -> int:
        """The number of an end; -1 where there are too many."""
        key = (labels, address)
        number = self._ends.get(key)
        if number is None:
            if len(self._ends) >= MOST_KINDS:
                return -1
            number = self._ends[key] = len(self._ends)
        return number

    def result(self, paths: Sequence[Path]) -> ObservedFlows:
        ends = [
            ObservedEndpoint(_label_texts(labels), _text(address), tuple(sorted(self._names.get(number, ()))))
            for (labels, address), number in self._ends.items()
        ]
        # The same labels in another order are the same end.
        same = {(end.labels, end.address): end for end in ends}
        ends = [same[end.labels, end.address] for end in ends]
        found: dict[tuple[object, ...], ObservedFlow] = {}
        for key, count in self._counts.items():
            verdict, direction, source, destination, protocol, port = key
            flow = ObservedFlow(
                ends[source],
                ends[destination],
                protocol,
                port,
                _text(direction),
                _text(verdict),
                count,
                _seconds(self._last[key]),
            )
            kind = (flow.source, flow.destination, protocol, port, direction, verdict)
            known = found.get(kind)
            if known is not None:
                flow = replace(flow, count=flow.count + known.count, last=max(flow.last, known.last))
            found[kind] = flow
        return ObservedFlows(
            tuple(sorted(found.values(), key=_order)),
            tuple(map(str, paths)),
            self.events,
            _seconds(self.first),
            _seconds(self.last),
            self.lost,
            self.left_out,
            dict(sorted(self.skipped.items())),
        )


def _order(flow: ObservedFlow) -> tuple[object, ...]:
    ends = [(end.labels, end.address) for end in (flow.source, flow.destination)]
    return (-flow.count, *ends, flow.protocol, flow.port, flow.direction, flow.verdict)


def _label_texts(labels: bytes) -> tuple[str, ...]:
    return tuple(sorted(set(json.loads(b"[" + labels + b"]"))))


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _seconds(time: bytes) -> str:
    """A moment without the parts of its second."""
    text = _text(time)
    head, dot, _ = text.partition(".")
    return f"{head}Z" if dot and text.endswith("Z") else text
