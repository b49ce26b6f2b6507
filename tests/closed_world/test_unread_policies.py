"""A policy that is known to be somewhere and is not read may say anything: no finding claims that none does."""

from __future__ import annotations

from pathlib import Path

import pytest

from rewriter.finding import Severity
from tests.closed_world.manifests import Files, deployment, found

_NAMES = """apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: web}}
  egress:
  - toFQDNs: [{matchName: api.example.com}]
"""
_DNS = """apiVersion: v1
kind: Service
metadata: {name: kube-dns, namespace: kube-system, labels: {k8s-app: kube-dns}}
spec:
  selector: {k8s-app: kube-dns}
  ports: [{name: dns, port: 53, protocol: UDP}]
"""
_ALLOW = """apiVersion: cilium.io/v2
kind: CiliumClusterwideNetworkPolicy
metadata: {name: dns}
spec:
  endpointSelector: {}
  egress:
  - toEndpoints: [{matchLabels: {k8s:io.kubernetes.pod.namespace: kube-system, k8s-app: kube-dns}}]
    toPorts: [{ports: [{port: "53", protocol: ANY}], rules: {dns: [{matchPattern: "*"}]}}]
"""
_TREE: Files = {
    "policy.yaml": _NAMES,
    "web.yaml": deployment("web", "shop"),
    "dns.yaml": _DNS,
    "coredns.yaml": deployment("coredns", "kube-system").replace("app: coredns", "k8s-app: kube-dns"),
}
_LISTED = "resources: [policy.yaml, web.yaml, dns.yaml, coredns.yaml"
_SOURCES: dict[str, Files] = {
    "excluded": {"cnpfix.toml": 'exclude = ["x/**"]\n', "x/dns.yaml": _ALLOW},
    "remote": {"kustomization.yaml": f"{_LISTED}, 'https://github.com/acme/platform//policies?ref=v1']\n"},
    "not there": {"kustomization.yaml": f"{_LISTED}, base/networkpolicies.yaml]\n"},
    "another repository": {
        "flux.yaml": "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\n"
        "metadata: {name: cluster-policies, namespace: flux-system}\n"
        "spec: {url: 'https://git.example.com/cluster-policies'}\n---\n"
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n"
        "metadata: {name: rules, namespace: flux-system}\n"
        "spec: {path: ./all, sourceRef: {kind: GitRepository, name: cluster-policies}}\n"
    },
}


def test_names_without_dns_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (finding,) = found(tmp_path, _TREE, "fqdn-without-dns")
    assert finding.severity is Severity.ERROR


@pytest.mark.parametrize("source", _SOURCES)
def test_no_error_where_policies_are_not_read(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    findings = found(tmp_path, {**_TREE, **_SOURCES[source]}, "fqdn-without-dns")
    assert not any(finding.severity is Severity.ERROR or finding.fixed for finding in findings)
