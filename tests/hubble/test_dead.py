"""`--agent-log`, and the status of policies in snapshots, in a run of the fixer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import cnpfix

POLICIES = """\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: web}}
  egress:
  - toServices:
    - k8sService: {serviceName: db, namespace: prod}
    toPorts:
    - ports: [{port: "3306", protocol: TCP}]
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata:
  name: quiet
  namespace: shop
spec:
  endpointSelector: {}
  ingress:
  - fromEntities: [world]
"""


def refused(name: str, reason: str, namespace: str = "shop") -> str:
    return (
        f'level=warning msg="Unable to add CiliumNetworkPolicy" ciliumNetworkPolicyName={name} '
        f'error="Invalid CiliumNetworkPolicy spec: {reason}" k8sNamespace={namespace}\n'
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "policies.yaml").write_text(POLICIES)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def findings(*arguments: str) -> tuple[list[dict[str, Any]], str]:
    ran = cnpfix("--format", "json", "--from", "1.16", *arguments, "policies.yaml")
    assert ran.code == 0, ran.err
    return json.loads(ran.out)["findings"], ran.err


def test_dead_policies_are_named(folder: Path) -> None:
    (folder / "agent.log").write_text(
        refused("web", "Combining ToServices and ToPorts is not supported yet") + refused("quiet", "why ever")
        + refused("gone", "x", "other")
    )  # fmt: skip
    found, err = findings("--agent-log", "agent.log")
    web = [each for each in found if each["name"] == "web"]
    assert [each["id"] for each in web] == ["service-with-ports"]  # explained already, so no note of its own
    reason = "Invalid CiliumNetworkPolicy spec: Combining ToServices and ToPorts is not supported yet"
    assert f"not enforced: {reason}, agent.log:1" in web[0]["evidence"]
    quiet = [each for each in found if each["name"] == "quiet"]
    assert [(each["id"], each["severity"], each["line"], each["evidence"]) for each in quiet] == [
        ("not-enforced", "note", 14, ["not enforced: Invalid CiliumNetworkPolicy spec: why ever, agent.log:2"])
    ]
    assert err.startswith(
        "cnpfix: other/gone is not in the files and not enforced: Invalid CiliumNetworkPolicy spec: x, agent.log:3\n"
    )


def test_the_status_in_a_snapshot_counts_for_its_cluster(folder: Path) -> None:
    named = {"name": "quiet", "namespace": "shop"}
    policy = {"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": named, "rejected": "why ever"}
    clusters = [{"name": "a"}, {"name": "b", "policies": [policy]}]
    (folder / "mesh.json").write_text(json.dumps({"cnpfix_inventory": 1, "clusters": clusters}))
    (folder / "cnpfix.toml").write_text('[[clusters]]\nname = "a"\nlocal = ["**"]\n')
    assert not any(each["id"] == "not-enforced" for each in findings("--inventory", "mesh.json")[0])
    (folder / "cnpfix.toml").write_text('[[clusters]]\nname = "b"\nlocal = ["**"]\n')
    assert any(each["id"] == "not-enforced" for each in findings("--inventory", "mesh.json")[0])


def test_no_log(folder: Path) -> None:
    ran = cnpfix("--agent-log", "none.log", "policies.yaml")
    words = "cnpfix: --agent-log none.log: cannot be read: No such file or directory; this folder holds policies.yaml\n"
    assert (ran.code, ran.err) == (2, words)
