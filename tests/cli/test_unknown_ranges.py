"""CNP003 says nothing that the tree refutes, and speaks of ranges of which nothing is known once a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.support import cnpfix

CILIUM = (
    "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: cilium, namespace: kube-system}\n"
    "spec:\n  chart: {spec: {chart: cilium, version: 1.18.3}}\n  values: %s\n"
)
KUBERNETES = CILIUM % "{ipam: {mode: kubernetes}}"
TALOS = "cluster: {network: {podSubnets: [10.42.0.0/16], serviceSubnets: [10.43.0.0/16]}}\n"
POOL = CILIUM % "{ipam: {operator: {clusterPoolIPv4PodCIDRList: 10.60.0.0/16}}}"
NATIVE = CILIUM % "{ipam: {mode: kubernetes}, ipv4NativeRoutingCIDR: 10.244.0.0/16}"
MULTI = CILIUM % (
    "{ipam: {mode: multi-pool, operator: {autoCreateCiliumPodIPPools: {a: {ipv4: {cidrs: [10.70.0.0/16]}}}}}}"
)
KOPS = (
    "apiVersion: kops.k8s.io/v1alpha2\nkind: Cluster\nmetadata: {name: x}\n"
    "spec: {nonMasqueradeCIDR: 100.64.0.0/10, networking: {cilium: {}}}\n"
)
CONFIG = (
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cilium-config, namespace: kube-system}\n"
    "data: {ipam: cluster-pool, cluster-pool-ipv4-cidr: 10.80.0.0/16, cluster-name: default}\n"
)


def policy(name: str, cidr: str) -> str:
    return (
        f"apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {{name: {name}, namespace: shop}}\n"
        f"spec:\n  endpointSelector: {{}}\n  egress:\n  - {cidr}\n"
    )


def ranges(*cidrs: str) -> str:
    return f"toCIDR: [{', '.join(cidrs)}]"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("facts", "rule"),
    [
        ((KUBERNETES, TALOS), ranges("192.168.0.0/16")),
        ((KUBERNETES, TALOS), ranges("100.64.0.0/10", "fd00::/8")),
        ((KUBERNETES, TALOS), "toCIDRSet: [{cidr: 10.0.0.0/8, except: [10.42.0.0/16]}]"),
        ((KUBERNETES, TALOS), "toCIDRSet: [{cidr: 0.0.0.0/0, except: [10.42.0.0/16, 10.43.0.0/16]}]"),
        ((CILIUM % "{}",), ranges("192.168.0.0/16")),
        ((POOL,), ranges("10.1.0.0/16")),
        ((NATIVE,), ranges("10.1.0.0/16")),
        ((MULTI,), ranges("10.1.0.0/16")),
        ((CONFIG,), ranges("10.1.0.0/16")),
        ((KOPS,), ranges("10.1.0.0/16")),
        ((), ranges("10.9.0.7/32")),
    ],
    ids=[
        "machine configuration",
        "other families and blocks",
        "all pods excepted",
        "the internet without the cluster",
        "the chart's own pool",
        "a pool that is given",
        "native routing",
        "several pools",
        "cilium-config",
        "kOps",
        "a single address",
    ],
)
def test_what_the_tree_refutes_is_not_said(tree: Path, facts: tuple[str, ...], rule: str) -> None:
    for number, text in enumerate(facts):
        (tree / f"{number}.yaml").write_text(text)
    (tree / "policy.yaml").write_text(policy("web", rule))
    assert "CNP003" not in cnpfix("--format", "concise").out


@pytest.mark.parametrize(
    ("facts", "rule", "words"),
    [
        ((KUBERNETES, TALOS), ranges("10.42.0.0/16"), "allows no pod"),
        ((KUBERNETES, TALOS), "toCIDRSet: [{cidr: 10.0.0.0/8, except: [10.42.0.0/17]}]", "a part of the pods"),
        ((CILIUM % "{}",), ranges("10.1.0.0/16"), "may hold pods"),
        ((KOPS,), ranges("100.96.0.0/11"), "may hold pods"),
    ],
)
def test_what_the_tree_says_is_said(tree: Path, facts: tuple[str, ...], rule: str, words: str) -> None:
    for number, text in enumerate(facts):
        (tree / f"{number}.yaml").write_text(text)
    (tree / "policy.yaml").write_text(policy("web", rule))
    (line,) = [line for line in cnpfix("--format", "concise").out.splitlines() if "CNP003" in line]
    assert words in line


def test_unknown_ranges_are_spoken_of_once_a_run(tree: Path) -> None:
    for number in range(3):
        (tree / f"{number}.yaml").write_text(policy(f"p{number}", ranges(f"10.{number}.0.0/16")))
    (tree / "two").mkdir()
    (tree / "two" / "p.yaml").write_text(policy("p", ranges("172.16.0.0/12")))
    assert cnpfix("--format", "concise").out.count("CNP003") == 1
