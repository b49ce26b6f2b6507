"""Facts of one repository in a run in another: they are evidence, and their absence is none."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.support import cnpfix

CONFIG = '[[clusters]]\nname = "prod"\n'
POLICY = """apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: web}}
  ingress:
  - fromEndpoints:
    - matchLabels: {app: agent}
"""


def workload(name: str, namespace: str, labels: dict[str, str]) -> dict[str, Any]:
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a"}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"template": template},
    }


def repository(folder: Path, url: str, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    subprocess.run(["git", "-C", str(folder), "remote", "add", "origin", url], check=True)
    return folder


def snapshot(folder: Path, to: Path) -> dict[str, Any]:
    assert cnpfix("snapshot", "--repository", str(folder), "-o", str(to)).code == 0
    content: dict[str, Any] = json.loads(to.read_text())
    return content


@pytest.fixture
def agents(tmp_path: Path) -> Path:
    """The repository of another team, which runs the agents."""
    files = {
        "cnpfix.toml": CONFIG,
        "apps/agent.yaml": yaml.safe_dump(workload("agent", "monitoring", {"app": "agent"})),
    }
    return repository(tmp_path / "agents", "https://user:pass@git.example.org/team/agents.git", files)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    files = {
        "cnpfix.toml": CONFIG,
        "web.yaml": yaml.safe_dump(workload("web", "shop", {"app": "web"})),
        "policy.yaml": POLICY,
    }
    folder = repository(tmp_path / "shop", "https://git.example.org/team/shop.git", files)
    monkeypatch.chdir(folder)
    return folder


def findings(*arguments: str) -> list[dict[str, Any]]:
    ran = cnpfix("--format", "json", "--from", "1.18", "--to", "1.19", *arguments, ".")
    report = json.loads(ran.out)
    assert report["errors"] == []
    found: list[dict[str, Any]] = report["findings"]
    return found


def test_what_another_repository_runs_is_evidence_with_its_place(agents: Path, shop: Path, tmp_path: Path) -> None:
    (alone,) = findings()
    assert alone["patch"] == []
    snapshot(agents, tmp_path / "agents.json")
    (found,) = findings("--inventory", str(tmp_path / "agents.json"))
    assert (found["id"], found["applicability"]) == ("missing-namespace", "evident")
    assert "https://git.example.org/team/agents.git, apps/agent.yaml:1" in json.dumps(found["evidence"])


def test_no_credentials_are_in_the_file(agents: Path, tmp_path: Path) -> None:
    assert "pass" not in json.dumps(snapshot(agents, tmp_path / "agents.json"))


def test_what_another_repository_does_not_hold_is_not_absent(agents: Path, shop: Path, tmp_path: Path) -> None:
    """A chart of this repository may hold agents in the policy's own namespace: a whole snapshot would say no."""
    chart = {"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
             "metadata": {"name": "more", "namespace": "shop"}, "spec": {}}  # fmt: skip
    (shop / "more.yaml").write_text(yaml.safe_dump(chart))
    content = snapshot(agents, tmp_path / "agents.json")
    assert [each["applicability"] for each in findings("--inventory", str(tmp_path / "agents.json"))] == ["unsafe"]
    cluster = {key: value for key, value in content["clusters"][0].items() if key not in ("repository", "found")}
    (tmp_path / "whole.json").write_text(json.dumps({"cnpfix_inventory": 1, "clusters": [cluster]}))
    assert [each["applicability"] for each in findings("--inventory", str(tmp_path / "whole.json"))] == ["evident"]


