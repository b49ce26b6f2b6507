"""Peers that stand for others: what is left of their rule, and which rules come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jsonpatch
import pytest
import yaml

from rewriter.cilium.policy import read_policy
from rewriter.cilium.version import parse_version
from rewriter.evidence.context import Context
from rewriter.passes.kit.changes.change import Change
from rewriter.passes.kit.changes.swap import NewPeers, swapped
from tests.passes.support import CONFIG, Facts

A, B, C = ({"ipBlock": {"cidr": f"10.{number}.0.0/16"}} for number in range(3))
WEB, API = ({"podSelector": {"matchLabels": {"app": name}}} for name in ("web", "api"))
HTTP, ALT = [{"port": 80, "protocol": "TCP"}], [{"port": 8080, "protocol": "TCP"}]
CIDR, OTHER = "10.0.0.0/16", "10.1.0.0/16"
WEB_PODS = {"matchLabels": {"app": "web"}}


def swap(rules: str, gone: Sequence[int], news: Sequence[NewPeers], closes: str = "") -> tuple[list[Any], Change]:
    """The rules of a policy once entries of the first rule's first field are swapped, and the change."""
    listed = yaml.safe_load(rules)
    knp = "from" in listed[0]
    manifest = {
        "apiVersion": "networking.k8s.io/v1" if knp else "cilium.io/v2",
        "kind": "NetworkPolicy" if knp else "CiliumNetworkPolicy",
        "metadata": {"name": "p", "namespace": "shop"},
        "spec": {"podSelector" if knp else "endpointSelector": {}, "ingress" if knp else "egress": listed},
    }
    policy = read_policy(manifest)
    releases = parse_version("1.18"), parse_version("1.19")
    context = Context(policy, "policy.yaml", None, Facts(), CONFIG, *releases)
    rule = policy.specs[0].rules[0]
    change = swapped(context, policy.specs[0], rule, rule.peers[0], gone, news, closes=closes)
    after = jsonpatch.apply_patch(manifest, list(change.operations))
    return after["spec"]["ingress" if knp else "egress"], change


@pytest.mark.parametrize(
    "gone, news, peers",
    [
        ([0], [NewPeers("from", [WEB], "web")], [WEB, B, C]),
        ([1], [NewPeers("from", [WEB, API], "pods")], [A, WEB, API, C]),
        ([0, 2], [NewPeers("from", [WEB], "web")], [WEB, B]),
        ([0, 1, 2], [NewPeers("from", [WEB, API], "pods")], [WEB, API]),
    ],
)
def test_peers_of_a_network_policy_change_in_their_list(
    gone: list[int], news: list[NewPeers], peers: list[Any]
) -> None:
    rules, _ = swap(yaml.dump([{"from": [A, B, C], "ports": HTTP}]), gone, news)
    assert rules == [{"from": peers, "ports": HTTP}]


def test_a_network_policys_rule_takes_new_ports_where_no_peer_is_left() -> None:
    rules, _ = swap(yaml.dump([{"from": [A], "ports": HTTP}]), [0], [NewPeers("from", [WEB], "web", ALT)])
    assert rules == [{"from": [WEB], "ports": ALT}]


def test_peers_with_other_ports_get_a_rule_of_their_own_where_some_are_left() -> None:
    rules, _ = swap(yaml.dump([{"from": [A, B], "ports": HTTP}]), [0], [NewPeers("from", [WEB], "web", ALT)])
    assert rules == [{"from": [B], "ports": HTTP}, {"from": [WEB], "ports": ALT}]


@pytest.mark.parametrize(
    "entries, gone, expected",
    [
        ([CIDR, OTHER], [0], [{"toCIDR": [OTHER]}, {"toEndpoints": [WEB_PODS]}]),
        ([CIDR], [0], [{"toEndpoints": [WEB_PODS]}]),
    ],
    ids=["some are left", "none is left"],
)
def test_peers_of_another_kind_get_a_rule(entries: list[str], gone: list[int], expected: list[Any]) -> None:
    news = [NewPeers("toEndpoints", [WEB_PODS], "pods web")]
    rules, change = swap(yaml.dump([{"toCIDR": entries}]), gone, news, closes="what the address was")
    assert rules == expected
    assert ["pods web" in flow.words for flow in change.opens] == [True]
    assert ["what the address was" in flow.words for flow in change.closes] == [True]


def test_ports_of_the_new_rule() -> None:
    ports = [{"ports": [{"port": "80"}]}]
    news = [NewPeers("toEndpoints", [WEB_PODS], "pods web", ())]
    rules, change = swap(yaml.dump([{"toCIDR": [CIDR], "toPorts": ports}]), [0], news)
    assert rules == [{"toEndpoints": [WEB_PODS]}]
    assert not change.closes


def test_a_rule_goes_where_another_says_what_its_peers_stand_for() -> None:
    there = {"toEndpoints": [WEB_PODS]}
    rules, change = swap(yaml.dump([{"toCIDR": [CIDR]}, there]), [0], [NewPeers("toEndpoints", [WEB_PODS], "web")])
    assert rules == [there]
    assert not change.opens
