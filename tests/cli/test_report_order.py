"""The order of the findings on the terminal: what harms most comes first."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.support import cnpfix

POLICIES = """
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: names, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: web}}
  egress:
  - toFQDNs: [{matchName: api.example.com}]
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: split, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: api}}
  egress:
  - toCIDR: [198.51.100.7/32]
  - toPorts: [{ports: [{port: "443"}]}]
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: default-deny, namespace: shop}
spec:
  endpointSelector: {}
  ingress: []
"""


def test_what_leaves_pods_open_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "policies.yaml").write_text(POLICIES)
    monkeypatch.chdir(tmp_path)
    lines = cnpfix("--from", "1.18", "--to", "1.19", ".").out.splitlines()
    headings = [line.partition(" · ")[0] for line in lines if line.startswith("CNP")]
    assert headings == ["CNP011 no-rules", "CNP017 fqdn-without-dns", "CNP022 split-rule"]
