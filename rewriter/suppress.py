"""Suppression comments: `# cnpfix: ignore[id, …]`, `# cnpfix: ignore`, `# cnpfix: ignore-file`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_DIRECTIVE = re.compile(r"#\s*cnpfix:\s*ignore(?P<file>-file)?(?:\[(?P<names>[^\]]*)\])?(?![\w-])")


@dataclass(frozen=True, slots=True)
class Suppression:
    """One comment. `line` is its own 1-based line; it silences findings that begin on `first` to `last`.

    `names` are pass ids (unknown words stay as written); empty silences every pass.
    """

    line: int
    first: int
    last: int
    names: tuple[str, ...]
    whole_file: bool = False

    def covers(self, pass_id: str, line: int) -> bool:
        return (self.whole_file or self.first <= line <= self.last) and (not self.names or pass_id in self.names)


@dataclass(frozen=True, slots=True)
class Directive:
    """A suppression as written, before it is known what it stands above."""

    names: tuple[str, ...]
    whole_file: bool


def read_directive(comment: str, pass_ids: Mapping[str, str]) -> Directive | None:
    """The directive in a comment's text; None when there is none. `pass_ids` maps ids and codes to ids."""
    if "cnpfix" not in comment:
        return None
    match = _DIRECTIVE.search(comment)
    if match is None:
        return None
    written = [name.strip() for name in (match["names"] or "").split(",")]
    names = tuple(pass_ids.get(name, name) for name in written if name)
    return Directive(names, match["file"] is not None)


def unused(suppressions: Iterable[Suppression], used: frozenset[Suppression], ran: frozenset[str]) -> list[Suppression]:
    """The suppressions that silenced nothing although every pass they name was run."""
    return [
        suppression
        for suppression in suppressions
        if suppression not in used and (all(name in ran for name in suppression.names))
    ]
