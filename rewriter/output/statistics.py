"""`--statistics`: how many findings each pass has, and how far their fixes go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from rewriter.engine.results.result import Reported
from rewriter.output.style import Style

_COLUMNS = ("found", "fixed", "safe", "evident", "unsafe", "manual")


def table(items: Sequence[Reported], style: Style, *, written: bool) -> Iterator[str]:
    """A line for each pass with findings, and their sum; `written` says that the fixes are in the files."""
    names = sorted({(item.finding.code, item.finding.id) for item in items})
    width = max(len("pass"), *(len(f"{code} {name}") for code, name in names))
    yield style.paint(f"{'pass':<{width}}" + _heads(written), "dim")
    totals: Counter[str] = Counter()
    for code, name in names:
        counts = Counter(_counted([item for item in items if item.finding.id == name]))
        totals.update(counts)
        yield f"{code} {name:<{width - len(code) - 1}}" + _cells(counts)
    if len(names) > 1:
        yield style.paint(f"{'total':<{width}}" + _cells(totals), "bold")


def _counted(items: Sequence[Reported]) -> Iterator[str]:
    for item in items:
        yield "found"
        if item.fixed:
            yield "fixed"
        yield item.finding.applicability.value


def _heads(written: bool) -> str:
    names = {"fixed": "fixed" if written else "to fix"}
    return "".join(f"{names.get(column, column):>9}" for column in _COLUMNS)


def _cells(counts: Counter[str]) -> str:
    return "".join(f"{counts[column] or '·':>9}" for column in _COLUMNS)
