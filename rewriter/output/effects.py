"""What fixes do to traffic, counted, and in the order in which a reviewer reads it: what opens first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rewriter.engine.results.result import Reported
from rewriter.output.lines import count
from rewriter.records import dataclass

#: Marks that need no colour; words stand beside them.
OPENS, CLOSES, KEEPS, SAME = "⬆ opens", "⬇ closes", "= keeps", "· same"
_ORDER = (OPENS, CLOSES, KEEPS, SAME)


def effect_of(item: Reported) -> str:
    """The first of OPENS, CLOSES, KEEPS and SAME that holds of a fix."""
    if item.flows.opened:
        return OPENS
    if item.flows.closed:
        return CLOSES
    return KEEPS if any(kept(item)) else SAME


def by_effect(items: Iterable[Reported]) -> list[Reported]:
    """Those that open first, then those that close, then those that keep what the upgrade would change."""
    return sorted(items, key=lambda item: _ORDER.index(effect_of(item)))


def kept(item: Reported) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The flows that the upgrade alone would close, and those that it would open, and that do neither with the fix."""
    return item.flows.kept, item.flows.kept_closed


@dataclass(frozen=True, slots=True)
class Totals:
    """How many different flows fixes open and close, and how many the upgrade alone would break, or would open."""

    opens: int = 0
    closes: int = 0
    keeps: int = 0
    shuts: int = 0

    def __str__(self) -> str:
        parts = []
        if self.opens:
            parts.append(f"opens {count(self.opens, 'flow')}")
        if self.closes:
            parts.append(f"closes {self.closes}" if parts else f"closes {count(self.closes, 'flow')}")
        if self.keeps:
            noun = str(self.keeps) if parts else count(self.keeps, "flow")
            parts.append(f"keeps {noun} that the upgrade would break")
        if self.shuts:
            parts.append(f"keeps {self.shuts} closed that the upgrade would open")
        if not (self.opens or self.closes):
            parts.append("changes no other flow" if parts else "changes no flow")
        text = ", ".join(parts)
        return text[0].upper() + text[1:]


def totals(items: Sequence[Reported]) -> Totals:
    """The sums over fixes; a flow that several name counts once."""
    opens, closes, keeps, shuts = set[str](), set[str](), set[str](), set[str]()
    for item in items:
        opens.update(item.flows.opened)
        closes.update(item.flows.closed)
        broken, opened = kept(item)
        keeps.update(broken)
        shuts.update(opened)
    return Totals(len(opens), len(closes), len(keeps), len(shuts))
