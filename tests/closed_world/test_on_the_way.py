"""A policy that something may change on its way is left alone; kustomize itself judges the fixes of the others."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from cnpfix import fix
from tests.closed_world.manifests import found, write
from tests.closed_world.on_the_way import BASE, BUILT_FREE, BUILT_HELD, FREE, HELD
from tests.programs import find

_KUBECTL = find("kubectl")
_PASS = "cluster-entity"
_VERSIONS: dict[str, Any] = {"from_version": "1.18", "to_version": "1.19"}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")  # With kubectl there some of these are fixed: see the tests of overlays.


@pytest.mark.parametrize("name", HELD)
def test_what_may_change_a_policy_holds_it_and_is_named(name: str, tmp_path: Path) -> None:
    files, words = HELD[name]
    findings = found(tmp_path, {**BASE, **files}, _PASS, unsafe_fixes=True, **_VERSIONS)
    assert [each.fixed for each in findings] == [False]
    assert words in findings[0].not_fixed


@pytest.mark.parametrize("name", FREE)
def test_what_cannot_change_a_policy_holds_nothing(name: str, tmp_path: Path) -> None:
    findings = found(tmp_path, {**BASE, **FREE[name]}, _PASS, **_VERSIONS)
    assert [(each.applicability, each.fixed) for each in findings] == [("evident", True)]


@pytest.mark.parametrize("name", BUILT_HELD)
def test_a_policy_that_kustomize_changes_is_left_alone(name: str, tmp_path: Path) -> None:
    write(tmp_path, {**BASE, **BUILT_HELD[name]})
    overlay = "over" if (tmp_path / "over").exists() else "east"
    plain = _rules(Path("east/policy.yaml").read_text())
    assert _rules(_build(tmp_path / overlay)) != plain, "kustomize changes the rules"
    text = Path("east/policy.yaml").read_text()
    result = fix(".", unsafe_fixes=True, **_VERSIONS)
    assert not [finding for finding in result.findings if finding.id == _PASS and finding.fixed]
    assert Path("east/policy.yaml").read_text() == text


@pytest.mark.parametrize("name", BUILT_FREE)
def test_what_kustomize_builds_changes_exactly_by_the_fix(name: str, tmp_path: Path) -> None:
    write(tmp_path, {**BASE, **BUILT_FREE[name]})
    before = _objects(_build(tmp_path / "east"))
    fix(".", **_VERSIONS)
    after = _objects(_build(tmp_path / "east"))
    policy, now = (next(each for each in built if each["kind"] == "CiliumNetworkPolicy") for built in (before, after))
    first, second = policy["spec"]["ingress"]
    assert now["spec"]["ingress"][0] == first
    assert now["spec"]["ingress"][2:] == [second]
    (selector,) = now["spec"]["ingress"][1].pop("fromEndpoints")
    assert "west" in str(selector)
    assert now["spec"]["ingress"][1] == {}
    del now["spec"]["ingress"][1]
    assert after == before


def _build(folder: Path) -> str:
    # Loopback and a home of its own: a build asks no one.
    environment = {"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(folder.parent)}
    if _KUBECTL is None:
        pytest.skip("kubectl is neither in build/bin (make programs) nor on PATH")
    command = [_KUBECTL, "kustomize", str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _objects(text: str) -> list[dict[str, Any]]:
    return [value for value in yaml.safe_load_all(text) if value]


def _rules(text: str) -> list[Any]:
    return [value["spec"] for value in _objects(text) if value["kind"] == "CiliumNetworkPolicy"]
