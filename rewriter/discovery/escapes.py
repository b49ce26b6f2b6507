"""What a text says once the escapes of double-quoted YAML and JSON are read: `Deployme\\u006et` is `Deployment`."""

from __future__ import annotations

from rewriter import patterns as re

_ESCAPE = re.compile(rb"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|U([0-9a-fA-F]{8})|\r?\n[ \t]*)")
_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")


def unescaped(data: bytes) -> bytes:
    """The bytes with every escaped character in place of its escape, for a search; the same object where none is.

    UTF-16 and UTF-32 lose their NULs, so that the words of a text that cannot be read are still found.
    """
    if data.startswith(_MARKS):
        data = data.replace(b"\0", b"")
    if b"\\" not in data:
        return data
    if b"\\u" in data or b"\\x" in data or b"\\U" in data or b"\\\n" in data or b"\\\r\n" in data:
        return _ESCAPE.sub(_character, data)
    return data


def _character(match: re.Match[bytes]) -> bytes:
    digits = match[1] or match[2] or match[3]
    if digits is None:
        return b""
    code = int(digits, 16)
    return chr(code).encode() if code < 0x110000 and not 0xD800 <= code < 0xE000 else b"?"
