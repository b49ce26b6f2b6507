"""The nodes of a policy as types: each with its route, and what is malformed as a node of its own."""

from __future__ import annotations

from typing import Any

import pytest

from rewriter.cilium.nodes import (
    CidrRule,
    CloudGroup,
    DefaultDeny,
    FqdnSelector,
    L7Rules,
    Malformed,
    NetworkPolicyPeer,
    PortProtocol,
    PortRule,
    ServiceReference,
    Text,
)
from rewriter.cilium.policy import PEER_FIELDS, Policy, Rule, Spec, read_policy
from rewriter.cilium.selector import Selector

#: A value of each type that YAML has.
ANYTHING: list[Any] = [None, True, 7, 1.5, "text", [], [None], ["text"], [[]], {}, {"key": "value"}, {"key": None}]


def policy(spec: Any, kind: str = "CiliumNetworkPolicy", api: str = "cilium.io/v2") -> Policy:
    return read_policy({"apiVersion": api, "kind": kind, "metadata": {"name": "p"}, "spec": spec})


def rule(**members: Any) -> Rule:
    return policy({"endpointSelector": {}, "egress": [members]}).specs[0].rules[0]


def spec(**members: Any) -> Spec:
    return policy({"endpointSelector": {}, **members}).specs[0]


def peers(field: str, *entries: Any) -> list[Any]:
    found = rule(**{field: list(entries)}).peer(field)
    assert found is not None
    return list(found.decoded())


def test_ports_and_their_l7_rules_have_routes() -> None:
    item = {"ports": [{"port": "80", "protocol": "tcp", "endPort": 90}], "rules": {"dns": [{"matchPattern": "*"}]}}
    (found,) = rule(toPorts=[item]).port_rules
    assert isinstance(found, PortRule)
    assert (found.route, found.index) == ("/spec/egress/0/toPorts/0", 0)
    (port,) = found.ports
    assert isinstance(port, PortProtocol)
    assert (port.route, port.port, port.protocol, port.end) == ("/spec/egress/0/toPorts/0/ports/0", "80", "TCP", 90)
    assert isinstance(found.rules, L7Rules)
    (name,) = found.rules.dns
    assert isinstance(name, FqdnSelector)
    assert (name.route, name.name, name.pattern) == ("/spec/egress/0/toPorts/0/rules/dns/0", "", "*")


def test_the_ports_of_a_network_policy_are_one_item() -> None:
    read = policy(
        {"podSelector": {}, "ingress": [{"ports": [{"port": 80}, {"port": "web"}]}]},
        "NetworkPolicy",
        "networking.k8s.io/v1",
    )
    (item,) = read.specs[0].rules[0].port_rules
    assert isinstance(item, PortRule)
    assert [port.route for port in item.ports] == ["/spec/ingress/0/ports/0", "/spec/ingress/0/ports/1"]
    assert [port.port for port in item.ports if isinstance(port, PortProtocol)] == ["80", "web"]


@pytest.mark.parametrize(
    "field, entry, kind",
    [
        ("toEndpoints", {"matchLabels": {"app": "web"}}, Selector),
        ("toEntities", "world", Text),
        ("toCIDR", "10.0.0.0/8", Text),
        ("toCIDRSet", {"cidr": "10.0.0.0/8"}, CidrRule),
        ("toFQDNs", {"matchName": "example.org"}, FqdnSelector),
        ("toServices", {"k8sService": {"serviceName": "web", "namespace": "shop"}}, ServiceReference),
        ("toGroups", {"aws": {}}, CloudGroup),
    ],
)
def test_an_entry_is_of_the_type_that_its_field_holds(field: str, entry: Any, kind: type[Any]) -> None:
    (found,) = peers(field, entry)
    assert type(found) is kind
    assert found.route == f"/spec/egress/0/{field}/0"


@pytest.mark.parametrize(
    "field, entry",
    [
        ("toEndpoints", "app=web"),
        ("toEndpoints", {"matchLabels": ["app"]}),
        ("toEntities", {"world": True}),
        ("toCIDR", 10),
        ("toCIDRSet", "10.0.0.0/8"),
        ("toFQDNs", "example.org"),
        ("toServices", ["web"]),
    ],
)
def test_an_entry_of_another_type_is_malformed_where_it_stands(field: str, entry: Any) -> None:
    assert peers(field, entry) == [Malformed(f"/spec/egress/0/{field}/0", entry)]


def test_parts_of_a_network_policy_peer() -> None:
    entry = {"podSelector": {"matchLabels": {"app": "web"}}, "namespaceSelector": "shop", "ipBlock": {"cidr": "::/0"}}
    read = policy({"podSelector": {}, "egress": [{"to": [entry]}]}, "NetworkPolicy", "networking.k8s.io/v1")
    (peer,) = read.specs[0].rules[0].peers[0].decoded()
    assert isinstance(peer, NetworkPolicyPeer)
    assert isinstance(peer.pods, Selector) and isinstance(peer.block, CidrRule) and peer.block.cidr == "::/0"
    assert peer.namespaces == Malformed("/spec/egress/0/to/0/namespaceSelector", "shop")


def test_default_deny() -> None:
    read = spec(enableDefaultDeny={"ingress": False, "egress": True}).default_deny
    assert read == DefaultDeny("/spec/enableDefaultDeny", ("ingress", "egress"), ("egress",))
    assert spec().default_deny is None
    assert spec(enableDefaultDeny=True).default_deny == Malformed("/spec/enableDefaultDeny", True)


@pytest.mark.parametrize("value", ANYTHING, ids=repr)
def test_no_value_in_any_place_is_a_failure(value: Any) -> None:
    fields = [name for names in PEER_FIELDS.values() for name in names]
    for members in (
        {"toPorts": value},
        {"toPorts": [value]},
        {"toPorts": [{"ports": value, "rules": value}]},
        {"toPorts": [{"ports": [value], "rules": {"http": value, "dns": value}}]},
        {"toPorts": [{"ports": [{"port": value, "endPort": value, "protocol": value}], "rules": {"dns": [value]}}]},
        {"authentication": value, "icmps": value},
        *({name: value} for name in fields),
        *({name: [value]} for name in fields),
    ):
        read = rule(**members)
        assert isinstance(read.port_rules, tuple) and isinstance(read.l7_rules, tuple)
        assert isinstance(read.authentication, str) and isinstance(read.has_icmps, bool)
        for field in read.peers:
            assert len(list(field.decoded())) == len(field.entries)
    assert isinstance(spec(enableDefaultDeny=value).default_deny, DefaultDeny | Malformed | None)
