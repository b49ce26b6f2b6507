"""The upgrade that a run is about: given, or from the Cilium that the facts say runs; the first line says which."""

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


def release(name: str, version: str) -> str:
    """A HelmRelease of Cilium; an empty name leaves the cluster without one."""
    chart = {"chart": "cilium", "version": version, "sourceRef": {"kind": "HelmRepository", "name": "cilium"}}
    spec = {"chart": {"spec": chart}, "values": {"cluster": {"name": name, "id": 1}} if name else {}}
    return yaml.safe_dump(
        {"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": {"name": "cilium"}, "spec": spec}
    )


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yaml").write_text(POLICY)
    return tmp_path


def runs(repository: Path, version: str, name: str = "prod") -> None:
    (repository / "cilium.yaml").write_text(release(name, version))


def first_line(*arguments: str) -> str:
    ran = cnpfix(*arguments)
    assert ran.code == 0, ran.err
    return " ".join(ran.out.partition("\n\n")[0].split())


def upgrade(*arguments: str) -> tuple[str, str]:
    tool = json.loads(cnpfix("--format", "json", *arguments).out)["tool"]
    return tool["from"], tool["to"]


@pytest.mark.parametrize(
    ("version", "line"),
    [
        ("1.17.4", "Cilium 1.17 → 1.18: prod runs 1.17.4 (cilium.yaml:1), 1.18 is the release after it"),
        ("v1.16.x", "Cilium 1.16 → 1.17: prod runs 1.16.x (cilium.yaml:1), 1.17 is the release after it"),
        ("1.15.0-rc.1", "Cilium 1.15 → 1.16: prod runs 1.15.0-rc.1 (cilium.yaml:1), 1.16 is the release after it"),
        ("1.20.0", "Cilium 1.20 → 1.20: prod runs 1.20.0 (cilium.yaml:1), 1.20 is the newest known"),
    ],
)
def test_what_the_facts_say_runs(repository: Path, version: str, line: str) -> None:
    runs(repository, version)
    assert first_line() == line
    assert cnpfix().err == ""


@pytest.mark.parametrize("version", [">=1.17.0", "1.14.9", "latest", "1.17.0 - 1.19.0"])
def test_a_release_that_is_none_or_not_known(repository: Path, version: str) -> None:
    runs(repository, version)
    assert first_line().startswith("Cilium 1.18 → 1.19: no installation of Cilium is known")


def test_an_installation_whose_cluster_has_no_name(repository: Path) -> None:
    runs(repository, "1.17.4", name="")
    assert upgrade() == ("1.17", "1.18")


def test_options_and_the_config_come_first(repository: Path) -> None:
    runs(repository, "1.17.4")
    assert first_line("--from", "1.18") == "Cilium 1.18 → 1.19: 1.18 is given by --from, 1.19 is the release after it"
    assert upgrade("--to", "1.20") == ("1.17", "1.20")
    assert upgrade("--to", "1.16") == ("1.15", "1.16")
    assert first_line("--from", "1.15", "--to", "1.20") == "Cilium 1.15 → 1.20: given by --from and --to"
    (repository / "cnpfix.toml").write_text('from = "1.16"\nto = "1.19"\n')
    assert first_line() == "Cilium 1.16 → 1.19: given by cnpfix.toml"
    assert upgrade("--to", "1.15") == ("1.15", "1.15")


def test_of_several_clusters_the_oldest_of_the_files_counts(repository: Path) -> None:
    clusters = [("a", "1.17"), ("b", "1.16"), ("c", "1.15")]
    tables = [f'[[clusters]]\nname = "{name}"\nlocal = ["{name}/**"]\nversion = "{v}"\n' for name, v in clusters]
    (repository / "cnpfix.toml").write_text("".join(tables))
    (repository / "policy.yaml").unlink()
    for name in ("a", "b", "c"):
        (repository / name).mkdir()
        (repository / name / "policy.yaml").write_text(POLICY)
    (repository / "c" / "policy.yaml").write_text("kind: ConfigMap\n")
    assert first_line() == "Cilium 1.16 → 1.17: b runs 1.16 (cnpfix.toml), others 1.17, 1.17 is the release after it"
    assert upgrade("a") == ("1.17", "1.18")


def test_quiet_has_no_first_line(repository: Path) -> None:
    assert cnpfix("-q").out == ""
