"""Addresses and prefixes, parsed as strictly as Cilium parses them (Go's net/netip), with Go's own messages."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

from rewriter.cilium.go_syntax import quote

_HEX = frozenset("0123456789abcdefABCDEF")
_DIGITS = frozenset("0123456789")


class AddressError(ValueError):
    """Text that is not an address or a prefix; the message is Go's."""


class Prefix(NamedTuple):
    """A CIDR prefix: `network` is the address as an integer with the host bits cleared, `width` is 32 or 128."""

    width: int
    network: int
    bits: int

    @property
    def last(self) -> int:
        """The highest address inside, as an integer."""
        return self.network | ((1 << (self.width - self.bits)) - 1)

    def contains_address(self, width: int, value: int) -> bool:
        return width == self.width and value >> (width - self.bits) == self.network >> (width - self.bits)

    def contains(self, other: Prefix) -> bool:
        """Whether every address of `other` lies inside; equal prefixes contain each other."""
        return self.bits <= other.bits and self.contains_address(other.width, other.network)

    def __str__(self) -> str:
        return f"{format_address(self.width, self.network)}/{self.bits}"


class Address(NamedTuple):
    """An address as an integer; `zone` is empty but for scoped IPv6 addresses."""

    width: int
    value: int
    zone: str = ""


@lru_cache(maxsize=16384)
def parse_prefix(text: str) -> Prefix:
    """The prefix written `address/bits`, host bits cleared. Raises AddressError (Go netip.ParsePrefix)."""
    address, bits = _split_prefix(text)
    shift = address.width - bits
    return Prefix(address.width, address.value >> shift << shift, bits)


def parse_prefix_or_address(text: str) -> Prefix:
    """As `parse_prefix`; a bare address is the prefix of that one address."""
    if "/" in text:
        return parse_prefix(text)
    address = parse_address(text)
    return Prefix(address.width, address.value, address.width)


def parsed_prefixes(texts: Iterable[Any]) -> tuple[Prefix, ...]:
    """The prefixes and bare addresses among the texts; what does not parse is left out, zones too."""
    found = []
    for text in texts:
        try:
            found.append(parse_prefix_or_address(str(text).partition("%")[0]))
        except AddressError:
            continue
    return tuple(found)


def prefix_address(text: str) -> Address:
    """The address in front of the bits, host bits kept. Raises AddressError."""
    return _split_prefix(text)[0]


def parse_address(text: str) -> Address:
    """The address. Raises AddressError (Go netip.ParseAddr)."""
    for character in text:
        if character == ".":
            return Address(32, _ipv4(text, text))
        if character == ":":
            return _ipv6(text)
        if character == "%":
            raise _address_error(text, "missing IPv6 address")
    raise _address_error(text, "unable to parse IP")


def format_address(width: int, value: int) -> str:
    """The usual text of an address: dotted, or colon-separated with the longest run of zeros left out."""
    if width == 32:
        return ".".join(str(value >> shift & 255) for shift in (24, 16, 8, 0))
    groups = [value >> shift & 0xFFFF for shift in range(112, -1, -16)]
    start, length = _longest_zeros(groups)
    if length < 2:
        return ":".join(f"{group:x}" for group in groups)
    head = ":".join(f"{group:x}" for group in groups[:start])
    tail = ":".join(f"{group:x}" for group in groups[start + length :])
    return f"{head}::{tail}"


def _longest_zeros(groups: list[int]) -> tuple[int, int]:
    best = (0, 0)
    start = 0
    for index, group in enumerate([*groups, 1]):
        if group:
            if index - start > best[1]:
                best = (start, index - start)
            start = index + 1
    return best


def _split_prefix(text: str) -> tuple[Address, int]:
    head, slash, bits = text.rpartition("/")
    if not slash:
        raise _prefix_error(text, "no '/'")
    try:
        address = parse_address(head)
    except AddressError as error:
        raise _prefix_error(text, str(error)) from None
    if address.zone:
        raise _prefix_error(text, "IPv6 zones cannot be present in a prefix")
    leading_zero = len(bits) > 1 and bits[0] == "0"
    if not bits or leading_zero or not _DIGITS.issuperset(bits):
        raise _prefix_error(text, f"bad bits after slash: {quote(bits)}")
    if len(bits) > 3 or int(bits) > address.width:
        raise _prefix_error(text, "prefix length out of range")
    return address, int(bits)


