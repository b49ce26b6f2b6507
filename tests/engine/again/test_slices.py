"""Which documents are one policy and nothing else, so that what came of it may be kept beside edits of others."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from rewriter.engine.again.slices import slices_of, starts_of
from rewriter.engine.run.opening import open_workspace
from rewriter.engine.run.workspace import Request

POLICY = """\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: one, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: web}}
  ingress:
  - fromEndpoints: [{matchLabels: {app: api, k8s:io.kubernetes.pod.namespace: prod}}]
"""
NETWORK_POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: two, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress]}
"""
CLUSTERWIDE = POLICY.replace("kind: CiliumNetwork", "kind: CiliumClusterwideNetwork").replace(", namespace: shop", "")
#: What applies the texts that it holds.
RELEASE = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: a, namespace: shop}\nspec:\n"
LIST = "apiVersion: v1\nkind: List\nitems:\n- " + textwrap.indent(POLICY, "  ").lstrip()
BLOCK = RELEASE + "  values:\n    extra:\n    - |\n" + textwrap.indent(POLICY, "      ")
QUOTED = RELEASE + f"  values:\n    extra:\n    - {POLICY!r}\n".replace("'", '"')


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def homes(text: str) -> list[str | None]:
    """Of each slice the namespace whose policy it is; None where it is anything else."""
    Path("policies.yaml").write_text(text)
    workspace = open_workspace(Request(), lambda _count: None)
    policies = [located for located in workspace.policies() if located.path == "policies.yaml"]
    return [part.plain and part.plain.home for part in slices_of(text, starts_of(text), policies)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (POLICY + "---\n" + NETWORK_POLICY, ["shop", "shop"]),
        (POLICY + "---\n" + CLUSTERWIDE, ["shop", None]),
        (POLICY + "---\n" + LIST, ["shop", None]),
        (BLOCK, [None]),
        (QUOTED, [None]),
        (POLICY + "---\nkind: Service\n", ["shop", None]),
        (POLICY + "# cnpfix: ignore\n", [None]),
        (POLICY.replace("shop", "${NAMESPACE}"), [None]),
        (POLICY.replace(", namespace: shop", ""), [None]),
        (POLICY.replace("{app: web}", "{io.kubernetes.pod.namespace: other}"), [None]),
        (POLICY.replace("- fromEndpoints", "- fromCIDRSet: [{cidrGroupRef: office}]\n  - fromEndpoints"), [None]),
    ],
)
def test_a_slice_is_a_policy_and_nothing_else(text: str, expected: list[str | None]) -> None:
    assert homes(text) == expected
