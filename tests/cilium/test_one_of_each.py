"""Values that are equal are one object, and rules that two releases read alike are one entry."""

from __future__ import annotations

from typing import Any

from rewriter.cilium.compile import compile_policy
from rewriter.cilium.one_of_each import OneOfEach
from rewriter.cilium.policy import read_policy
from rewriter.cilium.settings import Settings
from rewriter.cilium.version import parse_version

TODAY = Settings(parse_version("1.18"), local_cluster="a")
LATER = Settings(parse_version("1.19"), local_cluster="a", default_local_cluster=True)


def _network_policy(name: str, *peers: dict[str, Any]) -> dict[str, Any]:
    rules = [{"from": [peer], "ports": [{"port": 8080}]} for peer in peers]
    spec = {"podSelector": {"matchLabels": {"app": "web"}}, "ingress": rules}
    metadata = {"name": name, "namespace": "shop"}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def test_the_first_of_equal_values_stands_for_all() -> None:
    known: OneOfEach[tuple[str, ...]] = OneOfEach(most=2)
    first = tuple("ab")
    assert known.of(first) is first
    assert known.of(tuple("ab")) is first
    assert known.of(tuple("cd")) == ("c", "d")
    assert known.of(tuple("ef")) == ("e", "f")  # More than are remembered.
    assert known.of(again := tuple("ab")) is again


def test_equal_selectors_and_ports_of_policies_are_one_object() -> None:
    pods = {"podSelector": {"matchLabels": {"app": "db"}}}
    entries = [compile_policy(read_policy(_network_policy(name, pods)), TODAY)[0] for name in ("one", "other")]
    assert entries[0].subject is entries[1].subject
    assert entries[0].peers[0] is entries[1].peers[0]
    assert entries[0].ports is entries[1].ports


def test_a_rule_that_two_releases_read_alike_is_one_entry() -> None:
    pods = {"podSelector": {"matchLabels": {"app": "db"}}}
    addresses = {"ipBlock": {"cidr": "192.0.2.0/24"}}
    policy = read_policy(_network_policy("x", addresses, pods, addresses))
    today, later = compile_policy(policy, TODAY), compile_policy(policy, LATER)
    assert [one is other for one, other in zip(today, later, strict=True)] == [True, False, True]
    assert [entry.route for entry in later] == ["/spec/ingress/0", "/spec/ingress/1", "/spec/ingress/2"]
