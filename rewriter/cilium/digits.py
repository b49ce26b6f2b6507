"""Texts that are a number, as people write it in YAML."""

from __future__ import annotations

#: More digits than any number of a policy has; Python refuses to read some thousands.
_MOST = 18


def is_number(text: str) -> bool:
    """Whether a text is a decimal number that `int` reads: ASCII digits alone, and not without end."""
    return text.isascii() and text.isdigit() and len(text) <= _MOST
