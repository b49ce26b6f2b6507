"""Pass names on the command line."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from rewriter.cli.errors import UsageError


def pass_names(option: str, written: Iterable[str] | None) -> frozenset[str]:
    """The ids of passes written as ids or codes, repeated or as comma lists. Raises UsageError for others."""
    ids = set()
    for name in (part.strip() for text in written or () for part in text.split(",")):
        if not name:
            continue
        ids.add(pass_id(option, name))
    return frozenset(ids)


def pass_id(where: str, name: str) -> str:
    """The id of the pass of an id or code. Raises UsageError with the nearest right one."""
    from rewriter.passes import PASS_IDS

    known = PASS_IDS.get(name) or PASS_IDS.get(name.upper())
    if known is None:
        close = get_close_matches(name, PASS_IDS, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]!r}?" if close else "`cnpfix passes` lists them"
        raise UsageError(f"{where} {name}: no such pass; {hint}")
    return known
