"""SARIF 2.1.0, for code scanning: rules with their help, results with fixes and stable fingerprints."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import quote

from rewriter.engine.results.result import FileResult, Report, Reported
from rewriter.finding import Severity
from rewriter.output.diff import Replacement, replaced_lines
from rewriter.output.ending import run_in_words
from rewriter.output.fingerprint import fingerprints
from rewriter.output.lines import full_message
from rewriter.output.style import as_json_text
from rewriter.passes import PASSES
from rewriter.passes.kit.registry import Pass

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}


def render(report: Report) -> str:
    """The report as one SARIF run. A file's fix stands at the first finding that it fixes."""
    run = {
        "tool": {
            "driver": {
                "name": "cnpfix",
                "version": str(report.tool.get("version", "")),
                "rules": [_rule(pass_) for pass_ in PASSES],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": _results(report),
        "properties": {"run": run_in_words(report)},
        "invocations": [
            {
                "executionSuccessful": not report.errors,
                "toolExecutionNotifications": [
                    {"level": "error", "message": {"text": str(error)}} for error in report.errors
                ],
            }
        ],
    }
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return as_json_text(document)


def _rule(pass_: Pass) -> dict[str, Any]:
    return {
        "id": pass_.code,
        "name": pass_.id,
        "shortDescription": {"text": pass_.title},
        "help": {"text": pass_.documentation.strip(), "markdown": pass_.documentation.strip()},
    }


def _results(report: Report) -> list[dict[str, Any]]:
    changed = {result.path: result for result in report.files}
    results = []
    for item, fingerprint in zip(report.findings, fingerprints(report.findings), strict=True):
        result = _result(item, fingerprint)
        if item.fixed and item.location.file in changed:
            result["fixes"] = [_fix(changed.pop(item.location.file))]
        results.append(result)
    return results


def _result(item: Reported, fingerprint: str) -> dict[str, Any]:
    finding, location = item.finding, item.location
    return {
        "ruleId": finding.code,
        "level": _LEVELS[finding.severity],
        "message": {"text": full_message(item)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(os.fsencode(location.file))},
                    "region": {
                        "startLine": location.line,
                        "startColumn": location.column,
                        "endLine": location.end_line,
                        "endColumn": location.end_column,
                    },
                },
                "logicalLocations": [
                    {"fullyQualifiedName": "/".join(filter(None, (location.kind, location.namespace, location.name)))}
                ],
            }
        ],
        "partialFingerprints": {"cnpfix/v1": fingerprint},
        "properties": {"id": finding.id, "applicability": finding.applicability.value, "fixed": item.fixed},
    }


def _fix(result: FileResult) -> dict[str, Any]:
    starts = _line_starts(result.before)
    return {
        "description": {"text": "Apply every fix of this file."},
        "artifactChanges": [
            {
                "artifactLocation": {"uri": quote(os.fsencode(result.path))},
                "replacements": [_replacement(replacement, starts) for replacement in replaced_lines(result)],
            }
        ],
    }


def _line_starts(text: str) -> list[int]:
    """The offset of each line, and that of the end of the text."""
    starts = [0]
    while (end := text.find("\n", starts[-1])) >= 0:
        starts.append(end + 1)
    return [*starts, len(text)]


def _replacement(replacement: Replacement, starts: list[int]) -> dict[str, Any]:
    first, last, lines = replacement
    offset = starts[first]
    return {
        "deletedRegion": {"charOffset": offset, "charLength": starts[last] - offset},
        "insertedContent": {"text": "".join(lines)},
    }
