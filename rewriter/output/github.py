"""GitHub workflow commands: one annotation a finding or error, as many of each level as GitHub shows of a step."""

from __future__ import annotations

from collections import Counter

from rewriter.engine.results.result import Report
from rewriter.finding import Severity
from rewriter.output.ending import run_in_words
from rewriter.output.lines import full_message
from rewriter.output.style import clean, one_line

#: Annotations of one level that GitHub shows of a step (GitHub docs, limits of workflow commands).
MOST = 10
_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def render(report: Report) -> str:
    """One workflow command a line (GitHub docs, Workflow commands), what has none counted, and the run in words.

    GitHub drops what is beyond its limit without a word, and not the least important first.
    """
    lines = []
    shown: Counter[Severity] = Counter({Severity.ERROR: min(len(report.errors), MOST)})
    for item in report.findings:
        severity = item.finding.severity
        shown[severity] += 1
        if shown[severity] > MOST:
            continue
        location = item.location
        properties = {
            "file": location.file,
            "line": str(location.line),
            "endLine": str(location.end_line),
            "col": str(location.column),
            "title": f"{item.finding.code} {item.finding.id}",
        }
        lines.append(_command(_COMMANDS[item.finding.severity], properties, full_message(item)))
    for error in report.errors[:MOST]:
        properties = {"file": error.path, "line": str(error.line or 1), "title": "cnpfix"}
        lines.append(_command("error", properties, str(error)))
    left = len(report.findings) + len(report.errors) - len(lines)
    if left:
        lines.append(f"{left} more have no annotation; the job's summary and the SARIF file have them all")
    lines.append(one_line(run_in_words(report)))
    return "".join(line + "\n" for line in lines)


def _command(name: str, properties: dict[str, str], message: str) -> str:
    shown = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{name} {shown}::{_data(one_line(message))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(clean(text)).replace(":", "%3A").replace(",", "%2C")
