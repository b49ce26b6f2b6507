"""Markdown, for people who review: what changes, what it does to traffic, why, on which evidence, and what is left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rewriter import patterns as re
from rewriter.engine.results.result import NotChecked, Report, Reported
from rewriter.output.effects import by_effect, effect_of, kept, totals
from rewriter.output.folding import folded, others, policy_name
from rewriter.output.lines import count, remedy
from rewriter.output.links import NO_LINKS, Links, page_of, sources_in
from rewriter.output.own_hunk import own_diff
from rewriter.output.style import clean, logged, one_line

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~&])")
_LINKING = re.compile("([@#])")
#: Rows of one hunk; of more, the middle is left out, and the changed files have it.
_MOST_ROWS = 40
_MOST_NAMED = 4


def render(report: Report) -> str:
    """The report as GitHub-flavoured Markdown; names from manifests are escaped."""
    return logged("\n".join(_lines(report)).rstrip() + "\n")


def _lines(report: Report) -> Iterator[str]:
    summary = report.summary
    fixed = by_effect(item for item in report.findings if item.fixed)
    left = [item for item in report.findings if not item.fixed]
    yield f"## Cilium network policies: {report.tool.get('from', '?')} → {report.tool.get('to', '?')}"
    yield ""
    found = (
        f"{count(summary.findings, 'finding')} in {count(summary.policies, 'policy', 'policies')}"
        f" of {count(summary.files, 'file')}"
    )
    fixes = f"{summary.fixed} fixed" if report.written else f"`--write` fixes {summary.fixed}"
    yield f"**{found}**, **{fixes}** in {count(len(report.files), 'file')}."
    if fixed:
        yield f"**{totals(fixed)}.**"
        yield from ["", "### What changes", "", *table(fixed)]
        yield ""
        for group in folded(fixed):
            yield from card(group, report.texts)
    if left:
        yield from ["", "### Left to people", "", *left_to_people(left)]
    if report.not_checked:
        yield from ["", "### Not checked", "", *not_checked(report.not_checked)]
    if report.errors:
        yield from ["", "### Could not be read", ""]
        yield from (f"- {escaped(str(error))}" for error in report.errors)


def table(items: Sequence[Reported], links: Links = NO_LINKS) -> Iterator[str]:
    """What is fixed, a row each: what it does, the policy, what is changed and why, and the traffic."""
    yield "| | policy | finding | traffic |"
    yield "| --- | --- | --- | --- |"
    yield from rows(items, links)


def rows(items: Sequence[Reported], links: Links = NO_LINKS) -> Iterator[str]:
    """The rows of the table without its head."""
    for item in items:
        cells = (
            effect_of(item).replace(" ", "&nbsp;"),
            _linked_policy(item, links),
            f"{item.finding.code} {item.finding.id}",
            "<br>".join(map(_bold, _traffic(item))) or "no flow changes",
        )
        yield f"| {' | '.join(cells)} |"


def _traffic(item: Reported) -> Iterator[str]:
    yield from (f"opens {escaped(flow)}" for flow in item.flows.opened)
    yield from (f"closes {escaped(flow)}" for flow in item.flows.closed)
    broken, opened = kept(item)
    yield from (f"keeps {escaped(flow)}, which the upgrade would break" for flow in broken)
    yield from (f"keeps closed {escaped(flow)}, which the upgrade would open" for flow in opened)


def _linked_policy(item: Reported, links: Links) -> str:
    location = item.location
    name = escaped(policy_name(item))
    url = links.line(location.file, location.line)
    return f"[{name}]({url})" if url else f"{name} ({escaped(location.file)}:{location.line})"


def _bold(text: str) -> str:
    word, _, rest = text.partition(" ")
    return f"**{word}** {rest}"


def card(group: Sequence[Reported], texts: Mapping[str, str], links: Links = NO_LINKS) -> Iterator[str]:
    """A fix in full, collapsed: what, why, evidence, flows, its own lines of the diff, and the page of its pass.

    `group` holds findings that say the same: the first is shown, the others are named. `texts` are the old files.
    """
    item = group[0]
    finding, location = item.finding, item.location
    more = f" and {len(group) - 1} more" if len(group) > 1 else ""
    yield (
        f"<details><summary>{_html(f'{effect_of(item)} · {policy_name(item)}')}{more} — "
        f"{finding.code} {finding.id}, {finding.applicability.value}</summary>"
    )
    yield ""
    yield f"**What.** {escaped(finding.message)} — {_located(location.file, location.line, links)}"
    if finding.why:
        yield f"<br>**Why.** {escaped(finding.why)}"
    yield from (f"<br>{_bold(text)}" for text in _traffic(item))
    if len(group) > 1:
        yield f"<br>**Also.** {_others(group, links)}"
    if finding.evidence:
        yield ""
        yield "**Evidence**"
        yield ""
        yield from (f"- {_cited(fact, links)}" for fact in finding.evidence)
    yield from _diff(item, texts.get(location.file, ""))
    url = page_of(finding.id)
    yield ""
    yield f"[{finding.id}: what it finds and why]({url})" if url else f"`cnpfix explain {finding.id}`"
    yield ""
    yield "</details>"


def _diff(item: Reported, text: str) -> Iterator[str]:
    shown = [clean(row.rstrip("\r")) for row in own_diff(item, text)]
    if not shown:
        return
    if len(shown) > _MOST_ROWS:
        half = _MOST_ROWS // 2
        shown = [*shown[:half], f"  … {len(shown) - 2 * half} more lines: see the changed file", *shown[-half:]]
    fence = "`" * max(3, 1 + max((len(run) for row in shown for run in re.findall("`+", row)), default=0))
    yield from ["", f"{fence}diff", *shown, fence]


def _others(group: Sequence[Reported], links: Links) -> str:
    if len(group) > 1 + _MOST_NAMED:
        return escaped(others(group).replace(" (-v lists them)", ""))
    return ", ".join(_linked_policy(item, links) for item in group[1:])


def _located(path: str, line: int, links: Links) -> str:
    url = links.line(path, line)
    text = f"{escaped(path)}:{line}"
    return f"[{text}]({url})" if url else text


def _cited(text: str, links: Links) -> str:
    """Evidence with a link to each file and line in it that can be read on the web."""
    pieces = []
    for piece, path, line in sources_in(one_line(text)):
        url = links.line(path, line) if path else ""
        shown = _escaped(piece)
        pieces.append(f"[{shown}]({url})" if url else shown)
    return "".join(pieces)


def left_to_people(items: Sequence[Reported], links: Links = NO_LINKS) -> Iterator[str]:
    """What is not fixed, equal findings together: what is wrong, where, why it is left, and what to do."""
    for group in folded(items):
        item = group[0]
        finding = item.finding
        advice = item.not_fixed or finding.advice or remedy(item)
        also = f" (and {escaped(others(group).replace(' (-v lists them)', ''))})" if len(group) > 1 else ""
        yield (
            f"- **{finding.severity.value}** {finding.code} {finding.id}: "
            f"{_linked_policy(item, links)}{also}: {escaped(finding.message)}"
        )
        yield f"  <br>to do: {escaped(advice)}"


def not_checked(items: Sequence[NotChecked]) -> Iterator[str]:
    """What the run could not look at, a list."""
    return (f"- {escaped(str(item))}" for item in items)


def escaped(text: str) -> str:
    """One line with Markdown, @mentions and links escaped."""
    return _escaped(one_line(text))


def _escaped(text: str) -> str:
    return _unlinked(_SPECIAL.sub(r"\\\1", text))


def _unlinked(text: str) -> str:
    """Forges look for `@name` and `#12` after Markdown, where a backslash is gone: a mark without width parts them."""
    return _LINKING.sub(r"\1&#8203;", text)


def _html(text: str) -> str:
    return _unlinked(one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))
