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
    (repository / "cnpfix.toml").write_text("exclude = []\n")
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
    assert first_line() == "Cilium 1.16 → 1.17: b runs 1.16 (cnpfix.toml:8), others 1.17, 1.17 is the release after it"
    assert upgrade("a") == ("1.17", "1.18")


def test_quiet_has_no_first_line(repository: Path) -> None:
    assert cnpfix("-q").out == ""


def test_a_patch_that_is_given_is_kept(repository: Path) -> None:
    given = ("--from", "1.18.2", "--to", "1.19.5")
    assert first_line(*given) == "Cilium 1.18.2 → 1.19.5: given by --from and --to"
    assert upgrade(*given) == ("1.18.2", "1.19.5")
    (repository / "cnpfix.toml").write_text('from = "1.18.7"\nto = "v1.19.0"\n')
    assert first_line() == "Cilium 1.18.7 → 1.19.0: given by cnpfix.toml"
    done = cnpfix("--from", "1.19.5", "--to", "1.19.2")
    assert (done.code, "--from 1.19.5 is newer than --to 1.19.2" in done.err) == (2, True)


BLOCKS = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress: [{from: [{ipBlock: {cidr: 198.51.100.0/24}}]}]
"""


@pytest.mark.parametrize(
    ("before", "after", "opens"),
    [("1.18", "1.19", True), ("1.18", "1.19.0", True), ("1.18", "1.19.5", False), ("1.19.0", "1.19.5", False)],
)
def test_what_later_patches_mend_is_said_of_those_that_have_it(
    repository: Path, before: str, after: str, opens: bool
) -> None:
    """1.19.0 adds every pod of the namespace to the peers of an ingress rule that has blocks only."""
    (repository / "policy.yaml").write_text(BLOCKS)
    (repository / "cnpfix.toml").write_text('[[clusters]]\nname = "a"\nlocal = ["**"]\n[[clusters]]\nname = "b"\n')
    found = json.loads(cnpfix("impact", "--from", before, "--to", after, "--format", "json").out)
    flows = [each["undone"] for each in found["policies"]]
    assert any(each["opened"] for each in flows) is opens
    assert any(each["closed"] for each in flows) is (before == "1.19.0")
    report = json.loads(cnpfix("--from", before, "--to", after, "--format", "json").out)
    assert bool(report["findings"]) is (opens or before == "1.19.0")


DOTTED = """\
apiVersion: v1
kind: Service
metadata: {name: db, namespace: prod}
spec: {selector: {app.kubernetes.io/name: db}, ports: [{port: 5432}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: db, namespace: prod}
spec: {template: {metadata: {labels: {app.kubernetes.io/name: db}}, spec: {containers: [{name: db, image: db}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: web}]}}}
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: web}}
  egress: [{toServices: [{k8sService: {serviceName: db, namespace: prod}}]}]
"""


@pytest.mark.parametrize(("to", "allowed"), [("1.19.2", False), ("1.19.3", True), ("1.18.8", False), ("1.18.9", True)])
def test_the_verdict_is_that_of_the_patch(repository: Path, to: str, allowed: bool) -> None:
    (repository / "policy.yaml").write_text(DOTTED)
    ends = ("--source", "shop/web", "--destination", "deploy/prod/db", "--port", "5432/TCP")
    found = json.loads(cnpfix("verdict", *ends, "--to", to, "--format", "json").out)
    assert (found["allowed"], found["version"]) == (allowed, to)
    assert [text for text in found["egress"]["settings"] if "a fault" in text] == (
        [] if allowed else [f"a fault of Cilium {to}, given by --to or the config"]
    )
    findings = json.loads(cnpfix("--to", to, "--format", "json").out)["findings"]
    assert any(f"Cilium {to} finds no pods" in finding["message"] for finding in findings) is not allowed
