"""The preview for people: findings grouped by file, the diff of each, a summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from rewriter.engine.result import FileResult, Report, Reported
from rewriter.finding import Applicability, Flows, Severity
from rewriter.output.diff import unified_diff
from rewriter.output.lines import count
from rewriter.output.style import Style, clean, logged, one_line
from rewriter.output.traffic import traffic_lines

_SEVERITY_COLORS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}
_COLUMNS = ("found", "fixed", "safe", "evident", "unsafe", "manual")


def render(report: Report, style: Style, *, written: bool, quiet: bool = False) -> str:
    """The report as text for a terminal; empty when there is nothing to say.

    `written` says whether the fixes are in the files or only previewed, `quiet` leaves notes and the summary out.
    """
    lines = _lines(report, style, written=written, quiet=quiet)
    return logged("".join(line.rstrip() + "\n" for line in lines))


def _lines(report: Report, style: Style, *, written: bool, quiet: bool) -> Iterator[str]:
    changed = {result.path: result for result in report.files}
    said: set[tuple[str, str]] = set()
    shown = [item for item in report.findings if not quiet or item.finding.severity is not Severity.NOTE]
    for path, group in groupby(shown, key=lambda item: item.place.file):
        items = list(group)
        yield style.paint(clean(path.replace("\n", "\\n")), "bold")
        for item in items:
            yield ""
            yield from _finding(item, style, said, written=written)
        if path in changed:
            yield ""
            yield from diff_lines(changed[path], style)
            yield from _effects([item for item in items if item.fixed], style)
        yield ""
    if shown and not quiet:
        yield from _table(shown, style)
        yield ""
        yield from style.wrap(_summary(report, written=written), 0)
    if report.traffic is not None and not quiet:
        yield ""
        for number, line in enumerate(traffic_lines(report.traffic)):
            yield from style.wrap(line, 2 if number else 0)


def _finding(item: Reported, style: Style, said: set[tuple[str, str]], *, written: bool) -> Iterator[str]:
    """A finding; the reasons and the advice of its pass that are said already are not said again."""
    finding, place = item.finding, item.place
    severity = style.paint(f"{finding.severity.value:<7}", _SEVERITY_COLORS[finding.severity], "bold")
    position = f"{place.line}:{place.column}"
    yield (
        f"  {style.paint(f'{position:<7}', 'dim')} {severity} {style.paint(finding.code, 'bold')} {finding.id}"
        f"  {_state(item, style, written=written)}"
    )
    policy = "/".join(part for part in (place.namespace, place.name) if part)
    if place.kind:
        yield from style.wrap(f"{place.kind} {policy}", 4, "in       ")
    yield from style.wrap(finding.message, 4, "what     ")
    if finding.why and _is_new(finding.code, finding.why, said):
        yield from style.wrap(finding.why, 4, "why      ")
    for number, evidence in enumerate(finding.evidence):
        yield from style.wrap(evidence, 4, "         " if number else "evidence ")
    if not item.fixed:
        yield from _flows("opens", item.flows.opened, style, 4)
        yield from _flows("closes", item.flows.closed, style, 4)
    advice = item.not_fixed or finding.advice
    if advice:
        new = _is_new(finding.code, advice, said)
        yield from style.wrap(advice if new else "the same as above", 4, "to do    ")


def _is_new(code: str, text: str, said: set[tuple[str, str]]) -> bool:
    """Whether a text of a pass is said for the first time in a report; it is said from then on."""
    if (code, text) in said:
        return False
    said.add((code, text))
    return True


def _effects(items: Sequence[Reported], style: Style) -> Iterator[str]:
    """What each fix of a diff does to traffic, and what the upgrade would do without it."""
    judged = [item for item in items if item.flows.upgrade is not None]
    if not judged:
        return
    yield ""
    yield style.paint("  what this does to traffic", "bold")
    for item in judged:
        flows, upgrade = item.flows, item.flows.upgrade or Flows()
        position = f"{item.place.line}:{item.place.column}"
        yield f"  {style.paint(f'{position:<7}', 'dim')} {style.paint(item.finding.code, 'bold')} {item.finding.id}"
        if flows.opened or flows.closed:
            yield from _flows("opens", flows.opened, style, 4, "red")
            yield from _flows("closes", flows.closed, style, 4, "yellow")
        else:
            may = item.finding.opens or item.finding.closes
            same = "no flow beyond what the upgrade does" if may else "no flow: all stay as they are today"
            yield from style.wrap(same, 4, "changes  ")
        if (upgrade.opened, upgrade.closed) == (flows.opened, flows.closed):
            if flows.opened or flows.closed:
                yield from style.wrap("does the same without this fix", 4, "upgrade  ")
            continue
        yield from _flows("opens", upgrade.opened, style, 4, lead="without it, the upgrade opens ")
        yield from _flows("closes", upgrade.closed, style, 4, lead="without it, the upgrade closes ")


def _flows(
    verb: str, flows: Sequence[str], style: Style, indent: int, color: str = "dim", *, lead: str = ""
) -> Iterator[str]:
    """A line for each flow, the first one labelled."""
    for number, flow in enumerate(flows):
        label = f"{'' if number else 'upgrade' if lead else verb:<9}"
        yield from style.wrap(f"{lead if number == 0 else ''}{flow}", indent, label, color)


def _state(item: Reported, style: Style, *, written: bool) -> str:
    applicability = item.finding.applicability
    if item.fixed:
        return style.paint(f"{'fixed' if written else 'fix'} ({applicability.value})", "green")
    if applicability is Applicability.UNSAFE and not item.not_fixed:
        return style.paint("needs --unsafe-fixes", "yellow")
    return style.paint("left to you", "yellow")


def diff_lines(result: FileResult, style: Style) -> Iterator[str]:
    """A file's diff for a terminal, in colour where there is colour."""
    for line in unified_diff(result).split("\n")[:-1]:
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


