"""Patches that count the rules of a policy: a new rule goes to the end, where no index means another for it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.closed_world.on_the_way import BASE, BUILT_HELD, CONFIG
from tests.engine.charts.support import Repository
from tests.programs import program

FILES = {name: str(text) for name, text in BASE.items()}
_OVER = {"cnpfix.toml": CONFIG.replace('"east/**"', '"east/**", "over/**", "other/**"')}
_LAST = "    - fromEntities:\n        - world\n"
#: Of `BUILT_HELD` those whose patch names the policy, or every one of its kind, and stands in the tree.
APPENDED = (
    *("patch by kind", "patch by group", "patch in a file", "patch in JSON", "patchesJson6902", "component"),
    *("overlay", "one overlay of two"),
)


def _built(folder: Path) -> list[dict[str, Any]]:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder.parent)}
    command = [program("kubectl"), "kustomize", str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    return [value for value in yaml.safe_load_all(done.stdout) if value]


def _rules(built: list[dict[str, Any]]) -> list[Any]:
    (policy,) = [each for each in built if each["kind"] == "CiliumNetworkPolicy"]
    found: list[Any] = policy["spec"].pop("ingress")
    return found


@pytest.mark.parametrize("name", APPENDED)
def test_what_is_built_differs_exactly_by_the_fix(name: str, repository: Repository, tmp_path: Path) -> None:
    files = {**FILES, **{key: str(text) for key, text in BUILT_HELD[name].items()}, **_OVER}
    top = tmp_path / "repository"
    for key, text in files.items():
        (top / key).parent.mkdir(parents=True, exist_ok=True)
        (top / key).write_text(text)
    folders = [each for each in (top / "over", top / "other") if each.exists()] or [top / "east"]
    before = [_built(folder) for folder in folders]
    treated = repository.treat(files, "--select", "cluster-entity", programs=("kubectl",))
    assert [each["fixed"] for each in treated.findings] == [True], treated.findings
    assert treated.errors == []
    text = treated.after["east/policy.yaml"]
    assert text.startswith(files["east/policy.yaml"])
    assert text.count(_LAST) == 1
    for folder, was in zip(folders, before, strict=True):
        now = _built(folder)
        old, new = _rules(was), _rules(now)
        (more,) = [each for each in new if each not in old]
        assert "west" in str(more) and [each for each in new if each != more] == old
        assert now == was
    again = repository.treat(treated.after, "--select", "cluster-entity", programs=("kubectl",))
    assert (again.findings, again.after) == ([], treated.after)


@pytest.mark.parametrize("name", ["patch by labels", "patch by pattern", "patch transformer", "merge of rules"])
def test_whom_a_patch_means_by_more_than_a_name_it_holds(name: str, repository: Repository) -> None:
    files = {**FILES, **{key: str(text) for key, text in BUILT_HELD[name].items()}}
    treated = repository.treat(files, "--select", "cluster-entity", "--unsafe-fixes", programs=("kubectl",))
    assert not any(each["fixed"] for each in treated.findings)
    assert treated.after == files
