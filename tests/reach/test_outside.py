"""Ranges of addresses in words: few, and true."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from rewriter.cilium.cidr import parse_prefix
from rewriter.cilium.terms import CidrTerm
from rewriter.reach.outside import Range, address_ranges, describe_ranges, is_nearly_everywhere, merged

MESH = ("10.0.0.0/16", "10.1.0.0/16", "10.10.0.0/24", "fd00::/64")

CASES: dict[str, tuple[Sequence[str], Sequence[str], list[str]]] = {
    "one range": (["203.0.113.0/24"], (), ["203.0.113.0/24"]),
    "neighbours": (["203.0.113.0/25", "203.0.113.128/25"], (), ["203.0.113.0/24"]),
    "all of one family": (["0.0.0.0/0"], (), ["every IPv4 address outside the mesh"]),
    "both families": (["0.0.0.0/0", "::/0"], (), ["the world"]),
    "the mesh is no part of what is outside": (["0.0.0.0/0", "::/0"], MESH, ["the world"]),
    "a range around the mesh": (["10.0.0.0/8"], MESH, ["10.0.0.0/8 outside the mesh"]),
    "private ranges": (
        ["10.0.0.0/8", "192.0.2.0/24", "fd12::/16"],
        (),
        ["192.0.2.0/24", "10.0.0.0/8 outside the mesh", "fd12::/16 outside the mesh"],
    ),
    "several of them": (["10.8.0.0/16", "172.16.0.0/12"], MESH, ["10.8.0.0/16, 172.16.0.0/12 outside the mesh"]),
    "public addresses of pods": (["198.51.100.0/24"], ("198.51.100.64/26",), ["198.51.100.0/24 outside the mesh"]),
    "a range that the mesh does not touch": (["192.0.2.0/24"], MESH, ["192.0.2.0/24"]),
    "inside the mesh there is nobody": (["10.0.5.0/24"], MESH, []),
}


@pytest.mark.parametrize("name", CASES)
def test_describes(name: str) -> None:
    cidrs, mesh, expected = CASES[name]
    terms = [CidrTerm(parse_prefix(cidr), ()) for cidr in cidrs]
    whole = address_ranges(terms, [parse_prefix(cidr) for cidr in mesh])
    chosen = [
        one
        for one in whole
        if any(
            one.width == term.prefix.width and term.prefix.network <= one.low and one.high <= term.prefix.last
            for term in terms
        )
    ]
    assert describe_ranges(chosen, whole) == expected


def test_what_is_left_out_is_named_where_that_is_shorter() -> None:
    terms = [CidrTerm(parse_prefix("0.0.0.0/0"), (parse_prefix("10.0.0.0/8"),))]
    whole = address_ranges(terms, [parse_prefix(cidr) for cidr in MESH])
    ten = parse_prefix("10.0.0.0/8")
    chosen = [one for one in whole if one.width == 32 and not ten.network <= one.low <= ten.last]
    assert describe_ranges(chosen, whole) == ["every IPv4 address outside the mesh except 10.0.0.0/8"]


def test_ranges_that_touch_become_one() -> None:
    low, high, apart, beside = (Range(32, *ends) for ends in ((0, 1), (2, 3), (5, 6), (7, 7)))
    assert merged([apart, high, low]) == [Range(32, 0, 3), apart]
    assert merged([beside, apart, high, low]) == [Range(32, 0, 3), Range(32, 5, 7)]


@pytest.mark.parametrize("cidr", ["0.0.0.0/0", "255.255.255.0/24", "192.0.2.0/24", "::/0", "ffff::/16"])
def test_ranges_cover_every_address_once(cidr: str) -> None:
    for width in (32, 128):
        ranges = sorted(one for one in address_ranges([CidrTerm(parse_prefix(cidr), ())]) if one.width == width)
        assert all(one.low <= one.high for one in ranges)
        starts = [one.low for one in ranges] + [1 << width]
        assert starts == [0, *(one.high + 1 for one in ranges)]


def test_the_world_and_all_of_a_family_are_nearly_everywhere() -> None:
    assert is_nearly_everywhere("the world")
    assert is_nearly_everywhere("every IPv4 address outside the mesh except 192.0.2.0/24")
    assert not is_nearly_everywhere("192.0.2.0/24")