def test_a_list_that_was_cut_off_and_a_folder_that_is_excluded_both_hide(
    agents: Path, shop: Path, tmp_path: Path
) -> None:
    content = snapshot(agents, tmp_path / "agents.json")
    cluster = {key: value for key, value in content["clusters"][0].items() if key not in ("repository", "found")}
    cluster["incomplete"] = {"workloads": "workloads: more than 10,000"}
    (tmp_path / "cut.json").write_text(json.dumps({"cnpfix_inventory": 1, "clusters": [cluster]}))
    cut = ("--inventory", str(tmp_path / "agents.json"), "--inventory", str(tmp_path / "cut.json"))
    (shop / "more").mkdir()
    (shop / "more/agent.yaml").write_text(yaml.safe_dump(workload("agent", "shop", {"app": "agent"})))
    (shop / "cnpfix.toml").write_text('exclude = ["more/**"]\n' + CONFIG)
    for arguments in ((), cut[:2], cut[2:], cut):
        assert [each["applicability"] for each in findings(*arguments)] not in (["evident"], ["safe"]), arguments


def test_facts_of_the_repository_at_hand_are_left_out(agents: Path, shop: Path, tmp_path: Path) -> None:
    """The snapshot is older than the files: a workload that has moved since is not in two places."""
    (shop / "agent.yaml").write_text(yaml.safe_dump(workload("agent", "old", {"app": "agent"})))
    snapshot(shop, tmp_path / "own.json")
    (shop / "agent.yaml").write_text(yaml.safe_dump(workload("agent", "shop", {"app": "agent"})))
    assert findings("--inventory", str(tmp_path / "own.json")) == []


def test_facts_of_a_cluster_without_a_name_stay_at_home(agents: Path, tmp_path: Path) -> None:
    (agents / "cnpfix.toml").unlink()
    assert snapshot(agents, tmp_path / "agents.json")["clusters"] == []
    ran = cnpfix("snapshot", "--repository", str(agents), "-o", str(tmp_path / "agents.json"))
    assert "name it in cnpfix.toml" in ran.err


CILIUM = """apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: cilium, namespace: kube-system}
spec:
  chart: {spec: {chart: cilium, version: 1.18.1}}
  values:
    cluster: {name: prod, id: 1}
    ipam: {operator: {clusterPoolIPv4PodCIDRList: [10.0.0.0/8]}}
"""
INSIDE = """apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: inside, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: web}}
  ingress:
  - fromCIDR: [10.1.2.3/32]
"""


def test_settings_of_an_installation_come_with_their_places(shop: Path, tmp_path: Path) -> None:
    """The cluster is named in cnpfix.toml, and its ranges are stated in another file of that repository."""
    files = {"cnpfix.toml": CONFIG, "cilium.yaml": CILIUM}
    mesh = repository(tmp_path / "mesh", "https://git.example.org/team/mesh.git", files)
    assert snapshot(mesh, tmp_path / "mesh.json")["clusters"][0]["cited"]["pod_cidrs"] == "cilium.yaml:8"
    (shop / "policy.yaml").write_text(INSIDE)
    found = findings("--inventory", str(tmp_path / "mesh.json"))
    assert "https://git.example.org/team/mesh.git, cilium.yaml:8" in json.dumps(
        [each["evidence"] for each in found if each["id"] == "internal-cidr"]
    )


def test_places_that_are_no_texts_are_an_error_of_the_file(shop: Path, tmp_path: Path) -> None:
    cluster = {"name": "prod", "cited": {"pod_cidrs": 8}}
    (tmp_path / "bad.json").write_text(json.dumps({"cnpfix_inventory": 1, "partial": True, "clusters": [cluster]}))
    ran = cnpfix("--inventory", str(tmp_path / "bad.json"), ".")
    assert ran.code == 2
    assert "bad.json: clusters[0].cited: expected an object of texts" in ran.err


def test_two_files_differ_by_a_policy_whose_name_is_no_text(shop: Path, tmp_path: Path) -> None:
    snapshot(shop, tmp_path / "old.json")
    (shop / "policy.yaml").write_text(POLICY.replace("name: web,", "name: {a: 1},"))
    snapshot(shop, tmp_path / "new.json")
    ran = cnpfix("snapshot", "diff", str(tmp_path / "old.json"), str(tmp_path / "new.json"))
    assert ran.code == 1
    assert "CiliumNetworkPolicy shop/web" in ran.out and "{'a': 1}" in ran.out
