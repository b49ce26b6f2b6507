"""Policies that name nodes: every command reads enable-node-selector-labels alike, off where it is unknown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.support import cnpfix

OFF = 'FromNodes/ToNodes rules can only be applied when the "enable-node-selector-labels" flag is set'
POLICY = """\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata:
  name: cart
  namespace: shop
spec:
  endpointSelector:
    matchLabels:
      app: cart
  ingress:
  - fromNodes:
    - matchLabels:
        pool: edge
  - fromEndpoints:
    - matchLabels:
        app: web
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yaml").write_text(POLICY)
    say(tmp_path, None)
    return tmp_path


def say(repository: Path, setting: bool | None) -> None:
    line = "" if setting is None else f"node_selector_labels = {str(setting).lower()}\n"
    clusters = f'[[clusters]]\nname = "a"\nlocal = ["*.yaml"]\n{line}[[clusters]]\nname = "b"\n'
    (repository / "cnpfix.toml").write_text(clusters)


def found(*arguments: str) -> Any:
    return json.loads(cnpfix(*arguments, "--format", "json").out)


def enforced() -> dict[str, bool]:
    """What each command says: is the policy in force on 1.19?"""
    validated = found("validate", "--versions", "1.19")[0]["accepted"]["1.19"]
    judged = found("verdict", "--source", "shop/app=stranger", "--destination", "shop/app=cart")
    compared = found("impact")["policies"]
    fixed = [item["id"] for item in found("--check")["findings"]]
    return {
        "validate": validated,
        "verdict": not judged["allowed"],
        "impact": bool(compared) and bool(compared[0]["undone"]["closed"]),
        "fixer": "rejected" not in fixed,
    }


@pytest.mark.parametrize(("setting", "expected"), [(None, False), (False, False), (True, True)])
def test_every_command_says_the_same(repository: Path, setting: bool | None, expected: bool) -> None:
    say(repository, setting)
    assert enforced() == dict.fromkeys(("validate", "verdict", "impact", "fixer"), expected)


def test_the_setting_is_learned_from_the_installation(repository: Path) -> None:
    (repository / "cnpfix.toml").unlink()
    for value, expected in (("true", True), ("false", False)):
        data = {"cluster-name": "a", "cluster-id": "1", "enable-node-selector-labels": value}
        config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cilium-config"}, "data": data}
        (repository / "cilium.yaml").write_text(yaml.safe_dump(config))
        assert found("validate", "--versions", "1.19")[0]["accepted"] == {"1.19": expected}


def test_with_the_setting_the_policy_is_fixed(repository: Path) -> None:
    say(repository, True)
    assert cnpfix("--write").code == 0
    peers = yaml.safe_load((repository / "policy.yaml").read_text())["spec"]["ingress"]
    exists = [{"key": "io.cilium.k8s.policy.cluster", "operator": "Exists"}]
    assert peers[0]["fromNodes"] == [{"matchLabels": {"pool": "edge"}, "matchExpressions": exists}]
    assert cnpfix("--check").code == 0


def test_without_it_nothing_is_written_and_everybody_is_told(repository: Path) -> None:
    """Were the setting on after all, a fix might open what no finding states."""
    report = found("--write", "--unsafe-fixes")
    assert (repository / "policy.yaml").read_text() == POLICY
    (rejected,) = (item for item in report["findings"] if item["id"] == "rejected")
    assert rejected["severity"] == "error" and OFF in rejected["message"]
    assert not any(item["fixed"] for item in report["findings"])
    assert cnpfix("--check").code == 1
    assert "it names nodes, and it is unknown whether the agents run with enable-node-selector" in " ".join(
        cnpfix(".").out.split()
    )
    (told,) = found("impact")["policies"]
    assert told["undone"]["state"] == "is not enforced"
    assert told["undone"]["reason"].endswith(
        f"{OFF}, and it is unknown whether it is on: set `node_selector_labels` in [[clusters]]"
    )


def test_where_it_is_known_to_be_off_no_fix_counts(repository: Path) -> None:
    say(repository, False)
    report = found("--write")
    assert (repository / "policy.yaml").read_text() == POLICY
    assert [item["id"] for item in report["findings"]] == ["rejected"]
    assert found("impact")["policies"] == []
