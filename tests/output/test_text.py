"""The preview for people, where it ends up in the log of a CI system."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.support import cnpfix

POLICY = """\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: p, namespace: shop}
spec:
  description: |
    ::add-mask::a
  endpointSelector: {}
  egress:
  - toFQDNs: [{matchPattern: "**.example.com"}]
"""


@pytest.mark.parametrize("name", ["::error::x.yaml", "a\n::error::x.yaml", "##[error]x.yaml"])
def test_no_line_is_a_command_of_a_ci_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text(POLICY)
    ran = cnpfix(".")
    assert "error" in ran.out
    assert not [line for line in ran.out.splitlines() if line.lstrip().startswith(("::", "##["))]
