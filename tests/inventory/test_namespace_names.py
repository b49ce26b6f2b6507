"""Namespaces that a repository speaks of, though nothing in them is read."""

from __future__ import annotations

import pytest

from tests.inventory.support import inventory

POLICY = """\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: a, namespace: payment}
spec:
  endpointSelector: {}
  ingress: [{fromEndpoints: [{matchLabels: {io.kubernetes.pod.namespace: payment}}]}]
"""


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("role.yaml", "kind: RoleBinding\nmetadata: {name: a, namespace: payment}\n"),
        ("release.yaml", "kind: HelmRelease\nmetadata:\n  name: a\nspec:\n  targetNamespace: 'payment'\n"),
        ("values.yaml", "kind: ConfigMap\ndata:\n  namespaces:\n    - other\n    - payment\n"),
        ("monitor.yaml", "kind: ServiceMonitor\nspec: {namespaceSelector: {matchNames: [other, payment]}}\n"),
        ("setup.sh", "kubectl create namespace payment\n"),
        ("setup.sh", "helm upgrade --install shop example/shop -n payment\n"),
        ("setup.sh", "kubectl apply -f - <<E\nkind: Namespace\nmetadata:\n  labels: {a: b}\n  name: payment\nE\n"),
        ("c/templates/n.yaml", "{{ if .Values.a }}\nkind: Namespace\nmetadata: {name: payment}\n{{ end }}\n"),
        (
            "main.tf",
            'resource "kubernetes_namespace" "a" {\n  metadata {\n    labels = { name = "b" }\n'
            '    name   = "payment"\n  }\n}\n',
        ),
        ("main.tf", 'resource "kubernetes_namespace" "a" {\n  metadata {\n    name = "payment"\n  }\n}\n'),
    ],
)
def test_what_a_file_names_is_known(path: str, text: str) -> None:
    assert "payment" in inventory({path: text, "policy.yaml": POLICY}).named_namespaces


def test_policies_and_longer_names_do_not_count() -> None:
    longer = "kind: RoleBinding\nmetadata: {name: payment, namespace: payment-2}\n"
    assert "payment" not in inventory({"policy.yaml": POLICY, "role.yaml": longer}).named_namespaces
