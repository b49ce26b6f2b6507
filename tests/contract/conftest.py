"""A mesh repository as the contract's example configuration describes it."""

from __future__ import annotations

from pathlib import Path

import pytest

#: The example of the contract, to the letter.
CONFIG = """
from = "1.18"
to = "1.19"
exclude = ["vendor/**"]
internal_cidrs = ["10.0.0.0/8"]    # ranges that hold nothing but this mesh

[[clusters]]
name = "cluster-a"
local = ["clusters/a/**"]          # manifests under these paths are applied to this cluster
pod_cidrs = ["10.0.0.0/16"]
node_cidrs = ["172.16.0.0/24"]
service_cidrs = ["10.96.0.0/12"]
[[clusters]]
name = "cluster-b"

[passes.cluster-entity]
remote = "all"                     # or ["cluster-b"]: the mesh members that `cluster` was meant to include
mode = "extend"                    # extend | replace | cluster-mesh
[passes.implicit-cluster]
scope = "auto"                     # auto | any | local | ["cluster-a", "cluster-b"]
[passes.missing-namespace]
"app=monitoring-agent" = "monitoring"
[[per-path]]
paths = ["legacy/**"]
ignore = ["internal-cidr"]
"""

HEAD = """apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: %s, namespace: shop}
spec:
  endpointSelector: {}
  ingress:
"""
CLUSTER = "    - fromEntities: [cluster]\n"


def manifest(name: str, rules: str = CLUSTER) -> str:
    """A policy of namespace shop, its rules at the end."""
    return HEAD % name + rules


@pytest.fixture
def mesh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The repository, as the working folder: one policy for each key of the configuration."""
    (tmp_path / "cnpfix.toml").write_text(CONFIG)
    files = {
        "clusters/a/entity.yaml": manifest("entity"),
        "clusters/a/cidr.yaml": manifest("cidr", "    - fromCIDR: [10.0.0.0/8]\n"),
        "clusters/a/agent.yaml": manifest("agent", "    - fromEndpoints: [{matchLabels: {app: monitoring-agent}}]\n"),
        "vendor/entity.yaml": manifest("vendored"),
        "legacy/cidr.yaml": manifest("legacy", "    - fromCIDR: [10.0.0.0/8]\n"),
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path
