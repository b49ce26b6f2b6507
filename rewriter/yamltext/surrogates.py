"""JSON's escapes of characters beyond U+FFFF, in two halves (`\\ud83d\\ude00`, RFC 8259), which libyaml refuses.

A text is scanned with other escapes of the same length in their place, so that every position is the text's own.
"""

from __future__ import annotations

from collections.abc import Callable

from rewriter import patterns as re

#: A pair, or what stands in for one; an escaped backslash is taken first, so that none of its halves begins a pair.
_ESCAPE = re.compile(r"\\(?:\\|u([dDeE][89abAB][0-9a-fA-F]{2})\\u([dDeE][c-fC-F][0-9a-fA-F]{2}))")


def stand_in(text: str) -> str:
    """The text with a pair of private characters (U+E800 to U+EFFF) escaped where it has a surrogate pair."""
    return _pairs_replaced(text, lambda high, low: f"\\ue{high[1:]}\\ue{low[1:]}")


def whole(quoted: str) -> str:
    """A double-quoted scalar with one escape for each surrogate pair, as YAML writes it."""
    return _pairs_replaced(
        quoted, lambda high, low: f"\\U{0x10000 + ((int(high, 16) - 0xD800) << 10) + int(low, 16) - 0xDC00:08x}"
    )


def restored(value: str, source: str) -> str:
    """The value of a scalar without escapes, scanned with stand-ins, as its source has it."""
    written = (match[0] for match in _ESCAPE.finditer(source))
    return _ESCAPE.sub(lambda _: next(written), value)


def _pairs_replaced(text: str, replacement: Callable[[str, str], str]) -> str:
    def replaced(match: re.Match[str]) -> str:
        high, low = str(match[1] or ""), str(match[2] or "")
        is_pair = high[:1] in ("d", "D") and low[:1] in ("d", "D")
        return replacement(high, low) if is_pair else str(match[0])

    return _ESCAPE.sub(replaced, text)
