"""What changes between workloads of a mesh, against the verdict engine asked flow by flow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rewriter.cilium.cidr import parse_prefix
from rewriter.cilium.identity import Identity, reserved_identity
from rewriter.cilium.settings import EnforcementMode, Settings
from rewriter.cilium.verdict import Engine
from rewriter.cilium.version import Version
from rewriter.reach.compare import reach
from rewriter.reach.pairs import Member, MeshDifference, compare_mesh
from rewriter.reach.world import policy_world
from tests.reach.policies import cnp, pod, policies, tcp

PODS = [
    pod(namespace, app, cluster, **labels)
    for cluster in ("a", "b")
    for namespace, app, labels in (("shop", "web", {}), ("shop", "db", {"tier": "back"}), ("prod", "db", {}))
]
PORTS = (("TCP", 80), ("TCP", 8080), ("UDP", 500), ("SCTP", 9))
WEB, CART = pod("shop", "web", "b"), pod("shop", "cart")


def of_cluster(name: str, minor: int) -> Settings:
    return Settings(Version(1, minor), local_cluster=name, default_local_cluster=minor >= 19)


def member(name: str, before: list[dict[str, Any]], after: list[dict[str, Any]]) -> Member:
    return Member(policy_world(before, of_cluster(name, 18)), policy_world(after, of_cluster(name, 19)))


def said(found: MeshDifference, change: str, source: str, destination: str, protocol: str, port: int) -> bool:
    return any(
        pair.change == change
        and source in pair.sources
        and destination in pair.destinations
        and (
            not pair.port_ranges
            or any((r.protocol, r.name) == (protocol, "") and r.low <= port <= r.high for r in pair.port_ranges)
        )
        for pair in found.pairs
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(policies(), max_size=2), min_size=4, max_size=4))
def test_agrees_with_verdicts(sets: list[list[dict[str, Any]]]) -> None:
    members = {"a": member("a", sets[0], sets[1]), "b": member("b", sets[2], sets[3])}
    found = compare_mesh(list(members.values()), PODS)
    engines = {
        (name, when): Engine(getattr(each, when).sets[0], PODS)
        for name, each in members.items()
        for when in ("before", "after")
    }

    def passes(source: str, destination: str, protocol: str, port: int, when: str) -> bool:
        outgoing = engines[source[0], when].verdict(source, destination, protocol, port).egress
        incoming = engines[destination[0], when].verdict(source, destination, protocol, port).ingress
        return outgoing.allowed and incoming.allowed

    for source in (each.name for each in PODS):
        for destination in (each.name for each in PODS):
            for protocol, port in PORTS:
                old, new = (passes(source, destination, protocol, port, when) for when in ("before", "after"))
                assert said(found, "opened", source, destination, protocol, port) == (new and not old)
                assert said(found, "closed", source, destination, protocol, port) == (old and not new)


def test_where_every_pod_is_in_default_deny_both_ends_need_a_rule() -> None:
    settings = replace(of_cluster("a", 18), enforcement=EnforcementMode.ALWAYS)
    out = cnp(egress=[{"toEndpoints": [{}]}])
    into = cnp(endpointSelector={"matchLabels": {"app": "cart"}}, ingress=[{"fromEndpoints": [{}]}])

    def opened(*manifests: dict[str, Any]) -> list[str]:
        both = Member(policy_world([], settings), policy_world(manifests, settings))
        found = compare_mesh([both], [pod("shop", "web"), CART])
        return [name for pair in found.pairs if pair.change == "opened" for name in pair.destinations]

    assert opened(out) == []
    assert opened(out, into) == [CART.name]


def test_each_direction_is_judged_in_its_own_cluster() -> None:
    inward = cnp(
        endpointSelector={"matchLabels": {"app": "cart"}}, ingress=[{"fromEndpoints": [{}], "toPorts": tcp("80")}]
    )
    found = compare_mesh([member("a", [inward], [inward]), member("b", [], [])], [WEB, CART])
    assert [(p.change, p.sources, p.destinations, p.ports) for p in found.pairs] == [
        ("closed", ("b/shop/web",), ("a/shop/cart",), "80/TCP")
    ]
    shut = cnp(endpointSelector={"matchLabels": {"app": "web"}}, egress=[{}])
    found = compare_mesh([member("a", [inward], [inward]), member("b", [shut], [shut])], [WEB, CART])
    assert found.pairs == ()


def test_workloads_that_lose_their_last_policy() -> None:
    policy = cnp(ingress=[{}])
    found = compare_mesh([member("a", [policy], []), member("b", [], [])], PODS)
    assert found.released == ("a/shop/web",)


def test_equal_workloads_are_named_each() -> None:
    twins = [Identity(name, CART.labels) for name in ("a/shop/cart", "a/shop/cart-canary")]
    policy = cnp(endpointSelector={"matchLabels": {"app": "cart"}}, ingress=[{"fromEndpoints": [{}]}])
    found = compare_mesh([member("a", [policy], [policy]), member("b", [], [])], [WEB, *twins])
    assert found.pairs[0].destinations == ("a/shop/cart", "a/shop/cart-canary")
    assert found.pairs[0].count == 2


def test_a_flow_that_changes_at_both_ends_stands_once() -> None:
    """Egress opens on both ports, ingress on one of them: the other was open there before."""

    def of_a_release(ports: list[str], within: list[str]) -> list[dict[str, Any]]:
        web, cart = ({"matchLabels": {"app": name}} for name in ("web", "cart"))
        out = [{"toEndpoints": [cart], "toPorts": tcp(*ports)}] if ports else [{}]
        return [
            cnp(endpointSelector=web, egress=out),
            cnp(endpointSelector=cart, ingress=[{"fromEndpoints": [web], "toPorts": tcp(*within)}]),
        ]

    shut, wide = of_a_release([], ["8080"]), of_a_release(["80", "8080"], ["80", "8080"])
    ends = (("a/shop/web",), ("a/shop/cart",))
    for before, after, change in ((shut, wide, "opened"), (wide, shut, "closed")):
        found = compare_mesh([member("a", before, after)], [pod("shop", "web"), CART])
        assert sorted((pair.change, pair.sources, pair.destinations, pair.ports) for pair in found.pairs) == [
            (change, *ends, "80/TCP"),
            (change, *ends, "8080/TCP"),
        ]


def test_ports_that_both_ends_list_apart() -> None:
    """The egress side is open on 80 to 84 and from 101 on, the ingress side opens on 80 and 9001."""
    web, cart = ({"matchLabels": {"app": name}} for name in ("web", "cart"))
    out = [{"port": "80", "endPort": 84, "protocol": "TCP"}, {"port": "101", "endPort": 9001, "protocol": "TCP"}]
    egress = cnp(endpointSelector=web, egress=[{"toEndpoints": [cart], "toPorts": [{"ports": out}]}])
    shut, lets = (
        cnp(endpointSelector=cart, ingress=[rule])
        for rule in ({}, {"fromEndpoints": [web], "toPorts": tcp("80", "9001")})
    )
    found = compare_mesh([member("a", [egress, shut], [egress, lets])], [pod("shop", "web"), CART])
    assert [pair.ports for pair in found.pairs] == ["80/TCP, 9001/TCP"]


def test_pods_by_address_where_the_cluster_matches_them_so() -> None:
    web = pod("shop", "web")._replace(addresses=(parse_prefix("10.0.0.7/32"),))
    shut, lets = (
        cnp(endpointSelector={"matchLabels": {"app": "cart"}}, ingress=[rule])
        for rule in ({}, {"fromCIDR": ["10.0.0.0/8"]})
    )
    for matches in (False, True):
        read = Settings(Version(1, 20), local_cluster="a", cidr_match_pods=matches)
        before, after = policy_world([shut], read), policy_world([lets], read)
        assert [pair.sources for pair in compare_mesh([Member(before, after)], [web, CART]).pairs] == [
            ("a/shop/web",)
        ] * matches
        peers = [name for found in reach(before, after, [web]).opened for name in found.peer_workloads]
        assert peers == ["a/shop/web"] * matches


def test_pods_by_address_once_the_cluster_matches_them_so_beside_a_port_name() -> None:
    db = pod("shop", "db")._replace(addresses=(parse_prefix("10.0.0.7/32"),))
    policy = cnp(egress=[{"toCIDR": ["10.0.0.0/8"], "toPorts": tcp("http")}])
    before, after = (
        policy_world([policy], Settings(Version(1, 20), local_cluster="a", cidr_match_pods=matches))
        for matches in (False, True)
    )
    assert [(each.peer_workloads, each.ports) for each in reach(before, after, [db]).opened] == [
        (("a/shop/db",), "8080/TCP")
    ]


def test_nodes_by_address_where_the_cluster_matches_them_so() -> None:
    node = reserved_identity("remote-node")._replace(addresses=(parse_prefix("10.0.0.1/32"),))
    for matches in (False, True):
        read = Settings(Version(1, 19), local_cluster="a", cidr_match_nodes=matches)
        shut, lets = (policy_world([cnp(ingress=[rule])], read) for rule in ({}, {"fromCIDR": ["10.0.0.0/8"]}))
        peers = [name for found in reach(shut, lets, [node]).opened for name in found.peer_workloads]
        assert peers == ["remote-node"] * matches
