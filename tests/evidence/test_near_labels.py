"""The label that was meant: one with the same value, or one that is written nearly like it."""

from __future__ import annotations

import pytest

from rewriter.cilium.policy import read_policy
from rewriter.cilium.version import parse_version
from rewriter.evidence.context import Context
from rewriter.evidence.near_labels import near_label
from rewriter.inventory.facts.model import Workload
from tests.passes.support import CONFIG, SOURCE, Facts

WORKLOADS = [
    Workload("Deployment", "web", "shop", None, {"app.kubernetes.io/name": "storefront"}, SOURCE),
    Workload("Deployment", "db", "data", None, {"app": "postgres-14"}, SOURCE),
]


def near(key: str, value: str, *namespaces: str) -> list[str]:
    policy = read_policy({"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": {"name": "p"}})
    releases = parse_version("1.18"), parse_version("1.19")
    context = Context(policy, "policy.yaml", None, Facts(workloads=WORKLOADS), CONFIG, *releases)
    return list(near_label(context, key, value, namespaces or None))


@pytest.mark.parametrize(
    "key, value, expected",
    [
        ("name", "storefront", ["app.kubernetes.io/name=storefront"]),
        ("app", "postgress-14", ["app=postgres-14"]),
        ("app", "postgres-15", ["app=postgres-14"]),
        ("app", "postgres-14", []),
        ("app", "redis", []),
        ("zone", "eu", []),
    ],
    ids=["the same value", "a letter more", "another digit", "there as it is", "nothing like it", "another label"],
)
def test_the_nearest_label(key: str, value: str, expected: list[str]) -> None:
    assert near(key, value) == expected


def test_only_labels_of_the_namespaces_count() -> None:
    assert near("app", "postgress-14", "data") == ["app=postgres-14"]
    assert near("app", "postgress-14", "shop") == []
