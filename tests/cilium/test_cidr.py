from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewriter.cilium.cidr import AddressError, Prefix, format_address, parse_address, parse_prefix


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("10.0.0.0", "no '/'"),
        ("10.0.0.0/", 'bad bits after slash: ""'),
        ("10.0.0.0/08", 'bad bits after slash: "08"'),
        ("10.0.0.0/+8", 'bad bits after slash: "+8"'),
        ("10.0.0.0/33", "prefix length out of range"),
        ("10.0.0.0/255.0.0.0", 'bad bits after slash: "255.0.0.0"'),
        ("010.0.0.0/8", 'ParseAddr("010.0.0.0"): IPv4 field has octet with leading zero'),
        ("10.0.0/8", 'ParseAddr("10.0.0"): IPv4 address too short'),
        ("1..2.3/8", 'ParseAddr("1..2.3"): IPv4 field must have at least one digit (at ".2.3")'),
        ("fe80::%eth0/64", "IPv6 zones cannot be present in a prefix"),
        ("1::2::3/64", 'ParseAddr("1::2::3"): multiple :: in address (at ":3")'),
        ("12345::/64", 'ParseAddr("12345::"): each group must have 4 or less digits (at "12345::")'),
        ("1:2:3:4:5:6:7:8::/64", "the :: must expand to at least one field of zeros"),
        ("pods/8", 'ParseAddr("pods"): unable to parse IP'),
    ],
)
def test_bad_prefixes(text: str, message: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_prefix(text)
    assert str(caught.value).startswith(f'netip.ParsePrefix("{text}"): ')
    assert message in str(caught.value)


def test_prefixes() -> None:
    wide, narrow = parse_prefix("10.1.2.3/8"), parse_prefix("10.1.0.0/16")
    assert (str(wide), str(narrow)) == ("10.0.0.0/8", "10.1.0.0/16")
    assert wide.contains(narrow) and wide.contains(wide) and not narrow.contains(wide)
    assert not wide.contains(parse_prefix("11.0.0.0/8"))
    assert not parse_prefix("0.0.0.0/0").contains(parse_prefix("::/0"))
    assert narrow.last == parse_address("10.1.255.255").value


@given(st.ip_addresses())
def test_addresses_agree_with_the_standard_library(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    width = address.max_prefixlen
    parsed = parse_address(str(address))
    assert (parsed.width, parsed.value) == (width, int(address))
    assert parse_address(format_address(width, int(address))).value == int(address)


@given(st.text(alphabet="01:.fF/%x", max_size=12))
def test_any_text_gets_an_answer(text: str) -> None:
    try:
        parsed = parse_prefix(text)
    except AddressError:
        return
    assert Prefix(*parsed) == parse_prefix(str(parsed))
