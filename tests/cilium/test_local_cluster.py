from __future__ import annotations

from typing import Any

import pytest

from rewriter.cilium.local_cluster import selectors_changed_by_local_cluster
from rewriter.cilium.policy import read_policy
from tests.cilium.vectors import verdict_cases

CLUSTER = "io.cilium.k8s.policy.cluster"


def manifest(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    version = "networking.k8s.io/v1" if kind == "NetworkPolicy" else "cilium.io/v2"
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "p", "namespace": "shop"}, "spec": spec}


def changed(kind: str, **spec: Any) -> tuple[str, ...]:
    return selectors_changed_by_local_cluster(read_policy(manifest(kind, {"endpointSelector": {}, **spec})))


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"fromEntities": ["cluster"]},
        {"fromCIDR": ["10.0.0.0/8"]},
        {"fromEndpoints": []},
        {"fromEndpoints": None},
        {"fromEndpoints": [{}], "fromEntities": []},
        {"fromEndpoints": [{"matchLabels": {"reserved:host": ""}}]},
        {"fromEndpoints": [{"matchLabels": {CLUSTER: "a"}}]},
        {"fromEndpoints": [{"matchLabels": {f"k8s:{CLUSTER}": "a"}}]},
        {"fromEndpoints": [{"matchLabels": {f"any:{CLUSTER}": "a"}}]},
        {"fromEndpoints": [{"matchExpressions": [{"key": CLUSTER, "operator": "Exists"}]}]},
        {"fromEndpoints": [7, {"matchLabels": 3}]},
        {"fromEndpoints": {"matchLabels": {}}},
    ],
)
@pytest.mark.parametrize("kind", ["CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy"])
def test_unchanged_rules(kind: str, rule: dict[str, Any]) -> None:
    assert changed(kind, ingress=[rule]) == ()


def test_routes_of_changed_selectors() -> None:
    app = {"matchLabels": {"app": "web"}}
    pinned = {"matchLabels": {CLUSTER: "a"}}
    assert changed(
        "CiliumNetworkPolicy",
        ingress=[{"fromEndpoints": [pinned, app]}],
        ingressDeny=[{"fromEndpoints": [{}]}],
        egress=[{}, {"toEndpoints": [{"matchLabels": {f"other:{CLUSTER}": "a"}}]}],
        egressDeny=[{"toNodes": [{"matchLabels": {"reserved:host": ""}}]}],
    ) == (
        "/spec/ingress/0/fromEndpoints/1",
        "/spec/ingressDeny/0/fromEndpoints/0",
        "/spec/egress/1/toEndpoints/0",
        "/spec/egressDeny/0/toNodes/0",
    )


@pytest.mark.parametrize(
    ("peer", "affected"),
    [
        ({}, False),
        ({"ipBlock": {"cidr": "10.0.0.0/8"}}, False),
        ({"podSelector": {"matchLabels": {CLUSTER: "a"}}}, False),
        (
            {"namespaceSelector": {}, "podSelector": {"matchExpressions": [{"key": CLUSTER, "operator": "Exists"}]}},
            False,
        ),
        ({"podSelector": {}}, True),
        ({"podSelector": {"matchLabels": {f"k8s:{CLUSTER}": "a"}}}, True),
        ({"namespaceSelector": {}}, True),
        ({"namespaceSelector": {"matchLabels": {CLUSTER: "a"}}}, True),
        ("nonsense", False),
    ],
)
def test_network_policy_peers(peer: Any, affected: bool) -> None:
    expected = ("/spec/ingress/0/from/0",) if affected else ()
    assert changed("NetworkPolicy", ingress=[{"from": [peer]}]) == expected


def test_agrees_with_recorded_answers() -> None:
    wrong = []
    for case in verdict_cases():
        for index, entry in enumerate(case["policies"]):
            recorded = entry.get("changedByDefaultLocalCluster")
            if recorded is None:
                continue
            if bool(selectors_changed_by_local_cluster(read_policy(entry["manifest"]))) != recorded:
                wrong.append((case["id"], index))
    assert wrong == []
