"""The JSON report, version 1 of its schema (DESIGN section 7)."""

from __future__ import annotations

from typing import Any

from rewriter.engine.results.result import FileResult, Report, Reported
from rewriter.finding import Flows, operations_as_json
from rewriter.output.diff import unified_diff
from rewriter.output.ending import run_in_words
from rewriter.output.style import as_json_text
from rewriter.output.traffic import observed_as_json, traffic_as_json

SCHEMA = 1


def render(report: Report) -> str:
    """The report as JSON text with a final newline; keys in a fixed order, non-ASCII as it is."""
    return as_json_text(as_json(report))


def as_json(report: Report) -> dict[str, Any]:
    summary = report.summary
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "tool": dict(report.tool),
        "summary": {
            "files": summary.files,
            "policies": summary.policies,
            "findings": summary.findings,
            "fixed": summary.fixed,
            "errors": summary.errors,
            **({"known": summary.known} if summary.known else {}),
            "run": run_in_words(report),
        },
        "findings": [finding_as_json(item) for item in report.findings],
        "files": [_file(item) for item in report.files],
        "errors": [
            {"file": error.path, "line": error.line, "message": error.message, "hint": error.hint}
            for error in report.errors
        ],
    }
    if report.traffic is not None:
        content["traffic"] = traffic_as_json(report.traffic)
    return content


def finding_as_json(reported: Reported) -> dict[str, Any]:
    """One finding with its place. `patch` is the fix, or the candidate that is shown where there is none."""
    finding, location = reported.finding, reported.location
    fix = finding.fix or finding.candidate
    content: dict[str, Any] = {
        "code": finding.code,
        "id": finding.id,
        "severity": finding.severity.value,
        "applicability": finding.applicability.value,
        "fixed": reported.fixed,
        "file": location.file,
        "line": location.line,
        "column": location.column,
        "end_line": location.end_line,
        "end_column": location.end_column,
        "document": location.document,
        "kind": location.kind,
        "namespace": location.namespace,
        "name": location.name,
        "route": finding.route,
        "message": finding.message,
        "why": finding.why,
        "evidence": list(finding.evidence),
        "advice": reported.not_fixed or finding.advice,
        "patch": operations_as_json(fix.operations) if fix else [],
        "flows": flows_as_json(reported.flows),
        "versions": finding.versions,
    }
    if reported.observed is not None:
        content["observed"] = observed_as_json(reported.observed)
    return content


def flows_as_json(flows: Flows) -> dict[str, Any]:
    """What a fix opens and closes, and what the upgrade does to the same flows without it (null: not judged)."""
    return {
        "opened": list(flows.opened),
        "closed": list(flows.closed),
        "upgrade": flows.upgrade and {"opened": list(flows.upgrade.opened), "closed": list(flows.upgrade.closed)},
    }


def _file(result: FileResult) -> dict[str, Any]:
    return {"path": result.path, "changed": result.changed, "diff": unified_diff(result)}
