"""Limits of flows (L7 rules), in the words in which a compiled policy has them, and which of them holds more."""

from __future__ import annotations

import json
from functools import cache

#: Their rules are OR-ed: a longer list lets more through.
_LISTS = ("http", "dns")


@cache
def holds_more(wide: str, narrow: str) -> bool:
    """Whether a limit lets through all that another one does: a list of L7 rules that has all of the other's.

    `dns [{"matchName":"a"},{"matchName":"b"}]` holds more than `dns [{"matchName":"a"}]`.
    """
    kind, rules = _list_of(wide)
    other, fewer = _list_of(narrow)
    return kind is not None and kind == other and rules > fewer


def _list_of(limit: str) -> tuple[str | None, frozenset[str]]:
    kind, _, text = limit.partition(" ")
    if kind not in _LISTS:
        return None, frozenset()
    try:
        rules = json.loads(text)
    except ValueError:  # Several limits that must hold together.
        return None, frozenset()
    if not isinstance(rules, list) or not rules:
        return None, frozenset()  # An empty list lets everything through.
    return kind, frozenset(json.dumps(rule, sort_keys=True) for rule in rules)
