"""Every format that programs read fits its schema, also for hostile names; of golden cases, test_golden asks it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rewriter.discovery import InputError
from rewriter.engine.results.result import Location, Report, Reported, Summary
from rewriter.finding import Applicability, Finding, Flows, Severity
from rewriter.output import FORMATS, render
from tests.output.reports import CASES, apart, report_of, report_of_case
from tests.output.schemas import check_format


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


@pytest.mark.parametrize("name", FORMATS)
def test_hostile_texts(name: str) -> None:
    check_format(_hostile(), name)


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
