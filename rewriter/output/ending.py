"""The last lines of a run: what was read, what was found, what that does to traffic, and what was not checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from rewriter.engine.results.result import Report, Reported
from rewriter.finding import Applicability, Flows
from rewriter.output.lines import count

#: So many things that were not checked are listed; their number is always shown.
_MOST = 6


def ending(report: Report) -> list[str]:
    """The lines, none of them wrapped; the first says what was read. None where nothing could be read."""
    if report.errors and not report.findings and not report.summary.policies:
        return []
    return [*_counted(report), *_traffic(report.findings), *warnings(report, with_policies=False), *_next(report)]


def warnings(report: Report, *, with_policies: bool = True) -> Iterator[str]:
    """What a clean result must not hide: that no policy was found, and what was not checked."""
    if with_policies and not (report.summary.policies or report.findings or report.errors):
        yield from _counted(report)
    for number, item in enumerate(report.not_checked[:_MOST]):
        yield f"{'            ' if number else 'not checked:'} {item}"
    if len(report.not_checked) > _MOST:
        yield f"             and {len(report.not_checked) - _MOST} more (-v lists them)"


def _counted(report: Report) -> Iterator[str]:
    summary = report.summary
    if not summary.policies and not report.findings:
        under = f" under {report.under}" if report.under else ""
        yield f"no policies found in {count(summary.files, 'file')}{under}"
        return
    read = f"{count(summary.policies, 'policy', 'policies')} in {count(report.holders, 'file')}"
    if not report.findings:
        known = f" but {count(summary.known, 'finding')} of the baseline" if summary.known else ""
        errors = f", {count(summary.errors, 'error')}" if summary.errors else ""
        yield f"{read}, nothing to report{known}{errors}"
        return
    yield read
    yield f"{count(summary.findings, 'finding')}: {', '.join(_outcomes(report))}"


def _outcomes(report: Report) -> Iterator[str]:
    fixed = [item for item in report.findings if item.fixed]
    if fixed:
        kinds = Counter(item.finding.applicability for item in fixed)
        words = ", ".join(f"{kinds[each]} {each.value}" for each in Applicability if kinds[each])
        yield f"{len(fixed)} {'fixed' if report.written else 'would be fixed'} ({words})"
    unsafe = sum(needs_asking(item) for item in report.findings)
    if unsafe:
        yield f"{unsafe} with --unsafe-fixes"
    left = len(report.findings) - len(fixed) - unsafe
    if left:
        yield f"{left} left to you"
    if report.summary.known:
        yield f"{report.summary.known} more known from the baseline"


def needs_asking(item: Reported) -> bool:
    """Whether a finding has a fix that waits for --unsafe-fixes."""
    return not item.fixed and not item.not_fixed and item.finding.applicability is Applicability.UNSAFE


def _traffic(findings: Sequence[Reported]) -> Iterator[str]:
    """What the upgrade alone would do to flows that the fixes speak of, and what the fixes change on purpose."""
    fixed = [item for item in findings if item.fixed and item.flows.upgrade is not None]
    if not fixed:
        return
    breaks = opens = kept = held_shut = opened = closed = 0
    for item in fixed:
        upgrade, flows = item.flows.upgrade or Flows(), item.flows
        breaks += len(upgrade.closed)
        opens += len(upgrade.opened)
        kept += len(flows.kept)
        held_shut += len(flows.kept_closed)
        opened += len(set(flows.opened) - set(upgrade.opened))
        closed += len(set(flows.closed) - set(upgrade.closed))
    parts = []
    if breaks:
        parts.append(f"the upgrade alone breaks {count(breaks, 'flow')}, these fixes keep {_all_of(kept, breaks)}")
    if opens:
        parts.append(
            f"the upgrade alone opens {count(opens, 'flow')}, these fixes keep {_all_of(held_shut, opens)} closed"
        )
    purpose = " and ".join(f"{verb} {number}" for verb, number in (("open", opened), ("close", closed)) if number)
    parts.append(f"the fixes {purpose} on purpose" if purpose else "the fixes change no other flow")
    yield f"traffic: {'; '.join(parts)}"


def _all_of(number: int, total: int) -> str:
    if number == total:
        return "it" if total == 1 else "all"
    return str(number or "none")


def _next(report: Report) -> Iterator[str]:
    files = count(len(report.files), "file")
    fixes = count(report.summary.fixed, "fix", "fixes")
    if report.files:
        yield f"{fixes} applied in {files}" if report.written else f"{report.apply_with} applies {fixes} in {files}"
