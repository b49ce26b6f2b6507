"""Policies that kustomizations put into several namespaces: judged in each, and fixed where the fix is right in all."""

from __future__ import annotations

import pytest

from tests.engine.charts.support import Repository, Treated


def policy(name: str, rules: str) -> str:
    return (
        f"apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {{name: {name}}}\n"
        f"spec:\n  endpointSelector: {{matchLabels: {{app: web}}}}\n{rules}"
    )


def workload(name: str, namespace: str = "", port: int = 8080) -> str:
    at = f", namespace: {namespace}" if namespace else ""
    return (
        f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}{at}}}\nspec:\n  template:\n"
        f"    metadata: {{labels: {{app: {name}}}}}\n"
        f"    spec: {{containers: [{{name: {name}, image: {name}, ports: [{{containerPort: {port}}}]}}]}}\n---\n"
    )


def service(port: int) -> str:
    return (
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n"
        f"spec: {{selector: {{app: web}}, ports: [{{port: 80, targetPort: {port}}}]}}\n"
    )


def overlay(namespace: str, lists: str = "resources: [../base]") -> str:
    return f"apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: {namespace}\n{lists}\n"


SCRAPED = policy("web", "  ingress:\n    - fromEndpoints: [{matchLabels: {app: prometheus}}]\n")
FIXED = SCRAPED.replace("{app: prometheus}", "{app: prometheus, k8s:io.kubernetes.pod.namespace: monitoring}")
PORT = policy(
    "web",
    "  ingress:\n    - fromEndpoints: [{matchLabels: {app: client}}]\n"
    '      toPorts: [{ports: [{port: "80", protocol: TCP}]}]\n',
)
PROMETHEUS = {"monitoring/prometheus.yaml": workload("prometheus", "monitoring")}
BASE = {
    "base/kustomization.yaml": "resources: [policy.yaml, web.yaml]\n",
    "base/web.yaml": workload("web"),
}
TWO = {"a/kustomization.yaml": overlay("shop"), "b/kustomization.yaml": overlay("store")}


def treat(repository: Repository, files: dict[str, str], *arguments: str) -> Treated:
    return repository.treat({**BASE, **files}, *arguments, programs=("kubectl",))


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"base/policy.yaml": SCRAPED, **TWO}, id="a base of two overlays"),
        pytest.param(
            {
                "base/kustomization.yaml": "kind: Component\nresources: [policy.yaml]\n",
                "base/policy.yaml": SCRAPED,
                "a/web.yaml": workload("web"),
                "b/web.yaml": workload("web"),
                "a/kustomization.yaml": overlay("shop", "resources: [web.yaml]\ncomponents: [../base]"),
                "b/kustomization.yaml": overlay("store", "resources: [web.yaml]\ncomponents: [../base]"),
            },
            id="a component of two kustomizations",
        ),
        pytest.param(
            {
                "base/policy.yaml": SCRAPED,
                "flux.yaml": "".join(
                    "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n"
                    f"metadata: {{name: {name}, namespace: flux-system}}\n"
                    f"spec: {{path: {path}, sourceRef: {{kind: GitRepository, name: flux}}}}\n---\n"
                    for name, path in (
                        ("shop", "./base, targetNamespace: shop"),
                        ("store", "./base, targetNamespace: store"),
                        ("monitoring", "./monitoring"),
                    )
                ),
            },
            id="a folder of two Flux Kustomizations",
        ),
    ],
)
def test_it_is_judged_in_each_of_its_namespaces_and_fixed_for_all(
    repository: Repository, files: dict[str, str]
) -> None:
    treated = treat(repository, {**PROMETHEUS, **files}, "--select", "missing-namespace")
    (finding,) = treated.findings
    assert (finding["advice"], treated.after["base/policy.yaml"]) == ("", FIXED)
    opened = " ".join(finding["flows"]["opened"])
    assert "of namespace shop" in opened
    assert "of namespace store" in opened


def test_a_fix_that_is_right_in_one_namespace_alone_is_not_made(repository: Repository) -> None:
    """In the other one the Service leads to another port, so that one number cannot be right for both."""
    files = {
        "base/policy.yaml": PORT,
        "base/kustomization.yaml": "resources: [policy.yaml]\n",
        "base/web.yaml": "",
        "a/all.yaml": workload("web") + workload("client") + service(8080),
        "b/all.yaml": workload("web", port=80) + workload("client") + service(80),
        "a/kustomization.yaml": overlay("shop", "resources: [../base, all.yaml]"),
        "b/kustomization.yaml": overlay("store", "resources: [../base, all.yaml]"),
    }
    treated = treat(repository, files, "--select", "service-port")
    (finding,) = treated.findings
    assert treated.after["base/policy.yaml"] == PORT
    assert not finding["fixed"]
    assert "kubectl kustomize b" in finding["advice"]


def test_what_means_something_in_one_of_the_namespaces_is_no_mistake(repository: Repository) -> None:
    files = {
        **PROMETHEUS,
        **TWO,
        "base/policy.yaml": SCRAPED,
        "b/kustomization.yaml": overlay("store", "resources: [../base, prometheus.yaml]"),
        "b/prometheus.yaml": workload("prometheus"),
    }
    treated = treat(repository, files, "--select", "missing-namespace,unselected-subject,unresolved-reference")
    assert treated.findings == []
    assert treated.after["base/policy.yaml"] == SCRAPED


def test_what_stands_beside_it_counts_in_the_same_namespaces(repository: Repository) -> None:
    """A base that lets names out in one policy and asks the DNS in another is right wherever both land."""
    names = "  egress:\n    - toFQDNs: [{matchName: api.example.com}]\n"
    dns = (
        "  egress:\n    - toEndpoints:\n"
        "        - {matchLabels: {k8s:io.kubernetes.pod.namespace: kube-system, k8s-app: kube-dns}}\n"
        '      toPorts: [{ports: [{port: "53", protocol: ANY}], rules: {dns: [{matchPattern: "*"}]}}]\n'
    )
    files = {
        **TWO,
        "base/kustomization.yaml": "resources: [web.yaml, policy.yaml]\n",
        "base/policy.yaml": policy("names", names),
    }
    alone = treat(repository, files, "--select", "fqdn-without-dns")
    assert [finding["id"] for finding in alone.findings] == ["fqdn-without-dns"]
    both = {
        "base/kustomization.yaml": "resources: [web.yaml, policy.yaml, dns.yaml]\n",
        "base/dns.yaml": policy("dns", dns),
    }
    assert treat(repository, {**files, **both}).findings == []


def test_a_namespace_that_is_not_known_leaves_it_as_it_was(repository: Repository) -> None:
    files = {
        **PROMETHEUS,
        "base/policy.yaml": SCRAPED,
        "a/kustomization.yaml": overlay("shop"),
        "b/kustomization.yaml": "resources: [../base]\n",
    }
    treated = treat(repository, files, "--select", "missing-namespace")
    assert treated.findings == []
