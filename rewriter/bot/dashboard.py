"""The dashboard: one issue that says which requests are open, which wait, and what is left to people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from rewriter.bot.forge import Forge, Issue, bare
from rewriter.bot.run import Action, Outcome, Settings
from rewriter.engine.results.result import Reported
from rewriter.output.effects import totals
from rewriter.output.lines import count
from rewriter.output.markdown import escaped, left_to_people, not_checked
from rewriter.records import dataclass

TITLE = "cnpfix: Cilium network policies"
#: Rows of requests, and bytes of what is left: no forge takes more than 65,536 bytes altogether.
_MAX_ROWS, _MAX_LEFT = 100, 40_000
_OPEN = (Action.OPEN, Action.UPDATE, Action.UNCHANGED)
_STATES = {
    Action.OPEN: "open",
    Action.UPDATE: "open",
    Action.UNCHANGED: "open",
    Action.WAITING: "waits",
    Action.STOPPED: "stopped",
    Action.DECLINED: "declined",
    Action.FAILED: "failed",
    Action.CLOSE: "closed",
}


@dataclass(frozen=True, slots=True)
class Dashboard:
    """The text of the issue; `needed` says whether it has anything to say, `scope` which run it is of."""

    text: str
    scope: str
    needed: bool


def dashboard_of(outcomes: Sequence[Outcome], left: Sequence[Reported], settings: Settings) -> Dashboard:
    """The dashboard of a run: its outcomes, and the findings that it left to people."""
    kept = [item for item in outcomes if item.action is not Action.CLOSE]
    text = "\n".join(_lines(kept, left, settings)) + "\n"
    return Dashboard(text, settings.scope, bool(kept or left))


def keep_dashboard(forge: Forge, dashboard: Dashboard) -> tuple[str, str]:
    """Brings the issue up to date: `opened`, `updated`, `unchanged` or `not needed`, and its address.

    Nothing is written where the text is the same, so that a schedule sends no notification. Raises ForgeError.
    """
    issue = _own(forge, dashboard.scope)
    if issue is None:
        if not dashboard.needed:
            return "not needed", ""
        return "opened", forge.write_issue(TITLE, dashboard.text, None).url
    if bare(issue.body) == bare(dashboard.text):
        return "unchanged", issue.url
    forge.write_issue(issue.title, dashboard.text, issue)
    return "updated", issue.url


def _own(forge: Forge, scope: str) -> Issue | None:
    return next((issue for issue in forge.issues() if issue.body.startswith(_mark(scope))), None)


def _mark(scope: str) -> str:
    return f"<!-- cnpfix:dashboard scope={scope} -->"


def _lines(outcomes: Sequence[Outcome], left: Sequence[Reported], settings: Settings) -> Iterator[str]:
    yield _mark(settings.scope)
    yield f"### Cilium {settings.from_version} → {settings.to_version}"
    yield ""
    counts = Counter("open" if item.action in _OPEN else _STATES[item.action] for item in outcomes)
    parts = [f"{count(number, 'request')} {state}" for state, number in counts.items()]
    parts.append(f"{count(len(left), 'finding')} left to people" if left else "nothing left to people")
    yield f"**{', '.join(parts)}.**"
    if outcomes:
        yield from ["", "| | request | traffic | |", "| --- | --- | --- | --- |"]
        yield from (_row(item) for item in outcomes[:_MAX_ROWS])
        if len(outcomes) > _MAX_ROWS:
            yield f"| | … {len(outcomes) - _MAX_ROWS} more | | |"
    if left:
        yield from ["", f"### Left to people ({len(left)})", ""]
        yield from _bounded(list(left_to_people(left, settings.around.links)))
    if settings.around.not_checked:
        yield from ["", "### Not checked", "", *not_checked(settings.around.not_checked)]
    yield from ["", "---", "", "cnpfix keeps this issue up to date, and writes it anew only where something changed."]


def _row(item: Outcome) -> str:
    name = escaped(item.branch)
    request = f"[{name}]({item.url})" if item.url else name
    traffic = str(totals(item.group.fixed)) if item.group else ""
    return f"| {_STATES[item.action]} | {request} | {traffic} | {escaped(item.detail)} |"


def _bounded(lines: Sequence[str]) -> Iterator[str]:
    room = _MAX_LEFT
    for number, line in enumerate(lines):
        room -= len(line.encode("utf-8", "replace")) + 1
        if room < 0:
            yield f"- … and {len(lines) - number} more lines; `cnpfix` shows them all"
            return
        yield line