def _ipv4(whole: str, text: str) -> int:
    """The dotted address `text`, a tail of `whole`, which errors name."""
    fields: list[int] = []
    digits = ""
    for index, character in enumerate(text):
        if character in _DIGITS:
            if digits == "0":
                raise _address_error(whole, "IPv4 field has octet with leading zero")
            digits += character
            if int(digits) > 255:
                raise _address_error(whole, "IPv4 field has value >255")
        elif character == ".":
            if not digits or index == len(text) - 1:
                raise _address_error(whole, "IPv4 field must have at least one digit", text[index:])
            if len(fields) == 3:
                raise _address_error(whole, "IPv4 address too long")
            fields.append(int(digits))
            digits = ""
        else:
            raise _address_error(whole, "unexpected character", text[index:])
    if len(fields) < 3:
        raise _address_error(whole, "IPv4 address too short")
    return int.from_bytes([*fields, int(digits)], "big")


def _ipv6(whole: str) -> Address:
    text, percent, zone = whole.partition("%")
    if percent and not zone:
        raise _address_error(whole, "zone must be a non-empty string")
    groups: list[int] = []
    ellipsis = -1
    if text.startswith("::"):
        ellipsis, text = 0, text[2:]
    elif not text:
        raise _address_error(whole, "each colon-separated field must have at least one digit", text)
    while text and len(groups) < 8:
        digits = _group(whole, text)
        if text[len(digits) : len(digits) + 1] == ".":
            groups += _embedded_ipv4(whole, text, len(groups), ellipsis)
            text = ""
            break
        groups.append(int(digits, 16))
        text = text[len(digits) :]
        if not text:
            break
        if text[0] != ":":
            raise _address_error(whole, "unexpected character, want colon", text)
        if len(text) == 1:
            raise _address_error(whole, "colon must be followed by more characters", text)
        text = text[1:]
        if text[0] == ":":
            if ellipsis >= 0:
                raise _address_error(whole, "multiple :: in address", text)
            ellipsis, text = len(groups), text[1:]
    if text:
        raise _address_error(whole, "trailing garbage after address", text)
    return Address(128, _expand(whole, groups, ellipsis), zone)


def _group(whole: str, text: str) -> str:
    length = next((i for i, c in enumerate(text) if c not in _HEX), len(text))
    if length > 4:
        raise _address_error(whole, "each group must have 4 or less digits", text)
    if not length:
        raise _address_error(whole, "each colon-separated field must have at least one digit", text)
    return text[:length]


def _embedded_ipv4(whole: str, text: str, position: int, ellipsis: int) -> tuple[int, int]:
    if ellipsis < 0 and position != 6:
        raise _address_error(whole, "embedded IPv4 address must replace the final 2 fields of the address", text)
    if position > 6:
        message = "too many hex fields to fit an embedded IPv4 at the end of the address"
        raise _address_error(whole, message, text)
    value = _ipv4(whole, text)
    return value >> 16, value & 0xFFFF


def _expand(whole: str, groups: list[int], ellipsis: int) -> int:
    missing = 8 - len(groups)
    if missing and ellipsis < 0:
        raise _address_error(whole, "address string too short")
    if not missing and ellipsis >= 0:
        raise _address_error(whole, "the :: must expand to at least one field of zeros")
    full = [*groups[: max(ellipsis, 0)], *[0] * missing, *groups[max(ellipsis, 0) :]] if missing else groups
    value = 0
    for group in full:
        value = value << 16 | group
    return value


def _address_error(text: str, message: str, at: str = "") -> AddressError:
    place = f" (at {quote(at)})" if at else ""
    return AddressError(f"ParseAddr({quote(text)}): {message}{place}")


def _prefix_error(text: str, message: str) -> AddressError:
    return AddressError(f"netip.ParsePrefix({quote(text)}): {message}")
