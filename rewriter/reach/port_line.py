"""Sets of ports as intervals on one line of integers, on which every protocol has its own stretch."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from rewriter.cilium.identity import NamedPort
from rewriter.cilium.ports import ANY_PROTOCOL, EVERYTHING, LAST_PORT, PORT_PROTOCOLS, PortMatch
from rewriter.records import dataclass

_STRETCH = 1 << 18
_FIRST_NAME = LAST_PORT + 1
_KNOWN = (*PORT_PROTOCOLS, "ICMP", "ICMPv6", "VRRP", "IGMP", "GRE", "IPIP", "IPV6", "ESP", "AH")
_END = (len(_KNOWN) + 1) * _STRETCH

Interval = tuple[int, int]
"""First and last point, both inside."""
PortSet = tuple[Interval, ...]
"""Intervals in order that neither overlap nor touch."""

EVERY_PORT: PortSet = ((0, _END - 1),)


class PortRange(NamedTuple):
    """Numbers of one protocol (`""` for those that no policy names), or a port name whose number is not known."""

    protocol: str
    low: int
    high: int
    name: str = ""


class Stretch(NamedTuple):
    """The numbers of a protocol on the line, or the names of its ports (what lies behind them, too)."""

    protocol: int
    of_names: bool

    @property
    def opposite(self) -> Stretch:
        """The names for the numbers, and the other way round."""
        return self._replace(of_names=not self.of_names)

    def numbers_in(self, ports: PortSet) -> bool:
        """Whether a set holds every number of the protocol."""
        first = self.protocol * _STRETCH
        return any(low <= first and first + LAST_PORT <= high for low, high in ports)


def stretch_of(point: int) -> Stretch:
    """The stretch that a point of the line is in."""
    protocol, within = divmod(point, _STRETCH)
    return Stretch(protocol, within > LAST_PORT)


@dataclass(frozen=True, slots=True)
class PortLine:
    """Turns ports into intervals. `names` are the port names that occur, in a fixed order.

    A name that no pod is known to have is a point of its own beside the numbers: it may be any of them.
    """

    names: tuple[str, ...]

    def intervals(self, match: PortMatch, named_ports: Sequence[NamedPort], *, complete: bool) -> list[Interval]:
        """What a match covers. With `complete`, `named_ports` are all there are and other names cover nothing."""
        if match == EVERYTHING:
            return list(EVERY_PORT)
        protocols = PORT_PROTOCOLS if match.protocol == ANY_PROTOCOL else (match.protocol,)
        if match.name:
            return self._named(match, protocols, named_ports, complete=complete)
        if (match.low, match.high) == (0, LAST_PORT):
            return [(base, base + _STRETCH - 1) for base in map(_base, protocols)]
        return [(base + match.low, base + match.high) for base in map(_base, protocols)]

    def borders(self) -> Iterator[Interval]:
        """The stretches of the line, one behind the other, and each name by itself."""
        for base in range(0, _END, _STRETCH):
            yield base, base + LAST_PORT
            for name in range(base + _FIRST_NAME, base + _FIRST_NAME + len(self.names)):
                yield name, name

    def text(self, ports: PortSet) -> str:
        """The set in words: `every port`, `80/TCP, 443/TCP`, `every port except 80`."""
        if ports == EVERY_PORT:
            return "every port"
        direct = self._listed(ports)
        missing = complement(ports)
        return f"every port except {self._listed(missing)}" if len(missing) < len(ports) else direct

    def ranges(self, ports: PortSet) -> tuple[PortRange, ...]:
        """The set protocol by protocol; empty for every port of every protocol."""
        if ports == EVERY_PORT:
            return ()
        found = []
        for protocol, low, high in _stretches(ports):
            if low <= LAST_PORT:
                found.append(PortRange(protocol, low, min(high, LAST_PORT)))
            if high > LAST_PORT:
                first = max(low, _FIRST_NAME) - _FIRST_NAME
                names = self.names[first : high - _FIRST_NAME + 1]
                found += [PortRange(protocol, 0, LAST_PORT, name) for name in names]
        return tuple(found)

    def _named(
        self, match: PortMatch, protocols: Iterable[str], named_ports: Sequence[NamedPort], *, complete: bool
    ) -> list[Interval]:
        known = [p for p in named_ports if p.name == match.name]
        if known or complete:
            return [
                (_base(p.protocol) + p.port, _base(p.protocol) + max(p.port, match.end))
                for p in known
                if p.protocol in protocols
            ]
        point = _FIRST_NAME + self.names.index(match.name)
        points = [_base(protocol) + point for protocol in protocols]
        return list(zip(points, points, strict=True))

    def _listed(self, ports: PortSet) -> str:
        by_protocol: dict[str, list[str]] = {}
        for protocol, low, high in _stretches(ports):
            by_protocol.setdefault(protocol, []).append(self._range(protocol, low, high))
        shared = by_protocol.get("TCP", [])
        if all(by_protocol.get(protocol) == shared for protocol in PORT_PROTOCOLS) and shared:
            for protocol in PORT_PROTOCOLS:
                del by_protocol[protocol]
            parts = ["every TCP, UDP and SCTP port" if item == "" else item for item in shared]
        else:
            parts = []
        for protocol, ranges in by_protocol.items():
            parts += [_with_protocol(protocol, item) for item in ranges]
        return ", ".join(parts)

    def _range(self, protocol: str, low: int, high: int) -> str:
        if (low, high) == (0, _STRETCH - 1):
            return ""
        if low >= _FIRST_NAME:
            named = self.names[low - _FIRST_NAME : high - _FIRST_NAME + 1]
            return " or ".join(named) or "every named port"
        if high > LAST_PORT:
            return f"{low} and above" if low else "every number"
        return str(low) if low == high else f"{low}-{high}"


def normalised(intervals: Iterable[Interval]) -> PortSet:
    """The union of intervals."""
    merged: list[Interval] = []
    for low, high in sorted(intervals):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def complement(ports: PortSet) -> PortSet:
    gaps = []
    start = 0
    for low, high in ports:
        if low > start:
            gaps.append((start, low - 1))
        start = high + 1
    if start < _END:
        gaps.append((start, _END - 1))
    return tuple(gaps)


def intersection(first: PortSet, second: PortSet) -> PortSet:
    return complement(normalised([*complement(first), *complement(second)]))


@dataclass(frozen=True, slots=True)
class Atoms:
    """The line cut at every boundary: inside one atom, every match covers all or nothing."""

    starts: tuple[int, ...]

    def covered(self, intervals: Iterable[Interval]) -> int:
        """The bitset of the atoms inside the intervals."""
        mask = 0
        for low, high in intervals:
            first, last = bisect_left(self.starts, low), bisect_left(self.starts, high + 1)
            mask |= (1 << last) - (1 << first)
        return mask

    def intervals(self, atoms: Iterable[int]) -> list[Interval]:
        ends = (*self.starts[1:], _END)
        return [(self.starts[atom], ends[atom] - 1) for atom in atoms]


def cut(intervals: Iterable[Interval]) -> Atoms:
    """The atoms of all boundaries of the intervals."""
    starts = {0}
    for low, high in intervals:
        starts.add(low)
        if high + 1 < _END:
            starts.add(high + 1)
    return Atoms(tuple(sorted(starts)))


def _base(protocol: str) -> int:
    return _KNOWN.index(protocol) * _STRETCH if protocol in _KNOWN else len(_KNOWN) * _STRETCH


def _stretches(ports: PortSet) -> list[tuple[str, int, int]]:
    """The intervals cut by protocol, with numbers counted from the protocol's own start."""
    parts = []
    for low, high in ports:
        for index in range(low // _STRETCH, high // _STRETCH + 1):
            base = index * _STRETCH
            protocol = _KNOWN[index] if index < len(_KNOWN) else ""
            parts.append((protocol, max(low, base) - base, min(high, base + _STRETCH - 1) - base))
    return parts


def _with_protocol(protocol: str, item: str) -> str:
    if not protocol:
        return "every other protocol"
    if protocol.startswith("ICMP"):
        return f"{protocol} type {item}" if item else protocol
    if not item:
        return f"every {protocol} port" if protocol in PORT_PROTOCOLS else protocol
    return f"{item}/{protocol}"
