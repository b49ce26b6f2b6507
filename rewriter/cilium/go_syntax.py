"""Small pieces of Go's text syntax that Cilium's parser relies on, with Go's own messages."""

from __future__ import annotations

from functools import lru_cache

_ESCAPES = {'"': '\\"', "\\": "\\\\"} | dict(zip("\a\b\f\n\r\t\v", map("\\{}".format, "abfnrtv"), strict=True))
_BASES = {"0x": 16, "0b": 2, "0o": 8}
_ALPHABETS = {2: "01", 8: "01234567", 10: "0123456789", 16: "0123456789abcdef"}


def quote(text: str) -> str:
    """The text in double quotes with escapes, as Go's strconv.Quote."""
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    known = _ESCAPES.get(character)
    if known is not None or character.isprintable():
        return known or character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


@lru_cache(maxsize=4096)
def is_service_name(text: str) -> bool:
    """Whether a port is a name rather than a number (IANA service name, Cilium pkg/iana IsSvcName)."""
    if len(text) > 15 or not text.isascii():
        return False
    return all(word.isalnum() for word in text.split("-")) and any(c.isalpha() for c in text)


@lru_cache(maxsize=4096)
def parse_uint16(text: str) -> int:
    """A number below 65536 in any of Go's notations (`80`, `0x50`, `010` is octal, `1_000`).

    Raises ValueError with the message of Go's strconv.ParseUint(text, 0, 16).
    """
    digits = text.lower()
    base = _BASES.get(digits[:2], 0)
    if base:
        digits = digits[2:].removeprefix("_")
    elif len(digits) > 1 and digits[0] == "0":
        base, digits = 8, digits[1:].removeprefix("_")
    else:
        base = 10
    groups = digits.split("_")
    if not all(groups) or not set("".join(groups)) <= set(_ALPHABETS[base]):
        raise ValueError(f"strconv.ParseUint: parsing {quote(text)}: invalid syntax")
    significant = "".join(groups).lstrip("0") or "0"
    if len(significant) > 16 or int(significant, base) > 0xFFFF:
        raise ValueError(f"strconv.ParseUint: parsing {quote(text)}: value out of range")
    return int(significant, base)
