"""Findings as a whole run sees them: those that say the same once, flows beside the policies that stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rewriter.engine.results.result import Reported

_MOST_NAMED = 9


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
    places: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        if finding.finding.once:
            where = f"{finding.location.file}:{finding.location.line}"
            places.setdefault((finding.finding.id, finding.finding.once), []).append(where)
    result = []
    for finding in findings:
        others = places.get((finding.finding.id, finding.finding.once)) if finding.finding.once else []
        if others is None:
            continue  # Folded into the first.
        if finding.finding.once:
            del places[finding.finding.id, finding.finding.once]
        result.append(_with(finding, others[1:]) if len(others) > 1 else finding)
    return tuple(result)


def _with(reported: Reported, others: Sequence[str]) -> Reported:
    named = ", ".join(others[:_MOST_NAMED])
    more = f" and {len(others) - _MOST_NAMED} more places" if len(others) > _MOST_NAMED else ""
    evidence = (*reported.finding.evidence, f"the same at {named}{more}")
    return replace(reported, finding=replace(reported.finding, evidence=evidence))
