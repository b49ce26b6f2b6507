"""Markdown, for the body of a pull request: what changes, what it does to traffic, what is left."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from rewriter.engine.result import FileResult, Report, Reported
from rewriter.output.diff import unified_diff
from rewriter.output.lines import count, remedy
from rewriter.output.style import clean, logged, one_line

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~&])")
_LINKING = re.compile("([@#])")


def render(report: Report) -> str:
    """The report as GitHub-flavoured Markdown; names from manifests are escaped."""
    return logged("\n".join(_lines(report)).rstrip() + "\n")


def _lines(report: Report) -> Iterator[str]:
    summary = report.summary
    versions = f"Cilium {report.tool.get('from', '?')} to {report.tool.get('to', '?')}"
    yield "## Cilium network policies"
    yield ""
    found = (
        f"{count(summary.findings, 'finding')} in {count(summary.policies, 'policy', 'policies')}"
        f" of {count(summary.files, 'file')}"
    )
    fixes = f"{summary.fixed} fixed" if report.written else f"`--write` fixes {summary.fixed}"
    yield f"{versions}: **{found}**, **{fixes}** in {count(len(report.files), 'file')}."
    fixed = [item for item in report.findings if item.fixed]
    left = [item for item in report.findings if not item.fixed]
    if fixed:
        yield from ["", "### What changes", "", *table(fixed)]
    if report.files:
        yield ""
        for result in report.files:
            yield from details(result)
    if left:
        yield from ["", "### Left for a person", "", *left_for_a_person(left)]
    if report.errors:
        yield from ["", "### Could not be read", ""]
        yield from (f"- {escaped(str(error))}" for error in report.errors)


def table(items: Sequence[Reported]) -> Iterator[str]:
    """What is fixed, a row each: policy, pass, severity, and what changes in traffic."""
    yield "| policy | pass | severity | traffic |"
    yield "| --- | --- | --- | --- |"
    for item in items:
        cells = (_policy(item), f"{item.finding.code} {item.finding.id}", item.finding.severity.value, _traffic(item))
        yield f"| {' | '.join(cells)} |"


def _traffic(item: Reported) -> str:
    flows = [f"opens {escaped(flow)}" for flow in item.flows.opened]
    flows += [f"closes {escaped(flow)}" for flow in item.flows.closed]
    return "<br>".join(flows) or "no flow changes"


def _policy(item: Reported) -> str:
    location = item.location
    name = "/".join(filter(None, (location.namespace, location.name))) or location.kind
    return f"{escaped(name)} ({escaped(location.file)}:{location.line})"


def details(result: FileResult) -> Iterator[str]:
    """A file's diff, collapsed."""
    diff = "\n".join(clean(line.rstrip("\r")) for line in unified_diff(result).split("\n"))
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", diff)), default=0))
    yield f"<details><summary>{_html(result.path)}</summary>"
    yield from ["", f"{fence}diff", diff.rstrip("\n"), fence, "", "</details>"]


def left_for_a_person(items: Sequence[Reported]) -> Iterator[str]:
    """What is not fixed, a list by file: where, what, and what to do."""
    for path, group in groupby(items, key=lambda item: item.location.file):
        yield f"- {escaped(path)}"
        for item in group:
            advice = item.not_fixed or item.finding.advice or remedy(item)
            what = escaped(item.finding.message)
            yield f"  - line {item.location.line}, {item.finding.code}: {what}. {escaped(advice)}"


def escaped(text: str) -> str:
    """Text on one line in which Markdown finds nothing to obey, and a forge nobody to notify and nothing to link."""
    return _unlinked(_SPECIAL.sub(r"\\\1", one_line(text)))


def _unlinked(text: str) -> str:
    """Forges look for `@name` and `#12` after Markdown, where a backslash is gone: a mark without width parts them."""
    return _LINKING.sub(r"\1&#8203;", text)


def _html(text: str) -> str:
    return _unlinked(one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))
