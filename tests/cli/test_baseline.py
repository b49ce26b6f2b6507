"""A baseline hides what is known, wherever it moved to, and nothing else; in every mode alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rewriter.cli import run
from tests.samples import MESH, POLICY

BASELINE = ("--baseline", "known.json")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "api.yaml").write_text(POLICY)
    (tmp_path / "cnpfix.toml").write_text(MESH)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _report(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    run(["--format", "json", *arguments])
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    return report


def test_known_findings_are_hidden_and_left_as_they_are(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--check"]) == 1
    assert run([*BASELINE, "--write-baseline"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "known.json: 1 finding known from now on"
    assert run(["--check", *BASELINE]) == 0
    assert run(["--write", *BASELINE]) == 0
    assert (repository / "api.yaml").read_text() == POLICY
    report = _report(capsys, *BASELINE)
    assert (report["findings"], report["summary"]["known"]) == ([], 1)


def test_what_a_comment_silences_too_is_silenced_and_not_known(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    silenced = "# cnpfix: ignore-file\n" + POLICY
    assert run([*BASELINE, "--write-baseline"]) == 0
    (repository / "api.yaml").write_text(silenced)
    report = _report(capsys, *BASELINE)
    assert report["findings"] == [], "the comment is used"
    assert "known" not in report["summary"]
    assert run([*BASELINE, "--write-baseline"]) == 0
    (repository / "api.yaml").write_text(POLICY)
    assert [found["id"] for found in _report(capsys, *BASELINE)["findings"]] == ["cluster-entity"], "it is new"


def test_what_moved_is_still_known(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*BASELINE, "--write-baseline"]) == 0
    moved = "# a comment\n---\n" + POLICY.replace("  ingress:\n", "  description: more\n\n  ingress:\n    - {}\n")
    (repository / "api.yaml").write_text(moved)
    report = _report(capsys, *BASELINE)
    assert (report["findings"], report["summary"]["known"]) == ([], 1)


def test_another_policy_and_one_more_of_the_same_are_new(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*BASELINE, "--write-baseline"]) == 0
    (repository / "other.yaml").write_text(POLICY.replace("name: api", "name: web"))
    with (repository / "api.yaml").open("a") as stream:
        stream.write("    - fromEntities: [cluster]\n      toPorts: [{ports: [{port: '80'}]}]\n")
    findings = _report(capsys, *BASELINE)["findings"]
    assert [(item["file"], item["line"]) for item in findings] == [("api.yaml", 11), ("other.yaml", 10)]
    assert run(["--check", *BASELINE]) == 1


def test_a_baseline_counts_from_its_own_folder(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "deep").mkdir()
    assert run(["--baseline", "deep/known.json", "--write-baseline"]) == 0
    monkeypatch.chdir(repository / "deep")
    assert _report(capsys, "--baseline", "known.json", "..")["findings"] == []


def test_notes_can_be_known(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "api.yaml").write_text(POLICY.replace("name: api", "name: {{ .Values.name }}"))
    assert run([*BASELINE, "--write-baseline"]) == 0
    report = _report(capsys, *BASELINE)
    assert (report["findings"], report["summary"]["known"]) == ([], 1)


def test_written_twice_it_is_the_same_and_sorted(repository: Path) -> None:
    (repository / "b.yaml").write_text(POLICY)
    texts = []
    for _ in range(2):
        assert run([*BASELINE, "--write-baseline"]) == 0
        texts.append((repository / "known.json").read_text())
    assert texts[0] == texts[1]
    files = [entry["file"] for entry in json.loads(texts[0])["findings"]]
    assert files == ["api.yaml", "b.yaml"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "known.json: no such baseline; write one with --write-baseline"),
        ("{", "known.json: is not JSON: "),
        ("[]", 'known.json: expected a baseline with "cnpfix_baseline": 1'),
        ('{"cnpfix_baseline": 1}', "known.json: findings: expected a list"),
        ('{"cnpfix_baseline": 1, "findings": [{"id": 1}]}', "known.json: findings[0]: expected id, file, kind"),
        ('{"cnpfix_baseline": 1, "findings": [7]}', "known.json: findings[0]: expected id, file, kind"),
    ],
)
def test_a_bad_baseline_is_one_clear_line(
    repository: Path, capsys: pytest.CaptureFixture[str], content: str | None, message: str
) -> None:
    if content is not None:
        (repository / "known.json").write_text(content)
    assert run(["--check", *BASELINE]) == 2
    assert capsys.readouterr().err.startswith(f"cnpfix: {message}")


def test_a_baseline_is_written_only_by_itself(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--write-baseline"], [*BASELINE, "--write-baseline", "--write"]):
        assert run(arguments) == 2
        assert "--write-baseline needs --baseline FILE" in capsys.readouterr().err
