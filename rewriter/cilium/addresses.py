"""Sets of addresses: unions and differences of prefixes, as sorted intervals of integers."""

from __future__ import annotations

from collections.abc import Iterable

from rewriter.cilium.cidr import Prefix, parsed_prefixes
from rewriter.records import dataclass

Interval = tuple[int, int]
"""A first and a last address, both inside."""


@dataclass(frozen=True, slots=True)
class AddressSet:
    """Addresses of both families. The intervals of a family are sorted and neither overlap nor touch."""

    ipv4: tuple[Interval, ...] = ()
    ipv6: tuple[Interval, ...] = ()

    def family(self, width: int) -> tuple[Interval, ...]:
        """The intervals of IPv4 (width 32) or IPv6 (128)."""
        return self.ipv4 if width == 32 else self.ipv6

    def only(self, width: int) -> AddressSet:
        return AddressSet(ipv4=self.ipv4) if width == 32 else AddressSet(ipv6=self.ipv6)

    def __bool__(self) -> bool:
        return bool(self.ipv4 or self.ipv6)

    def __or__(self, other: AddressSet) -> AddressSet:
        return AddressSet(_merged((*self.ipv4, *other.ipv4)), _merged((*self.ipv6, *other.ipv6)))

    def __sub__(self, other: AddressSet) -> AddressSet:
        return AddressSet(_difference(self.ipv4, other.ipv4), _difference(self.ipv6, other.ipv6))

    def __and__(self, other: AddressSet) -> AddressSet:
        return self - (self - other)

    def __le__(self, other: AddressSet) -> bool:
        """Whether every address lies in the other set; the empty set lies in all."""
        return not self - other


def address_set(prefixes: Iterable[Prefix]) -> AddressSet:
    """The addresses that lie in one of the prefixes."""
    intervals: dict[int, list[Interval]] = {32: [], 128: []}
    for prefix in prefixes:
        intervals[prefix.width].append((prefix.network, prefix.last))
    return AddressSet(_merged(intervals[32]), _merged(intervals[128]))


def _merged(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    merged: list[Interval] = []
    for first, last in sorted(intervals):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return tuple(merged)


def _difference(intervals: tuple[Interval, ...], taken: tuple[Interval, ...]) -> tuple[Interval, ...]:
    """One walk over both lists."""
    left: list[Interval] = []
    position = 0
    for first, last in intervals:
        while position < len(taken) and taken[position][1] < first:
            position += 1
        at = position
        while at < len(taken) and taken[at][0] <= last:
            if first < taken[at][0]:
                left.append((first, taken[at][0] - 1))
            first = taken[at][1] + 1
            at += 1
        if first <= last:
            left.append((first, last))
    return tuple(left)


#: RFC 1918, RFC 6598 and RFC 4193: where pods usually are.
PRIVATE_BLOCKS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
PRIVATE = address_set(parsed_prefixes(PRIVATE_BLOCKS))
