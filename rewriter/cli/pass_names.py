"""Pass names on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from rewriter.cli.errors import UsageError

if TYPE_CHECKING:
    from rewriter.config import Config


def selection(
    config: Config, select: Sequence[str] | None, ignore: Sequence[str] | None
) -> tuple[frozenset[str] | None, frozenset[str]]:
    """The ids of the passes to run (None: all) and of those not to run. Raises UsageError.

    `--select` stands in place of the configuration's; `--ignore` is added to it.
    """
    chosen = config.select if not select else _pass_ids("--select", select)
    return None if chosen is None else frozenset(chosen), frozenset(config.ignore) | _pass_ids("--ignore", ignore or ())


def passes_named(select: Sequence[str]) -> frozenset[str]:
    """The ids of passes written as ids or codes. Raises UsageError."""
    return _pass_ids("--select", select)


def _pass_ids(option: str, written: Sequence[str]) -> frozenset[str]:
    """The ids of passes written as ids or codes, repeated or as comma lists."""
    ids: set[str] = set()
    for text in written:
        names = [name for part in text.split(",") if (name := part.strip())]
        if not names:
            raise UsageError(f"{option}: expected the id or code of a pass, not {text!r}; `cnpfix passes` lists them")
        ids.update(pass_id(option, name) for name in names)
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
