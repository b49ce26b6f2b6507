"""What passes over all policies of a pod find, and what they leave alone: the rows of `tables.yaml`, in one tree."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.support import cnpfix

HERE = Path(__file__).parent
ROWS = [
    pytest.param(pass_id, row, id=f"{pass_id}-{number}")
    for pass_id, rows in yaml.safe_load((HERE / "tables.yaml").read_text()).items()
    for number, row in enumerate(rows)
]


def _manifest(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    api = "networking.k8s.io/v1" if kind == "NetworkPolicy" else "cilium.io/v2"
    metadata = {"name": "own"} if kind == "CiliumClusterwideNetworkPolicy" else {"name": "own", "namespace": "shop"}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}


@pytest.mark.parametrize(("pass_id", "row"), ROWS)
def test_a_rule_is_found_or_left_alone(
    pass_id: str, row: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(HERE / "tables-tree.yaml", tmp_path)
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(_manifest(row["kind"], row["spec"]), sort_keys=False))
    monkeypatch.chdir(tmp_path)
    arguments = ("--select", pass_id, "--from", "1.18", "--to", "1.19", "--format", "json", ".")
    report = json.loads(cnpfix(*arguments).out)
    found = [each["applicability"] for each in report["findings"] if each["file"] == "own.yaml"]
    assert found == ([] if row["found"] == "nothing" else [row["found"]])
