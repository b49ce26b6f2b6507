from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewriter.cilium.addresses import AddressSet, address_set
from rewriter.cilium.cidr import Prefix, parse_prefix

netaddr: Any = pytest.importorskip("netaddr")


@st.composite
def _prefixes(draw: st.DrawFn) -> Prefix:
    """Prefixes close enough to each other to touch and overlap, at the ends of the address space too."""
    width = draw(st.sampled_from((32, 128)))
    bits = draw(st.integers(width - 6, width))
    base = draw(st.sampled_from((0, 1 << (width - 1), (1 << width) - 64)))
    network = base + draw(st.integers(0, 63))
    return Prefix(width, network >> (width - bits) << (width - bits), bits)


PREFIXES = st.lists(_prefixes(), max_size=5)


def _ip_set(prefixes: list[Prefix]) -> Any:
    return netaddr.IPSet([str(prefix) for prefix in prefixes])


def _as_ip_set(addresses: AddressSet) -> Any:
    result = netaddr.IPSet()
    for version, intervals in ((4, addresses.ipv4), (6, addresses.ipv6)):
        for first, last in intervals:
            result.add(netaddr.IPRange(netaddr.IPAddress(first, version), netaddr.IPAddress(last, version)))
    return result


@given(PREFIXES, PREFIXES)
def test_set_operations_agree_with_netaddr(left: list[Prefix], right: list[Prefix]) -> None:
    mine, others = address_set(left), address_set(right)
    theirs, other = _ip_set(left), _ip_set(right)
    assert _as_ip_set(mine) == theirs
    assert _as_ip_set(mine | others) == theirs | other
    assert _as_ip_set(mine - others) == theirs - other
    assert _as_ip_set(mine & others) == theirs & other
    assert (mine <= others) is theirs.issubset(other)
    assert bool(mine) is bool(theirs.size)


@given(PREFIXES, PREFIXES)
def test_equal_sets_have_one_form(left: list[Prefix], right: list[Prefix]) -> None:
    mine, others = address_set(left), address_set(right)
    assert (mine - others) | (mine & others) == mine
    assert address_set([*left, *left]) == mine


def test_one_family() -> None:
    both = address_set([parse_prefix("10.0.0.0/8"), parse_prefix("fd00::/8")])
    assert both.only(32) == address_set([parse_prefix("10.0.0.0/8")])
    assert both.only(128).ipv4 == ()
    assert both.family(128) == both.ipv6
