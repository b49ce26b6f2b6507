"""The statements of differences as texts: what opens, and what closes."""

from __future__ import annotations

from collections.abc import Sequence

from rewriter.reach.difference import Difference

_Texts = tuple[tuple[str, ...], tuple[str, ...]]


def texts_of(difference: Difference) -> _Texts:
    """What a difference opens and closes, one text each."""
    return tuple(map(str, difference.opened)), tuple(map(str, difference.closed))


def union_of(texts: Sequence[_Texts]) -> _Texts:
    """All that opens and all that closes, each once."""
    opened, closed = (
        tuple(dict.fromkeys(text for part in parts for text in part)) for parts in zip(*texts, strict=True)
    )
    return opened, closed


def with_what_denies(alone: _Texts, beside_allowed: _Texts) -> _Texts:
    """The same with what deny rules change: that shows only beside a policy that allows it, and the text says so."""
    opened, closed = (
        tuple(f"{text} where another policy allows it" for text in texts if text not in known)
        for known, texts in zip(alone, beside_allowed, strict=True)
    )
    return union_of([alone, (opened, closed)])
