"""A name of a Gateway whose class is Cilium's, another controller's, or is not read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.support import cnpfix

_POLICY = """apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: a, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: web}}
  egress:
  - toEndpoints: [{matchLabels: {k8s:io.kubernetes.pod.namespace: kube-system, k8s-app: kube-dns}}]
    toPorts: [{ports: [{port: "53", protocol: ANY}], rules: {dns: [{matchPattern: "*"}]}}]
  - toFQDNs: [{matchName: web.example.com}]
"""
_GATEWAY = """apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web, namespace: infra}
spec: {gatewayClassName: CLASS, listeners: [{name: h, port: 443, protocol: HTTPS}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: shop}
spec: {parentRefs: [{name: web, namespace: infra}], hostnames: [web.example.com], rules: []}
"""
_CLASS = """apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: internal}
spec: {controllerName: CONTROLLER}
"""


@pytest.mark.parametrize(
    ("name", "controller", "words"),
    [
        ("internal", None, "its class is not read: if it is Cilium's, allow `toEntities: [ingress]`, else select"),
        ("internal", "gateway.envoyproxy.io/gatewayclass-controller", "select the pods of the Gateway"),
        ("internal", "io.cilium/gateway-controller", "entity"),
        ("cilium", None, "entity"),
    ],
)
def test_the_class_decides_what_is_advised(
    name: str, controller: str | None, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "policy.yaml").write_text(_POLICY)
    (tmp_path / "gateway.yaml").write_text(_GATEWAY.replace("CLASS", name))
    if controller is not None:
        (tmp_path / "class.yaml").write_text(_CLASS.replace("CONTROLLER", controller))
    monkeypatch.chdir(tmp_path)
    found = json.loads(cnpfix("--format", "json", "--select", "fqdn-never-matches", ".").out)["findings"]
    assert len(found) == 1
    text = json.dumps(found[0])
    assert words in text
    assert ("not read" in text) == (words.startswith("its class"))
