"""Findings and fixes that rest on a setting of Cilium which is not read: they say so, and need consent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from rewriter.engine.pipeline.hooks import Outcome
from rewriter.engine.results.result import Reported
from rewriter.finding import Applicability, Finding
from rewriter.records import dataclass

Place = tuple[str, int, int]
"""A pass's id, and the line and column of a finding in the file as it was read."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A setting that may hold, what says so, and what becomes of a finding with it."""

    setting: str
    source: str
    consequence: str


_MOST_FLOWS = 2
_TRUST = (Applicability.MANUAL, Applicability.UNSAFE, Applicability.EVIDENT, Applicability.SAFE)


def place_of(reported: Reported) -> Place:
    """The key that identifies a finding of its document, whatever the settings are."""
    return reported.finding.id, reported.location.line, reported.location.column


def find_doubts(usual: Outcome, other: Outcome) -> Iterator[tuple[Place, str]]:
    """What becomes of findings with another setting, in words.

    A finding that does not hold then, and one whose fix is another, opens more, or needs more consent.
    """
    there: dict[Place, list[Reported]] = {}
    for item in other.findings:
        there.setdefault(place_of(item), []).append(item)
    failed = bool(other.failure or other.failures)
    for item in usual.findings:
        beside = there.get(place_of(item), ())
        words = _of_failure(item) if failed else _difference(item, beside)
        if words:
            yield place_of(item), words


def in_words(doubts: Mapping[Place, Sequence[Doubt]]) -> dict[Place, list[str]]:
    """The doubts at each place as evidence: the settings of one source that have one consequence make one line."""
    found: dict[Place, list[str]] = {}
    for place, here in doubts.items():
        settings: dict[tuple[str, str], list[str]] = {}
        for doubt in here:
            settings.setdefault((doubt.source, doubt.consequence), []).append(doubt.setting)
        found[place] = [
            f"with {' or '.join(dict.fromkeys(names))} ({source}) {consequence}"
            for (source, consequence), names in settings.items()
        ]
    return found


def with_doubts(findings: Iterable[Reported], doubts: Mapping[Place, Sequence[str]]) -> list[Reported]:
    """The findings with what they rest on."""
    return [
        replace(item, finding=doubted(item.finding, doubts[place])) if (place := place_of(item)) in doubts else item
        for item in findings
    ]


def doubted(finding: Finding, words: Sequence[str] = ()) -> Finding:
    """A finding whose fix needs consent, with the settings that it rests on among its evidence."""
    finding = replace(finding, evidence=(*finding.evidence, *words))
    trusted = finding.applicability in (Applicability.SAFE, Applicability.EVIDENT)
    return replace(finding, applicability=Applicability.UNSAFE) if trusted and finding.fix else finding


def _of_failure(item: Reported) -> str:
    return "the fix does more than it declares" if item.finding.fix is not None else ""


def _difference(item: Reported, there: Sequence[Reported]) -> str:
    if not there:
        return "this does not hold"
    if item.finding.fix is None:
        return ""
    return min((_of_fixes(item, other) for other in there), key=bool)


def _of_fixes(item: Reported, other: Reported) -> str:
    ours, theirs = item.finding, other.finding
    if ours.fix != theirs.fix or (item.fixed and not other.fixed and other.not_fixed):
        return "the fix does not hold"
    if _TRUST.index(theirs.applicability) < _TRUST.index(ours.applicability):
        return "the fix needs `--unsafe-fixes`"
    opened = list(_opened(other) - _opened(item))
    if opened:
        more = f", and {len(opened) - _MOST_FLOWS} more" if len(opened) > _MOST_FLOWS else ""
        return f"the fix also opens {'; '.join(sorted(opened)[:_MOST_FLOWS])}{more}"
    return ""


def _opened(item: Reported) -> set[str]:
    return set(_flows(item))


def _flows(item: Reported) -> Iterator[str]:
    yield from item.flows.opened
    yield from map(str, item.finding.opens)
