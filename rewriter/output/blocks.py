"""A finding for a terminal, as a compiler shows one: what is wrong, where, what changes, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field
from enum import IntEnum

from rewriter.engine.results.result import Reported
from rewriter.finding import Flows, Severity
from rewriter.output.ending import needs_asking
from rewriter.output.folding import others
from rewriter.output.frame import frame
from rewriter.output.style import CLOSES, OPENS, Style, one_line
from rewriter.records import dataclass

SEVERITY_COLORS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}
_INDENT = 2
#: Flows of one finding; of more, the rest is counted.
_MOST_FLOWS = 8


class Detail(IntEnum):
    """How much of a finding is shown: one line and its flows, all but frame and reasons, or everything."""

    LINE = 0
    SHORT = 1
    FULL = 2


@dataclass(slots=True)
class Shown:
    """What a report has shown already, so that it shows it once; `texts` are the files as they were."""

    texts: dict[str, str]
    written: bool
    everything: bool = False
    already_shown: set[tuple[str, str]] = field(default_factory=set)

    def is_new(self, code: str, text: str) -> bool:
        """Whether a text of a pass is shown for the first time; it is shown from then on."""
        if (code, text) in self.already_shown:
            return False
        self.already_shown.add((code, text))
        return True


def block(group: Sequence[Reported], style: Style, shown: Shown, detail: Detail) -> Iterator[str]:
    """The lines of a finding, and where else the same one is."""
    item = group[0]
    finding, location = item.finding, item.location
    yield _header(item, len(group), style, written=shown.written)
    yield from style.wrap(finding.message, _INDENT)
    policy = "/".join(part for part in (location.namespace, location.name) if part)
    where = f"{location.file}:{location.line}:{location.column}"
    if detail is Detail.LINE:
        yield f"{'':{_INDENT}}{one_line(where)}"
    else:
        if location.kind:
            yield f"{'':{_INDENT}}{one_line(f'{location.kind} {policy}')}"
        yield f"{'':{_INDENT}}{style.paint(one_line(where), 'bold')}"
    if detail is Detail.FULL:
        for row in frame(item, shown.texts.get(location.file, ""), style, everything=shown.everything):
            yield f"{'':{_INDENT}}{row}"
        if finding.why and shown.is_new(finding.code, finding.why):
            yield from style.wrap(finding.why, _INDENT, "why     ")
    yield from _flows(item, style, shown, detail)
    if detail is Detail.FULL:
        for number, fact in enumerate(finding.evidence):
            yield from style.wrap(fact, _INDENT, "        " if number else "facts   ")
    advice = item.not_fixed or finding.advice
    if advice and not (item.fixed or detail is Detail.LINE):
        text = advice if shown.is_new(finding.code, advice) else "the same as above"
        yield from style.wrap(text, _INDENT, "to do   ")
    if len(group) > 1:
        yield from style.wrap(others(group), _INDENT, "also    ")
    if detail is Detail.FULL and shown.is_new("page", finding.id) and finding.code != "CNP000":
        yield from style.wrap(f"cnpfix explain {finding.id}", _INDENT, "page    ")


def _header(item: Reported, number: int, style: Style, *, written: bool) -> str:
    finding = item.finding
    severity = style.paint(finding.severity.value, SEVERITY_COLORS[finding.severity], "bold")
    head = (
        f"{style.paint(f'{finding.code} {finding.id}', 'bold')} · {severity} · {_state(item, style, written=written)}"
    )
    return f"{head}  × {number}" if number > 1 else head


def _state(item: Reported, style: Style, *, written: bool) -> str:
    if item.fixed:
        return style.paint(f"{'fixed' if written else 'would fix'} ({item.finding.applicability.value})", "green")
    return "needs --unsafe-fixes" if needs_asking(item) else "left to you"


def _flows(item: Reported, style: Style, shown: Shown, detail: Detail) -> Iterator[str]:
    """What the fix does to traffic, and what the upgrade does without it."""
    flows, upgrade = item.flows, item.flows.upgrade
    yield from _listed("opens", flows.opened, style, OPENS, shown)
    yield from _listed("closes", flows.closed, style, CLOSES, shown)
    if not item.fixed or upgrade is None or detail is not Detail.FULL:
        return
    if not flows.opened and not flows.closed:
        may = item.finding.opens or item.finding.closes
        same = "no flow beyond what the upgrade does" if may else "no flow: all stay as they are today"
        yield from style.wrap(same, _INDENT, "changes ")
    if (upgrade.opened, upgrade.closed) == (flows.opened, flows.closed):
        if flows.opened or flows.closed:
            yield from style.wrap("does the same without this fix", _INDENT, "upgrade ")
        return
    yield from _upgrade("opens", upgrade, upgrade.opened, style, shown)
    yield from _upgrade("closes", upgrade, upgrade.closed, style, shown)


def _upgrade(verb: str, upgrade: Flows, flows: Sequence[str], style: Style, shown: Shown) -> Iterator[str]:
    label = "        " if verb == "closes" and upgrade.opened else "upgrade "
    for number, flow in enumerate(_few(flows, shown)):
        lead = f"alone {verb} " if number == 0 else ""
        yield from style.wrap(f"{lead}{flow}", _INDENT, "        " if number else label)


def _listed(verb: str, flows: Sequence[str], style: Style, color: str, shown: Shown) -> Iterator[str]:
    """A line for each flow, the first one labelled."""
    for number, flow in enumerate(_few(flows, shown)):
        yield from style.wrap(flow, _INDENT, "        " if number else f"{verb:<8}", color)


def _few(flows: Sequence[str], shown: Shown) -> Sequence[str]:
    if shown.everything or len(flows) <= _MOST_FLOWS:
        return flows
    return [*flows[: _MOST_FLOWS - 1], f"and {len(flows) - _MOST_FLOWS + 1} more (-v lists them)"]
