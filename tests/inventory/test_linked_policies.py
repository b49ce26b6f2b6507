"""A policy that a symlink puts into the folder of another cluster is one of both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import cnpfix
from tests.closed_world.manifests import deployment

_POLICY = """apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: web}}
  ingress:
  - fromCIDR: [10.2.0.0/16]
"""
_CONFIG = """[[clusters]]
name = "east"
local = ["east/**"]
pod_cidrs = ["10.1.0.0/16"]
[[clusters]]
name = "west"
local = ["west/**"]
pod_cidrs = ["10.2.0.0/16"]
"""


@pytest.fixture(autouse=True)
def _tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {
        "cnpfix.toml": _CONFIG,
        "east/policies/policy.yaml": _POLICY,
        "east/web.yaml": deployment("web", "shop"),
        "west/web.yaml": deployment("web", "shop"),
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)


def _findings() -> list[dict[str, Any]]:
    report = json.loads(cnpfix("--format", "json", "--from", "1.18", "--to", "1.19", ".").out)
    assert report["errors"] == []
    return [each for each in report["findings"] if each["id"] in ("internal-cidr", "implicit-cluster")]


def test_without_a_link_it_is_of_its_own_cluster() -> None:
    (found,) = _findings()
    assert (found["applicability"], "no pod of west" in found["message"]) == ("evident", True)


@pytest.mark.parametrize("link", ["west/policies", "west/policy.yaml"])
def test_a_link_makes_it_one_of_both(link: str, tmp_path: Path) -> None:
    target = tmp_path / "east/policies" / ("policy.yaml" if link.endswith("yaml") else "")
    (tmp_path / link).symlink_to(target)
    (found,) = _findings()
    assert (found["applicability"], found["patch"]) == ("manual", [])
    assert "it is unknown to which cluster the policy is applied" in found["message"]


def test_a_link_of_the_same_cluster_changes_nothing(tmp_path: Path) -> None:
    before = _findings()
    (tmp_path / "east/again.yaml").symlink_to(tmp_path / "east/policies/policy.yaml")
    assert _findings() == before
