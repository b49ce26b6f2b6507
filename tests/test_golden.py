"""Golden cases: each folder of golden/ is a repository in small, rewritten as a user would and compared.

The reports are made in each format, and have to fit its schema.


`CNPFIX_GOLDEN=refresh` (make golden) writes findings.json, and expected.yaml where there is none yet.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
from collections.abc import Sequence
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, Self

import pytest

from rewriter.cli import fix_run, run
from rewriter.engine.results.result import FileResult, Report
from rewriter.engine.run import opening
from rewriter.engine.run.workspace import Workspace
from rewriter.output import FORMATS
from tests.output.schemas import check_format

GOLDEN = Path(__file__).parent.parent / "golden"
REFRESH = os.environ.get("CNPFIX_GOLDEN") == "refresh"
#: What a findings.json holds of each finding: what a person reviews.
KEPT = ("code", "severity", "applicability", "fixed", "line", "message", "evidence", "flows")
#: Groups of cases that run every pass.
ALL_PASSES = ("noop", "pipeline")


def _cases() -> list[Path]:
    return sorted(path.parent for path in GOLDEN.glob("*/*/input.*"))


def arguments_of(case: Path, folder: Path) -> list[str]:
    group = case.parent.name
    select = [] if group in ALL_PASSES else ["--select", group]
    extra = case / "args"
    own = shlex.split(extra.read_text(), comments=True) if extra.exists() else []
    inventory = ["--inventory", "inventory.json"] if (folder / "inventory.json").exists() else []
    unsafe = ["--unsafe-fixes"] if group == "noop" else []
    names = sorted(path.name for path in folder.iterdir() if path.name.startswith("input.") or path.name == "tree")
    return [*select, *unsafe, *own, *inventory, *names]


def run_case(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = run(["--write", "--format", "json", *arguments])
    captured = capsys.readouterr()
    assert captured.out, captured.err
    return code, json.loads(captured.out)


class FixedClock(datetime):
    """Cases are of one day, so that the age of a snapshot is always the same."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return cls(2026, 2, 2, 12, tzinfo=tz)


@pytest.fixture
def reports(monkeypatch: pytest.MonkeyPatch) -> list[Report]:
    """The reports of the runs, before they become text."""
    made: list[Report] = []
    make_report = fix_run.make_report

    def recorded(workspace: Workspace, results: Sequence[FileResult]) -> Report:
        made.append(make_report(workspace, results))
        return made[-1]

    monkeypatch.setattr(fix_run, "make_report", recorded)
    return made


@pytest.mark.parametrize("case", _cases(), ids=lambda case: f"{case.parent.name}/{case.name}")
def test_golden(
    case: Path,
    reports: list[Report],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "repository"
    shutil.copytree(case, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(opening, "datetime", FixedClock)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # The second run finds what the first kept.
    source = next(case.glob("input.*"))
    expected = source.with_name(source.name.replace("input", "expected"))
    arguments = arguments_of(case, folder)

    code, report = run_case(arguments, capsys)
    result = (folder / source.name).read_bytes()
    findings = [{key: item[key] for key in KEPT} for item in report["findings"] if item["file"] == source.name]
    if REFRESH:
        (case / "findings.json").write_text(json.dumps(findings, indent=2, ensure_ascii=False) + "\n")
        if case.parent.name != "noop" and not expected.exists():
            expected.write_bytes(result)

    assert report["errors"] == []
    assert code == 0
    wanted = source.read_bytes() if case.parent.name == "noop" else expected.read_bytes()
    assert result.decode() == wanted.decode()
    assert findings == json.loads((case / "findings.json").read_text())
    for name in FORMATS:
        check_format(reports[0], name)

    if report["files"] == [] and not REFRESH:
        return  # Nothing was written, so that a second run would be the first one again.
    _, again = run_case(arguments, capsys)
    assert again["files"] == []
    assert (folder / source.name).read_bytes() == result
