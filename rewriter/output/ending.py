"""The last lines of a run, the very last of which says what was read and found, and what was not checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from rewriter.engine.results.result import Report, Reported
from rewriter.finding import Applicability, Flows
from rewriter.output.lines import count


def ending(report: Report, width: int) -> list[str]:
    """The last lines of a report: what was found, what it does to traffic, what to do, and the run in one line.

    The last line has at most `width` columns; what does not fit into it stands in the lines above, which may be longer.
    """
    found = [f"{count(report.summary.findings, 'finding')}: {', '.join(_outcomes(report))}"] if report.findings else []
    return [*found, *_traffic(report.findings), *_next(report), *summed_up(report, width)]


def summed_up(report: Report, width: int) -> list[str]:
    """The run in one line: what was read and found, and what was not checked and why, so that a clean result hides
    nothing. Where that is too long for `width`, what was not checked is listed above it.
    """
    whole, short = _counted(report)
    if not report.not_checked:
        return [whole if len(whole) <= width else short]
    first, *more = report.not_checked
    if not more:
        shortest = f"{short}; {first.what} not checked: {first.why} ({first.remedy})"
        for line in (f"{whole}; not checked: {first}", f"{short}; not checked: {first}", shortest):
            if len(line) <= width:
                return [line]
    rest = f" and {len(more)} more" if more else ""
    line = f"{short}; not checked: {first.what} ({first.why}){rest}"
    if len(line) > width:
        line = f"{short}; not checked: {count(len(report.not_checked), 'thing')}, see above"
    return [*_listed(report), line]


def run_in_words(report: Report) -> str:
    """The run in one line of any length, for reports that programs read."""
    whole, _ = _counted(report)
    left = "; ".join(str(item) for item in report.not_checked)
    return f"{whole}; not checked: {left}" if left else whole


def _listed(report: Report) -> Iterator[str]:
    for number, item in enumerate(report.not_checked):
        yield f"{'            ' if number else 'not checked:'} {item}"


def _counted(report: Report) -> tuple[str, str]:
    """What was read and found, with the files and without."""
    summary = report.summary
    errors = f", {count(summary.errors, 'error')}" if summary.errors else ""
    if not summary.policies and not report.findings:
        under = f" under {report.under}" if report.under else ""
        files = f" in {count(summary.files, 'file')}"
        return f"no policies found{files}{under}{errors}", f"no policies found{files}{errors}"
    found = count(summary.findings, "finding") if report.findings else "nothing to report"
    if summary.known and not report.findings:
        found += f" but {count(summary.known, 'finding')} of the baseline"
    policies = count(summary.policies, "policy", "policies")
    counted = found if summary.known else count(summary.findings, "finding")
    return f"{policies} in {count(report.holders, 'file')}, {found}{errors}", f"{policies}, {counted}{errors}"


def _outcomes(report: Report) -> Iterator[str]:
    fixed = [item for item in report.findings if item.fixed]
    if fixed:
        kinds = Counter(item.finding.applicability for item in fixed)
        words = ", ".join(
            f"{kinds[applicability]} {applicability.value}" for applicability in Applicability if kinds[applicability]
        )
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
