"""Findings as a whole run sees them: those that say the same once, flows beside the policies that stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rewriter.engine.results.result import Reported

_MOST_NAMED = 9
_MOST_FACTS = 5


def beside_others(findings: Sequence[Reported]) -> tuple[Reported, ...]:
    """The findings with the flows that their fixes change beside the other policies of the same pods.

    Where the run fixes one of those too, the flows stay those of the policy alone: what two fixes do together, neither
    does beside the other as it is today.
    """
    fixed = {finding.policy for finding in findings if finding.fixed}
    return tuple(
        replace(finding, flows=finding.among_others.flows)
        if finding.among_others is not None and fixed.isdisjoint(finding.among_others.others)
        else finding
        for finding in findings
    )


def reported_once(findings: Sequence[Reported]) -> tuple[Reported, ...]:
    """The findings, those of one `once` folded into the first of them, with flows beside the other policies."""
    findings = beside_others(findings)
    same: dict[tuple[str, str], list[Reported]] = {}
    for finding in findings:
        if finding.finding.once:
            same.setdefault((finding.finding.id, finding.finding.once), []).append(finding)
    result = []
    for finding in findings:
        first, *others = same.get((finding.finding.id, finding.finding.once)) or [finding]
        if finding is first:
            result.append(_with(finding, others) if others else finding)
    return tuple(result)


def _with(reported: Reported, others: Sequence[Reported]) -> Reported:
    """The first of a group, with what the others rest on and where they are."""
    places = [f"{other.location.file}:{other.location.line}" for other in others]
    named = ", ".join(places[:_MOST_NAMED])
    left = len(places) - _MOST_NAMED
    more = f" and {left} more place{'' if left == 1 else 's'}" if left > 0 else ""
    facts = dict.fromkeys(line for other in (reported, *others) for line in other.finding.evidence)
    most = max(_MOST_FACTS, len(reported.finding.evidence))
    evidence = (*list(facts)[:most], f"the same at {named}{more}")
    return replace(reported, finding=replace(reported.finding, evidence=evidence))
