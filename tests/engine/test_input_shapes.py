"""Snapshots, Hubble exports and cases of any shape: one line that says what is wrong, and never a failure of cnpfix."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml

from tests.cli.support import Ran, cnpfix
from tests.engine.input_shapes import CASE, FLOW, SNAPSHOT
from tests.engine.shapes import FACTS, POLICIES, misshapen, retyped

#: Of all places and types every so many, unless all are asked for.
_STEP = 1 if os.environ.get("CNPFIX_FUZZ") else 61
_COUNT = 20_000 if os.environ.get("CNPFIX_FUZZ") else 300
_MESH = '[[clusters]]\nname = "a"\nlocal = ["**"]\n[[clusters]]\nname = "b"\n'


@pytest.fixture(autouse=True)
def _policies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tree").mkdir()
    for number, manifest in enumerate([*POLICIES[:4], *FACTS[:2]]):
        (tmp_path / "tree" / f"m{number}.yaml").write_text(yaml.safe_dump(manifest, sort_keys=False))
    (tmp_path / "tree" / "cnpfix.toml").write_text(_MESH)
    monkeypatch.chdir(tmp_path / "tree")


def test_every_type_in_every_place_of_a_snapshot(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for number, manifest in enumerate(list(retyped(SNAPSHOT))[::_STEP]):
        path.write_text(json.dumps(manifest))
        _fine(cnpfix("--dry-run", "--inventory", str(path), "-j", "1", "."), manifest)
        if number % 20 == 0:
            _fine(cnpfix("impact", "--inventory", str(path), "-j", "1", "."), manifest)
            _fine(cnpfix("snapshot", "diff", str(path), str(path)), manifest)


def test_flows_of_any_shape(tmp_path: Path) -> None:
    flows = [*list(retyped(FLOW))[::_STEP], *misshapen(_COUNT, 7, (FLOW,)), FLOW]
    path = tmp_path / "flows.json"
    path.write_text("".join(json.dumps(flow) + "\n" for flow in flows))
    _fine(cnpfix("--dry-run", "--hubble", str(path), "-j", "1", "."), "all flows")
    _fine(cnpfix("report", "--output", "-", "-j", "1", "."), "all flows")


def test_cases_of_any_shape(tmp_path: Path) -> None:
    cases = [*list(retyped(CASE))[::_STEP], *misshapen(_COUNT, 7, (CASE,)), CASE]
    path = tmp_path / "cases.jsonl"
    path.write_text("".join(json.dumps(case) + "\n" for case in cases))
    ran = cnpfix("verdict", "--cases", str(path))
    _fine(ran, "all cases")
    answer = json.loads(ran.out.splitlines()[-1])
    assert answer["policies"] == [{"accepted": True}]


def _fine(ran: Ran, what: object) -> None:
    assert "report it" not in ran.err and "Traceback" not in ran.err, f"{what}: {ran.err[:600]}"
    assert ran.code in (0, 2), f"{what}: {ran.err[:600]}"