def _table(items: Sequence[Reported], style: Style) -> Iterator[str]:
    names = sorted({(item.finding.code, item.finding.id) for item in items})
    width = max(len("pass"), *(len(f"{code} {name}") for code, name in names))
    yield style.paint(f"{'pass':<{width}}" + "".join(f"{column:>9}" for column in _COLUMNS), "dim")
    totals: Counter[str] = Counter()
    for code, name in names:
        counts = Counter(_counted([item for item in items if item.finding.id == name]))
        totals.update(counts)
        yield f"{code} {name:<{width - len(code) - 1}}" + _cells(counts)
    if len(names) > 1:
        yield style.paint(f"{'total':<{width}}" + _cells(totals), "bold")


def _counted(items: Sequence[Reported]) -> Iterator[str]:
    for item in items:
        yield "found"
        if item.fixed:
            yield "fixed"
        yield item.finding.applicability.value


def _cells(counts: Counter[str]) -> str:
    return "".join(f"{counts[column] or '·':>9}" for column in _COLUMNS)


def _summary(report: Report, *, written: bool) -> str:
    summary = report.summary
    unsafe = sum(
        1
        for item in report.findings
        if not item.fixed and not item.not_fixed and item.finding.applicability is Applicability.UNSAFE
    )
    parts = [
        f"{count(summary.findings, 'finding')} in {count(summary.policies, 'policy', 'policies')}"
        f" of {count(summary.files, 'file')}"
    ]
    if summary.fixed:
        changed = count(len(report.files), "file")
        parts.append(
            f"{summary.fixed} fixed in {changed}" if written else f"--write fixes {summary.fixed} in {changed}"
        )
    if unsafe:
        parts.append(f"{unsafe} more with --unsafe-fixes")
    if summary.known:
        parts.append(f"{summary.known} known from the baseline")
    return one_line("; ".join(parts) + ".")
