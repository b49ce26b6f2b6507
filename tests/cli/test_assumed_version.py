"""What runs today is the release before --to unless somebody says it; where the facts say otherwise, a note does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.cli.support import cnpfix

POLICY = """\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: web, namespace: shop}
spec: {endpointSelector: {}, ingress: [{fromEntities: [world]}]}
"""
NOTE = "cnpfix: --from is not given and taken to be 1.18, the release before --to, but "


def release(name: str, version: str) -> str:
    """A HelmRelease of Cilium."""
    chart = {"chart": "cilium", "version": version, "sourceRef": {"kind": "HelmRepository", "name": "cilium"}}
    spec = {"chart": {"spec": chart}, "values": {"cluster": {"name": name, "id": 1}}}
    return yaml.safe_dump(
        {"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": {"name": "cilium"}, "spec": spec}
    )


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yaml").write_text(POLICY)
    return tmp_path


def runs(repository: Path, version: str) -> None:
    (repository / "cilium.yaml").write_text(release("prod", version))


@pytest.mark.parametrize("command", [("--check",), ("impact",), ("impact", "--before", ".", ".")])
def test_another_release_runs(repository: Path, command: tuple[str, ...]) -> None:
    runs(repository, "1.17.4")
    done = cnpfix(*command)
    assert done.code == 0
    assert done.err == f"{NOTE}prod runs Cilium 1.17.4 (cilium.yaml:1); give --from 1.17\n"


@pytest.mark.parametrize(
    ("version", "advice"),
    [
        ("1.16", "--from 1.16"),
        ("v1.17.x", "--from 1.17"),
        ("1.15.0-rc.1", "--from 1.15"),
        ("1.19.2", "--from 1.19"),
        ("1.20.0", "--from 1.20 --to 1.20"),
    ],
)
def test_every_way_to_write_a_release(repository: Path, version: str, advice: str) -> None:
    runs(repository, version)
    shown = version.removeprefix("v")
    assert cnpfix().err == f"{NOTE}prod runs Cilium {shown} (cilium.yaml:1); give {advice}\n"
    assert cnpfix(*advice.split()).err == ""


@pytest.mark.parametrize("version", ["1.18.3", "1.18", ">=1.17.0", "1.14.9", "latest", "1.17.0 - 1.19.0"])
def test_nothing_to_say(repository: Path, version: str) -> None:
    """The release that is assumed, one that cnpfix does not know, and what names no release."""
    runs(repository, version)
    assert cnpfix().err == ""


def test_who_says_it_or_wants_quiet_is_not_told(repository: Path) -> None:
    runs(repository, "1.17.4")
    assert NOTE in cnpfix().err
    assert cnpfix("-q").err == ""
    assert cnpfix("--from", "1.18").err == ""
    (repository / "cnpfix.toml").write_text('from = "1.18"\n')
    assert cnpfix().err == ""


def test_the_report_stays_as_it_is(repository: Path) -> None:
    runs(repository, "1.17.4")
    done = cnpfix("--format", "json")
    assert json.loads(done.out)["tool"]["from"] == "1.18"
    assert done.err.startswith(NOTE)


def test_of_several_clusters_those_of_the_files_count(repository: Path) -> None:
    clusters = [("a", "1.17"), ("b", "1.16"), ("c", "1.15")]
    tables = [f'[[clusters]]\nname = "{name}"\nlocal = ["{name}/**"]\nversion = "{v}"\n' for name, v in clusters]
    (repository / "cnpfix.toml").write_text("".join(tables))
    (repository / "policy.yaml").unlink()
    for name in ("a", "b"):
        (repository / name).mkdir()
        (repository / name / "policy.yaml").write_text(POLICY)
    assert cnpfix().err == f"{NOTE}a runs Cilium 1.17 and b runs Cilium 1.16; give --from 1.16\n"
    assert cnpfix("a").err == f"{NOTE}a runs Cilium 1.17; give --from 1.17\n"
