"""JUnit XML: one test case a finding, failed unless it is a mere note without a fix, or its fix is written."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from rewriter.engine.results.result import Report, Reported
from rewriter.finding import Severity
from rewriter.output.ending import run_in_words
from rewriter.output.lines import full_message
from rewriter.output.style import clean, escaped_marks


def render(report: Report) -> str:
    """The report as one test suite."""
    failures = sum(_fails(item, report) for item in report.findings)
    cases = len(report.findings) + len(report.errors)
    counts = f'tests="{max(cases, 1)}" failures="{failures}" errors="{len(report.errors)}"'
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<testsuites name="cnpfix" {counts}>']
    lines.append(f'  <testsuite name="cnpfix" {counts}>')
    lines += _cases(report)
    lines += [f"    <system-out>{escape(clean(run_in_words(report)))}</system-out>"]
    lines += ["  </testsuite>", "</testsuites>"]
    return escaped_marks("\n".join(lines) + "\n", "&#35;")


def _cases(report: Report) -> Iterator[str]:
    for item in report.findings:
        name = f"{item.finding.code} {item.finding.id} {item.location.file}:{item.location.line}"
        policy = "/".join(filter(None, (item.location.kind, item.location.namespace, item.location.name)))
        head = f"<testcase name={_attribute(name)} classname={_attribute(policy or item.location.file)}"
        if _fails(item, report):
            kind = item.finding.severity.value
            yield f"    {head}>"
            yield (
                f"      <failure type={_attribute(kind)} message={_attribute(item.finding.message)}>"
                f"{escape(clean(full_message(item)))}</failure>"
            )
            yield "    </testcase>"
        else:
            yield f"    {head}/>"
    for error in report.errors:
        yield f"    <testcase name={_attribute(error.path)} classname={_attribute('input')}>"
        yield f"      <error message={_attribute(str(error))}/>"
        yield "    </testcase>"
    if not report.findings and not report.errors:
        yield f"    <testcase name={_attribute('no findings')} classname={_attribute('cnpfix')}/>"


def _fails(item: Reported, report: Report) -> bool:
    """What `--check` counts: a fix that is not written yet, of a note too, and whatever is worse than a note."""
    return not report.written if item.fixed else item.finding.severity is not Severity.NOTE


def _attribute(text: str) -> str:
    return quoteattr(clean(text))
