"""Flows counted by their kind: what is kept grows with the kinds, not with the number of flows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rewriter.inventory.hubble.flows import ObservedEndpoint, ObservedFlow, ObservedFlows
from rewriter.inventory.hubble.lines import UNREADABLE, Event, LineReader, Skipped, parsed_line

#: Kinds of flow that are kept; those of later kinds are counted, and reported as left out.
MOST_KINDS = 100_000
#: DNS names that are kept of one address.
MOST_NAMES = 20
#: Lists of DNS names of one address that a part keeps in their order.
_MOST_IN_ORDER = 2_000
_Key = tuple[bytes, bytes, int, int, str, int]


class Table:
    """Counts by kind of flow. Ends are numbered: a label list is kept once, however many flows have it."""

    def __init__(self, *, is_part: bool = False) -> None:
        self._quick = LineReader().quick
        self.events = 0
        self.lost = 0
        self.left_out = 0
        self.first = self.last = b""
        self.skipped: Counter[str] = Counter()
        self._ends: dict[tuple[bytes, bytes], int] = {}
        self._names: dict[int, set[str]] = {}
        self._names_in_order: dict[int, dict[tuple[str, ...], None]] | None = {} if is_part else None
        self._odd = False
        self._counts: dict[_Key, int] = {}
        self._last: dict[_Key, bytes] = {}

    def __getstate__(self) -> dict[str, object]:
        """All that another process needs to know of a part."""
        return {name: value for name, value in vars(self).items() if name != "_quick"}

    @property
    def messages(self) -> int:
        """How many lines were readable."""
        return self.events - self.skipped[UNREADABLE.reason]

    def add(self, line: bytes) -> None:
        # Millions of lines go through here: calls that can be left out are.
        if len(line) < 2:
            return
        self.events += 1
        event = self._quick(line) or parsed_line(line)
        if type(event) is Skipped:
            if event.lost:
                self.lost += event.lost
            else:
                self.skipped[event.reason] += 1
            return
        assert type(event) is Event
        verdict, direction, labels, others, address, place, protocol, port, time, source_names, other_names = event
        if not time:
            self._odd = True
        if not self.first or time < self.first:
            self.first = time
        if time > self.last:
            self.last = time
        ends = self._ends
        source = ends.get((labels, address))
        if source is None:
            source = self._new_end(labels, address)
        destination = ends.get((others, place))
        if destination is None:
            destination = self._new_end(others, place)
        key = (verdict, direction, source, destination, protocol, port)
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
        if source_names:
            self._add_names(source, source_names)
        if other_names:
            self._add_names(destination, other_names)

    def _new_end(self, labels: bytes, address: bytes) -> int:
        """The number of an end that was not met so far; -1 where there are too many."""
        if len(self._ends) >= MOST_KINDS:
            return -1
        number = self._ends[labels, address] = len(self._ends)
        return number

    def _add_names(self, number: int, names: tuple[str, ...]) -> None:
        known = self._names.setdefault(number, set())
        known.update(names[: MOST_NAMES - len(known)])
        if self._names_in_order is not None:
            in_order = self._names_in_order.setdefault(number, {})
            in_order[names] = None
            self._odd = self._odd or len(in_order) > _MOST_IN_ORDER

    def joined(self, later: Table) -> bool:
        """Adds a part that was read by itself; False where reading it behind this one could have had another result.

        That is where limits are met, or times are missing.
        """
        if self._odd or later._odd or self.left_out or later.left_out:
            return False
        self.events += later.events
        self.lost += later.lost
        self.skipped += later.skipped
        self.first = min(filter(None, (self.first, later.first)), default=b"")
        self.last = max(self.last, later.last)
        ends = [self._ends.setdefault(end, len(self._ends)) for end in later._ends]
        for key, count in later._counts.items():
            verdict, direction, source, destination, protocol, port = key
            own = (verdict, direction, ends[source], ends[destination], protocol, port)
            self._counts[own] = self._counts.get(own, 0) + count
            self._last[own] = max(self._last.get(own, b""), later._last[key])
        for number, in_order in (later._names_in_order or {}).items():
            for names in in_order:  # What was there before takes nothing in that it did not take in then.
                self._add_names(ends[number], names)
        return len(self._ends) <= MOST_KINDS and len(self._counts) <= MOST_KINDS

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
