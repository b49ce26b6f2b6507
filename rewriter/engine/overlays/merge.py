"""The findings of all kustomizations as one list: one at each place of a text, with what builds it as evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from rewriter.engine.overlays.judged import Judged
from rewriter.engine.results.result import Reported
from rewriter.finding import Applicability

_MOST_NAMED = 3
_TRUST = (Applicability.MANUAL, Applicability.UNSAFE, Applicability.EVIDENT, Applicability.SAFE)


def merged(seen: Sequence[tuple[Judged, Reported]]) -> list[Reported]:
    """One finding for all kustomizations that show it."""
    groups: dict[tuple[object, ...], list[tuple[Judged, Reported]]] = {}
    counts: Counter[tuple[object, ...]] = Counter()
    for judged, reported in seen:
        key = (reported.finding.code, reported.finding.id, reported.location.line, reported.location.column)
        counts[id(judged), key] += 1
        groups.setdefault((*key, counts[id(judged), key]), []).append((judged, reported))
    return [_one(group) for group in groups.values()]


def _one(group: Sequence[tuple[Judged, Reported]]) -> Reported:
    first = group[0][1]
    words = list(dict.fromkeys(judged.words for judged, _ in group))
    more = f" and {len(words) - _MOST_NAMED} more" if len(words) > _MOST_NAMED else ""
    built = f"the policy is judged as {', '.join(words[:_MOST_NAMED])}{more} builds it"
    return replace(
        first,
        finding=replace(
            first.finding,
            evidence=(*first.finding.evidence, built),
            applicability=min((reported.finding.applicability for _, reported in group), key=_TRUST.index),
        ),
        fixed=all(reported.fixed for _, reported in group),
        not_fixed=next((reported.not_fixed for _, reported in group if reported.not_fixed), ""),
    )
