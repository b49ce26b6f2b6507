"""One line a finding: for logs, hooks and `grep`."""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.engine.results.result import Report, Reported
from rewriter.finding import Severity
from rewriter.output.statistics import table
from rewriter.output.style import Style, logged, one_line

_SEVERITY_COLORS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}


def render(report: Report, style: Style, *, quiet: bool = False, statistics: bool = False) -> str:
    """The report, exactly one line for each finding; empty when there is none. `statistics` adds a table."""
    shown = [item for item in report.findings if not quiet or item.finding.severity is not Severity.NOTE]
    lines = [line(item, style, written=report.written) for item in shown]
    if statistics and shown:
        lines += ["", *table(shown, style, written=report.written)]
    return logged("".join(f"{line}\n" for line in lines))


def line(item: Reported, style: Style, *, written: bool) -> str:
    """`file:line:column: CNP005 missing-namespace warning [evident] message`."""
    finding, location = item.finding, item.location
    severity = style.paint(finding.severity.value, _SEVERITY_COLORS[finding.severity])
    parts = [
        f"{style.paint(one_line(f'{location.file}:{location.line}:{location.column}'), 'bold')}:",
        finding.code,
        finding.id,
        severity,
        f"[{', '.join(_state(item, written=written))}]",
        one_line(finding.message),
    ]
    return " ".join(parts)


def _state(item: Reported, *, written: bool) -> Iterator[str]:
    yield item.finding.applicability.value
    if item.fixed and written:
        yield "fixed"
    elif item.not_fixed:
        yield "not fixed"
