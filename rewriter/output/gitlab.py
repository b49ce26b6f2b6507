"""GitLab's code quality report (a subset of the Code Climate format)."""

from __future__ import annotations

from rewriter.engine.results.result import Report
from rewriter.finding import Severity
from rewriter.output.fingerprint import fingerprints
from rewriter.output.lines import full_message
from rewriter.output.style import as_json_text

_SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "major", Severity.NOTE: "info"}


def render(report: Report) -> str:
    """A JSON list of findings (GitLab docs, Code Quality report format); input errors as blockers."""
    entries = [
        {
            "type": "issue",
            "check_name": f"{item.finding.code} {item.finding.id}",
            "description": full_message(item),
            "categories": ["Security"],
            "severity": _SEVERITIES[item.finding.severity],
            "fingerprint": fingerprint,
            "location": {
                "path": item.location.file,
                "lines": {"begin": item.location.line, "end": item.location.end_line},
            },
        }
        for item, fingerprint in zip(report.findings, fingerprints(report.findings), strict=True)
    ]
    entries += [
        {
            "type": "issue",
            "check_name": "cnpfix",
            "description": str(error),
            "categories": ["Security"],
            "severity": "blocker",
            "fingerprint": f"error-{number}-{error.path}",
            "location": {"path": error.path, "lines": {"begin": error.line or 1, "end": error.line or 1}},
        }
        for number, error in enumerate(report.errors)
    ]
    return as_json_text(entries)
