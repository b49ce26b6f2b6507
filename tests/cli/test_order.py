"""Passes meet in one policy: whatever the order of rules, documents and files, they settle on the same."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.support import cnpfix

CASE = Path(__file__).parents[2] / "golden" / "pipeline" / "article"
OTHERS = ("cidr-meets-entity", "namespace-then-cluster", "namespace-then-port", "service-meets-port")


def _policies() -> list[dict[str, Any]]:
    """The policies of the pipeline cases, each with a name of its own."""
    found = []
    for name in ("article", *OTHERS):
        policy = yaml.safe_load((CASE.with_name(name) / "input.yaml").read_text())
        policy["metadata"]["name"] = name
        found.append(policy)
    return found


def _run(folder: Path, files: dict[str, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The policies by name as the fixer leaves them, written as documents of some files."""
    shutil.copytree(CASE / "tree", folder / "tree")
    (folder / "cnpfix.toml").write_text((CASE / "cnpfix.toml").read_text())
    for name, policies in files.items():
        (folder / name).write_text(yaml.safe_dump_all(policies, sort_keys=False))
    monkeypatch.chdir(folder)
    first = json.loads(cnpfix("--write", "--unsafe-fixes", "--format", "json", ".").out)
    assert first["errors"] == []
    assert first["summary"]["fixed"]
    again = json.loads(cnpfix("--write", "--unsafe-fixes", "--format", "json", ".").out)
    assert again["files"] == [], "a second run changes nothing"
    return {p["metadata"]["name"]: p for name in files for p in yaml.safe_load_all((folder / name).read_text())}


def _grants(policy: dict[str, Any]) -> set[str]:
    """The rules of a policy, whatever their order."""
    spec = policy["spec"]
    return {json.dumps([name, rule], sort_keys=True) for name in ("ingress", "egress") for rule in spec.get(name, ())}


@pytest.mark.parametrize("seed", range(4))
def test_documents_and_files_in_any_order(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shuffle = random.Random(seed)
    policies = _policies()
    (tmp_path / "one").mkdir()
    expected = _run(tmp_path / "one", {"input.yaml": policies}, monkeypatch)
    shuffled = shuffle.sample(policies, len(policies))
    cut = shuffle.randrange(1, len(policies))
    (tmp_path / "other").mkdir()
    files = {"input.b.yaml": shuffled[:cut], "input.a.yaml": shuffled[cut:]}
    assert _run(tmp_path / "other", files, monkeypatch) == expected


@pytest.mark.parametrize("seed", range(4))
def test_rules_in_any_order(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shuffle = random.Random(seed)
    policies = _policies()[:1]
    (tmp_path / "one").mkdir()
    expected = _run(tmp_path / "one", {"input.yaml": policies}, monkeypatch)
    for policy in policies:
        for name in ("ingress", "egress"):
            shuffle.shuffle(policy["spec"][name])
    (tmp_path / "other").mkdir()
    found = _run(tmp_path / "other", {"input.yaml": policies}, monkeypatch)
    assert {name: _grants(policy) for name, policy in found.items()} == {
        name: _grants(policy) for name, policy in expected.items()
    }
