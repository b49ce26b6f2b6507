"""Addresses outside the mesh: one witness for every range that the CIDRs of policies distinguish."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rewriter.cilium.addresses import PRIVATE, address_set
from rewriter.cilium.cidr import Prefix, format_address, parse_prefix
from rewriter.cilium.identity import Identity, outside_identity
from rewriter.cilium.terms import CidrTerm

_EVERY = "every"


class Range(NamedTuple):
    """Addresses from `low` to `high`, both inside; `width` is 32 or 128."""

    width: int
    low: int
    high: int


def address_ranges(terms: Iterable[CidrTerm], inside: Sequence[Prefix] = ()) -> list[Range]:
    """The address space of both families without what is `inside`, cut at every boundary that occurs."""
    starts: dict[int, set[int]] = {32: {0}, 128: {0}}
    written = [one for prefix, exceptions in terms for one in (prefix, *exceptions)]
    for prefix in (*written, *inside):
        starts[prefix.width].add(prefix.network)
        if prefix.last + 1 < 1 << prefix.width:
            starts[prefix.width].add(prefix.last + 1)
    ranges = []
    for width in (32, 128):
        ordered = sorted(starts[width])
        ends = [*ordered[1:], 1 << width]
        excluded = merged(Range(width, prefix.network, prefix.last) for prefix in inside if prefix.width == width)
        ranges += [
            Range(width, low, end - 1)
            for low, end in zip(ordered, ends, strict=True)
            if not any(one.low <= low <= one.high for one in excluded)
        ]
    return ranges


def range_identity(found: Range, *, dual_stack: bool) -> Identity:
    """The witness of a range: its first address."""
    return outside_identity(Prefix(found.width, found.low, found.width), name=str(found), dual_stack=dual_stack)


def describe_ranges(ranges: Iterable[Range], whole: Iterable[Range]) -> list[str]:
    """Ranges in words: CIDRs, or all there is but some; `whole` are all the ranges there are.

    Of CIDRs in which pods may be, private ones or those that hold a part of the mesh, the text says that no pod is
    meant.
    """
    texts = []
    chosen, known = merged(ranges), merged(whole)
    for width, family in ((32, "IPv4"), (128, "IPv6")):
        present = [r for r in chosen if r.width == width]
        if not present:
            continue
        missing = gaps(present, [r for r in known if r.width == width])
        # What is not known lies inside the mesh: a shorter text may take it in.
        inside, outside = (
            min(_prefixes(some), _prefixes(_filled(some, others, width)), key=len)
            for some, others in ((present, missing), (missing, present))
        )
        if not missing:
            texts.append(f"{_EVERY} {family} address outside the mesh")
        elif len(outside) < len(inside):
            texts.append(f"{_EVERY} {family} address outside the mesh except {', '.join(outside)}")
        else:
            mixed = [text for text in inside if _may_hold_pods(parse_prefix(text), known)]
            texts += [text for text in inside if text not in mixed]
            texts += [f"{', '.join(mixed)} outside the mesh"] if mixed else []
    if len(texts) == 2 and all(text.endswith("address outside the mesh") for text in texts):
        return ["the world"]
    return texts


def _may_hold_pods(prefix: Prefix, known: list[Range]) -> bool:
    addresses = [Range(prefix.width, prefix.network, prefix.last)]
    of_the_mesh = gaps([found for found in known if found.width == prefix.width], addresses)
    return bool(of_the_mesh) or address_set([prefix]) <= PRIVATE


def is_nearly_everywhere(phrase: str) -> bool:
    """Whether a phrase of `describe_ranges` means all addresses of a family, or all but some."""
    return phrase == "the world" or phrase.startswith(_EVERY)


def merged(ranges: Iterable[Range]) -> list[Range]:
    result: list[Range] = []
    for found in sorted(ranges):
        if result and result[-1].width == found.width and found.low <= result[-1].high + 1:
            result[-1] = Range(found.width, result[-1].low, max(found.high, result[-1].high))
        else:
            result.append(found)
    return result


def gaps(present: list[Range], known: list[Range]) -> list[Range]:
    """What of `known` (one family, merged) is not in `present` (merged)."""
    missing = []
    for width, low, high in known:
        start = low
        for _, inner_low, inner_high in present:
            if inner_high < start or inner_low > high:
                continue
            if inner_low > start:
                missing.append(Range(width, start, inner_low - 1))
            start = inner_high + 1
        if start <= high:
            missing.append(Range(width, start, high))
    return missing


def _filled(present: list[Range], missing: list[Range], width: int) -> list[Range]:
    """The ranges with all that lies between them and what is missing."""
    return gaps(missing, [Range(width, 0, (1 << width) - 1)]) if present else []


def _prefixes(ranges: Iterable[Range]) -> list[str]:
    """The fewest prefixes that make up the ranges."""
    texts = []
    for width, low, high in ranges:
        start = low
        while start <= high:
            size = (start & -start).bit_length() - 1 if start else width
            size = min(size, (high - start + 1).bit_length() - 1)
            texts.append(f"{format_address(width, start)}/{width - size}")
            start += 1 << size
    return texts
