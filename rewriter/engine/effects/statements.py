"""The statements of differences as texts: what opens, and what closes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter

from rewriter.engine.effects.known_pods import unknown_ends
from rewriter.finding import Flows
from rewriter.reach.compare import StepEffect
from rewriter.reach.difference import Difference

_WHERE_ALLOWED = " where another policy allows it"
_Texts = tuple[tuple[str, ...], tuple[str, ...]]
_PARTS: tuple[Callable[[StepEffect], Difference], ...]
_PARTS = attrgetter("own"), attrgetter("upgrade"), attrgetter("undeclared")


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
        tuple(f"{text}{_WHERE_ALLOWED}" for text in texts if text not in known)
        for known, texts in zip(alone, beside_allowed, strict=True)
    )
    return union_of([alone, (opened, closed)])


def stated(found: Sequence[StepEffect], allowed: StepEffect | None) -> Iterator[_Texts]:
    """What a step does by itself, what the upgrade does, and what is undeclared, in any of these.

    `allowed` is the one of them that stands beside a policy that allows everything; None where there are no deny rules.
    """
    for part in _PARTS:
        alone = union_of([texts_of(part(effect)) for effect in found if effect is not allowed])
        yield alone if allowed is None else with_what_denies(alone, texts_of(part(allowed)))


def flows_of(found: Sequence[Difference], allowed: Difference | None = None, *, known: bool = False) -> Flows:
    """What differences open and close; `allowed` is the one beside a policy that allows all, where rules deny.

    Where the `known` pods take part in them, a flow whose ends are pods of which none is known says so, and is among
    the `possible`.
    """
    texts = union_of([texts_of(difference) for difference in found])
    if allowed is not None:
        texts = with_what_denies(texts, texts_of(allowed))
    if not known:
        return Flows(*texts)
    ends: dict[str, set[str]] = {}
    for difference, tail in (
        *((difference, "") for difference in found),
        *([(allowed, _WHERE_ALLOWED)] if allowed else ()),
    ):
        for statement in (*difference.opened, *difference.closed):
            ends.setdefault(f"{statement}{tail}", set()).add(unknown_ends(statement))
    words = {text: max(end) for text, end in ends.items() if "" not in end}
    opened, closed = (tuple(f"{text} ({words[text]})" if text in words else text for text in other) for other in texts)
    possible = frozenset(f"{text} ({why})" for text, why in words.items())
    return Flows(opened, closed, possible=possible.intersection((*opened, *closed)))
