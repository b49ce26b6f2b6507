"""Answers about one policy that several passes ask for: each is made once, as long as the policy stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from rewriter.evidence.context import Context

_P = ParamSpec("_P")
_Item = TypeVar("_Item")


def once(
    find: Callable[Concatenate[Context, _P], Iterator[_Item]],
) -> Callable[Concatenate[Context, _P], tuple[_Item, ...]]:
    """Makes a function that finds things in a policy remember them; its arguments must be hashable."""

    @wraps(find)
    def found(context: Context, /, *args: _P.args, **named: _P.kwargs) -> tuple[_Item, ...]:
        key = (find, args, *named.items())
        known: tuple[_Item, ...] | None = context.kept.get(key)
        if known is None:
            known = context.kept[key] = tuple(find(context, *args, **named))
        return known

    return found
