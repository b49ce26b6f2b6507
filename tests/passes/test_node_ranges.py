"""Ranges that only Node objects tell: a fix of internal-cidr that rests on them is proved with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.support import cnpfix

FILES = {
    "cilium.yaml": "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n"
    "metadata: {name: cilium, namespace: kube-system}\n"
    "spec: {chart: {spec: {chart: cilium, version: 1.18.3}}, values: {ipam: {mode: kubernetes}}}\n",
    "policy.yaml": "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: p, namespace: web}\n"
    "spec: {endpointSelector: {}, ingress: [{fromCIDR: [10.42.0.0/16]}]}\n",
}
NODES = {
    "Node": "apiVersion: v1\nkind: Node\nmetadata: {name: a}\nspec: {podCIDRs: [10.42.0.0/24]}\n",
    "CiliumNode": "apiVersion: cilium.io/v2\nkind: CiliumNode\nmetadata: {name: a}\n"
    "spec: {ipam: {podCIDRs: [10.42.0.0/24]}, addresses: [{ip: 192.0.2.7, type: InternalIP}]}\n",
}


@pytest.mark.parametrize("node", NODES.values(), ids=NODES)
def test_the_fix_is_proved(node: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {**FILES, "node.yaml": node}.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    run = cnpfix("--format", "json", "--from", "1.18", "--to", "1.19", ".")
    (finding,) = (each for each in json.loads(run.out)["findings"] if each["id"] == "internal-cidr")
    assert run.code == 0
    assert finding["applicability"] == "evident" and finding["patch"] and not finding.get("not_fixed")


@pytest.mark.parametrize("node", NODES.values(), ids=NODES)
def test_the_range_of_one_node_is_a_part_of_the_pods(
    node: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = FILES["policy.yaml"].replace("10.42.0.0/16", "10.42.0.0/24")
    for name, text in {**FILES, "policy.yaml": policy, "node.yaml": node}.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    run = cnpfix("--format", "json", "--from", "1.18", "--to", "1.19", ".")
    (finding,) = (each for each in json.loads(run.out)["findings"] if each["id"] == "internal-cidr")
    assert finding["applicability"] == "manual" and not finding["patch"]
    assert finding["message"].endswith("and holds a part of the pods of default")
    assert "node a (pods 10.42.0.0/24), node.yaml:1" in finding["evidence"]
