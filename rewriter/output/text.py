"""The report for people: findings as blocks, worst first, then the diffs, then what the run came to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rewriter.engine.results.result import FileResult, Report, Reported
from rewriter.finding import Severity
from rewriter.output import concise
from rewriter.output.blocks import Detail, Shown, block
from rewriter.output.diff import CONTEXT, unified_diff
from rewriter.output.ending import ending, summed_up
from rewriter.output.folding import by_harm, folded, others
from rewriter.output.statistics import table
from rewriter.output.style import Style, clean, logged
from rewriter.output.traffic import traffic_lines
from rewriter.records import dataclass

#: The detail of the first finding of a pass, and of its others; the first pair that fits into the lines is taken.
_DETAILS = (
    (Detail.FULL, Detail.FULL),
    (Detail.FULL, Detail.SHORT),
    (Detail.SHORT, Detail.LINE),
    (Detail.LINE, Detail.LINE),
)
_MOST_LINES = 700
#: Longer diffs come with one line of context; of more than the second number, only where diffs were asked for.
_MOST_DIFF_LINES, _MOST_UNASKED = 300, 400


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks of the report: no notes and no summary, everything unfolded, a table, all diffs."""

    quiet: bool = False
    everything: bool = False
    statistics: bool = False
    diffs: bool = False


_NOTHING = Asked()


def render(report: Report, style: Style, asked: Asked = _NOTHING) -> str:
    """The report as text for a terminal; with `quiet` empty when there is nothing to say."""
    return logged("".join(line.rstrip() + "\n" for line in _lines(report, style, asked)))


def _lines(report: Report, style: Style, asked: Asked) -> Iterator[str]:
    shown = [item for item in report.findings if not asked.quiet or item.finding.severity is not Severity.NOTE]
    if report.errors and not report.findings and not report.summary.policies:
        yield from () if asked.quiet else summed_up(report, style.width)  # The errors are on stderr.
        return
    if not asked.quiet:
        yield from style.wrap(_upgrade(report), 0)
        yield ""
    yield from _findings(by_harm(shown), report, style, asked)
    yield from _diffs(report, style, asked)
    if asked.statistics and shown:
        yield from table(shown, style, written=report.written)
        yield ""
    if asked.quiet:
        return
    if report.traffic is not None:
        for number, line in enumerate(traffic_lines(report.traffic)):
            yield from style.wrap(line, 2 if number else 0)
        yield ""
    for line in ending(report, style.width):
        label, mark, rest = line.partition(": ")
        if mark and len(label) < 14:
            yield from style.wrap(rest, 0, f"{label}: ", "bold")
        else:
            yield from style.wrap(line.strip(), len(line) - len(line.lstrip()))


def _upgrade(report: Report) -> str:
    """Which releases the run is about, and why these."""
    versions = f"Cilium {report.tool.get('from', '?')} → {report.tool.get('to', '?')}"
    why = report.tool.get("versions")
    return f"{versions}: {why}" if why else versions


def _findings(findings: Sequence[Reported], report: Report, style: Style, asked: Asked) -> Iterator[str]:
    groups = [[item] for item in findings] if asked.everything else folded(findings)
    lines: list[str] = []
    shown = Detail.FULL
    for shown, rest in _DETAILS:
        lines = list(_blocks(groups, report, style, asked, (shown, rest)))
        if asked.everything or len(lines) <= _MOST_LINES:
            break
    if len(lines) > _MOST_LINES and not asked.everything:  # Different ones without end: a line each.
        lines = [*(_one_line(group, report, style) for group in groups), ""]
    yield from lines
    if lines and shown is not Detail.FULL:
        yield from style.wrap("Findings are shortened; -v shows each in full.", 0)
        yield ""


def _one_line(group: Sequence[Reported], report: Report, style: Style) -> str:
    text = concise.line(group[0], style, written=report.written)
    return f"{text}; {others(group)}" if len(group) > 1 else text


def _blocks(
    groups: Sequence[list[Reported]], report: Report, style: Style, asked: Asked, details: tuple[Detail, Detail]
) -> Iterator[str]:
    shown = Shown(dict(report.texts), report.written, asked.everything)
    met: set[str] = set()
    for group in groups:
        identifier = group[0].finding.id
        detail = details[1] if identifier in met else details[0]
        met.add(identifier)
        yield from block(group, style, shown, detail)
        if detail is not Detail.LINE:
            yield ""
    if groups and details[1] is Detail.LINE:
        yield ""


def _diffs(report: Report, style: Style, asked: Asked) -> Iterator[str]:
    """The diffs of all changed files, such that `git apply` takes the report."""
    if not report.files or report.written:
        return
    lines = [line for result in report.files for line in diff_lines(result, style)]
    if len(lines) > _MOST_DIFF_LINES:
        lines = [line for result in report.files for line in diff_lines(result, style, context=1)]
    if len(lines) > _MOST_UNASKED and not (asked.diffs or asked.everything):
        yield from style.wrap(f"The diffs have {len(lines)} lines; --dry-run, written out, prints them.", 0)
    else:
        yield from lines
    yield ""


def diff_lines(result: FileResult, style: Style, context: int = CONTEXT) -> Iterator[str]:
    """A file's diff for a terminal, in colour where there is colour."""
    for line in unified_diff(result, context).split("\n")[:-1]:
        text = clean(line.removesuffix("\r")).replace("\t", "    ") if "\t" in line else clean(line.removesuffix("\r"))
        match line[:1]:
            case _ if line.startswith(("--- ", "+++ ")):
                yield style.paint(text, "bold")
            case "@":
                yield style.paint(text, "cyan")
            case "+":
                yield style.paint(text, "green")
            case "-":
                yield style.paint(text, "red")
            case _:
                yield text
