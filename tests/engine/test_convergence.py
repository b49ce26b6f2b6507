"""Policies with several mistakes at once: at most five rounds, the same result in any order of policies and files."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli.support import cnpfix

CONFIG = """
[[clusters]]
name = "a"
local = ["**"]
pod_cidrs = ["10.0.0.0/16"]
node_cidrs = ["10.9.0.0/16"]
[[clusters]]
name = "b"
pod_cidrs = ["10.1.0.0/16"]
[passes.cluster-entity]
remote = "all"
[passes.missing-namespace]
"app=agent" = "monitoring"
"""
FACTS = """apiVersion: v1
kind: Service
metadata: {name: db, namespace: prod}
spec:
  selector: {app: db}
  ports: [{port: 80, targetPort: 8080}]
"""
UPGRADES = [("1.15", "1.20"), ("1.16", "1.17"), ("1.18", "1.19"), ("1.19", "1.20"), ("1.15", "1.16")]

SELECTORS: list[dict[str, Any]] = [
    {},
    {"matchLabels": {"app": "web"}},
    {"matchLabels": {"app": "agent"}},
    {"matchExpressions": [{"key": "tier", "operator": "Exists"}]},
]
PORTS = [{"port": "80", "protocol": "TCP"}]
#: What each peer field of a rule may hold, by direction; most of it is a mistake that a pass speaks of.
PEERS: dict[str, dict[str, list[Any]]] = {
    "ingress": {
        "fromEndpoints": SELECTORS,
        "fromRequires": [{"matchLabels": {"env": "prod"}}],
        "fromCIDR": ["198.51.100.7", "10.0.0.0/8", "10.0.0.0/16", "203.0.113.0/24"],
        "fromCIDRSet": [{"cidr": "10.1.0.0/16"}, {"cidr": "203.0.113.0/24"}],
        "fromEntities": ["cluster", "world"],
    },
    "egress": {
        "toEndpoints": SELECTORS,
        "toRequires": [{"matchLabels": {"env": "prod"}}],
        "toCIDR": ["198.51.100.7", "10.0.0.0/8"],
        "toEntities": ["cluster", "kube-apiserver"],
        "toServices": [{"k8sService": {"serviceName": "db", "namespace": "prod"}}],
        "toFQDNs": [{"matchPattern": "**.example.com"}, {"matchName": "example.org"}],
    },
}
ITEMS = [
    {"ports": PORTS},
    {"ports": [{"port": "9092", "protocol": "TCP"}], "rules": {"kafka": [{"topic": "a"}]}},
    {"ports": []},
]


@st.composite
def rules(draw: st.DrawFn, direction: str) -> dict[str, Any]:
    """A rule with one to three peer fields, ports perhaps, and authentication perhaps."""
    fields = draw(st.lists(st.sampled_from(sorted(PEERS[direction])), min_size=0, max_size=3, unique=True))
    rule: dict[str, Any] = {
        field: draw(st.lists(st.sampled_from(PEERS[direction][field]), min_size=1, max_size=2)) for field in fields
    }
    if draw(st.booleans()):
        rule["toPorts"] = [draw(st.sampled_from(ITEMS))]
    if draw(st.integers(0, 4)) == 0:
        rule["authentication"] = {"mode": "required"}
    return rule


@st.composite
def rule_sets(draw: st.DrawFn) -> dict[str, Any]:
    spec: dict[str, Any] = {"endpointSelector": draw(st.sampled_from(SELECTORS[:2]))}
    for direction in ("ingress", "egress"):
        if draw(st.booleans()):
            spec[direction] = draw(st.lists(rules(direction), max_size=3))
    return spec


@st.composite
def policies(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A few policies of one namespace, as `spec`, `specs` or both, some clusterwide."""
    found = []
    for number in range(draw(st.integers(1, 3))):
        sets = draw(st.lists(rule_sets(), min_size=1, max_size=2))
        body: dict[str, Any] = {"spec": sets[0]} if len(sets) == 1 else {"specs": sets}
        clusterwide = draw(st.integers(0, 3)) == 0
        metadata = {"name": f"deny-{number}"} if clusterwide else {"name": f"deny-{number}", "namespace": "shop"}
        kind = "CiliumClusterwideNetworkPolicy" if clusterwide else "CiliumNetworkPolicy"
        found.append({"apiVersion": "cilium.io/v2", "kind": kind, "metadata": metadata, **body})
    return found


@settings(
    max_examples=300 if os.environ.get("CNPFIX_FUZZ") else 12,
    deadline=None,
    derandomize=not os.environ.get("CNPFIX_FUZZ"),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
)
@given(manifests=policies(), upgrade=st.sampled_from(UPGRADES), data=st.data())
def test_it_converges_in_any_order(
    manifests: list[dict[str, Any]], upgrade: tuple[str, str], data: st.DataObject
) -> None:
    together = _fixed([manifests], upgrade)
    order = data.draw(st.permutations(manifests))
    assert _fixed([order], upgrade) == together
    assert _fixed([[manifest] for manifest in order], upgrade) == together


def _fixed(files: list[list[dict[str, Any]]], upgrade: tuple[str, str]) -> dict[str, Any]:
    """The policies by name after `--write --unsafe-fixes`; checks that a second run has nothing more to do."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "cnpfix.toml").write_text(CONFIG)
        (folder / "facts.yaml").write_text(FACTS)
        for number, manifests in enumerate(files):
            (folder / f"{number}.yaml").write_text(yaml.safe_dump_all(manifests, sort_keys=False))
        source, target = upgrade
        arguments = ("--write", "--unsafe-fixes", "--from", source, "--to", target, "--format", "json", name)
        for run in range(2):
            ran = cnpfix(*arguments)
            report = json.loads(ran.out)
            assert report["errors"] == []
            assert run == 0 or report["files"] == []
        texts = [(folder / f"{number}.yaml").read_text() for number in range(len(files))]
    return {manifest["metadata"]["name"]: manifest for text in texts for manifest in yaml.safe_load_all(text)}
