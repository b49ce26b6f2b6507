"""Findings that say the same of a whole run are reported once: at the first place, with the others as evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rewriter.engine.result import Reported

_MOST_NAMED = 9


def reported_once(findings: Sequence[Reported]) -> tuple[Reported, ...]:
    """The findings, those of one `once` folded into the first of them."""
    places: dict[tuple[str, str], list[str]] = {}
    for each in findings:
        if each.finding.once:
            where = f"{each.location.file}:{each.location.line}"
            places.setdefault((each.finding.id, each.finding.once), []).append(where)
    result = []
    for each in findings:
        others = places.get((each.finding.id, each.finding.once)) if each.finding.once else []
        if others is None:
            continue  # Folded into the first.
        if each.finding.once:
            del places[each.finding.id, each.finding.once]
        result.append(_with(each, others[1:]) if len(others) > 1 else each)
    return tuple(result)


def _with(reported: Reported, others: Sequence[str]) -> Reported:
    named = ", ".join(others[:_MOST_NAMED])
    more = f" and {len(others) - _MOST_NAMED} more places" if len(others) > _MOST_NAMED else ""
    evidence = (*reported.finding.evidence, f"the same at {named}{more}")
    return replace(reported, finding=replace(reported.finding, evidence=evidence))
