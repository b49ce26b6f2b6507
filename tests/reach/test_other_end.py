"""Flows that the policies of their other end let through, by port names too, and those that they refuse."""

from __future__ import annotations

from typing import Any

import pytest

from rewriter.cilium.identity import Identity, NamedPort
from rewriter.cilium.labels import pod_labels
from rewriter.cilium.settings import EnforcementMode, Settings
from rewriter.cilium.version import Version
from rewriter.reach.compare import reach
from rewriter.reach.difference import FlowStatement
from rewriter.reach.world import policy_world
from tests.reach.policies import cnp, tcp

LATER = Settings(Version(1, 19), local_cluster="a")
DB = {"matchLabels": {"app": "db"}}


def opened(
    *at_db: dict[str, Any],
    port: str = "",
    settings: Settings = LATER,
    identities: tuple[Identity, ...] = (),
    clusters: tuple[str, ...] = ("a",),
) -> tuple[FlowStatement, ...]:
    """What egress to the pods of the database opens, whose own policies are these."""
    before, after = (
        policy_world([cnp(egress=[rule])], settings)
        for rule in ({}, {"toEndpoints": [DB], **({"toPorts": tcp(port)} if port else {})})
    )
    there = policy_world([cnp(endpointSelector=DB, **spec) for spec in at_db], settings)
    return reach(before, after, identities, clusters=clusters, ends=(there, there)).opened


def lets_in(*ports: str, deny: bool = False, protocol: str = "TCP") -> dict[str, Any]:
    listed = [{"port": port, "protocol": protocol} for port in ports]
    return {"ingressDeny" if deny else "ingress": [{"fromEndpoints": [{}], "toPorts": [{"ports": listed}]}]}


@pytest.mark.parametrize(
    ("port", "at_db", "passes"),
    [
        pytest.param("http", [lets_in("8080")], True, id="a name may be any number that is let in"),
        pytest.param("8080", [lets_in("http")], True, id="a number may be what is let in by name"),
        pytest.param("http", [lets_in("8080", protocol="UDP")], False, id="a name of another protocol"),
        pytest.param("8080", [lets_in("http", protocol="UDP")], False, id="a number of another protocol"),
        pytest.param("8080", [lets_in("9090")], False, id="another number"),
        pytest.param("http", [lets_in("8080"), lets_in("http", deny=True)], False, id="a name that is denied"),
    ],
)
def test_a_port_name_that_no_pod_is_known_to_have(port: str, at_db: list[dict[str, Any]], passes: bool) -> None:
    assert bool(opened(*at_db, port=port)) is passes


def test_the_policies_of_the_other_end_count_as_they_are_when_the_flow_passes() -> None:
    shut = policy_world([cnp(endpointSelector=DB, ingress=[{}])], LATER)
    free = policy_world([cnp(endpointSelector=DB, ingress=[{"fromEndpoints": [{}]}])], LATER)
    without = policy_world([cnp(egress=[{}])], LATER)
    with_rule = policy_world([cnp(egress=[{"toEndpoints": [DB]}])], LATER)
    assert reach(without, with_rule, clusters=("a",), ends=(shut, free)).opened
    assert not reach(without, with_rule, clusters=("a",), ends=(free, shut)).opened
    assert reach(with_rule, without, clusters=("a",), ends=(free, shut)).closed
    assert not reach(with_rule, without, clusters=("a",), ends=(shut, free)).closed


def test_a_port_name_is_the_number_that_each_pod_gives_it() -> None:
    def pod(tier: str, number: int) -> Identity:
        labels = pod_labels(cluster="a", namespace="shop", labels={"app": "db", "tier": tier})
        return Identity(tier, labels, named_ports=(NamedPort("http", number),))

    found = opened(lets_in("http"), port="9000", identities=(pod("one", 8080), pod("two", 9000)))
    assert [each.peer_workloads for each in found] == [("two",)]


def test_a_pod_in_default_deny_without_a_policy_lets_only_its_node_in() -> None:
    always = Settings(Version(1, 19), local_cluster="a", enforcement=EnforcementMode.ALWAYS)
    assert opened(settings=LATER)
    assert not opened(settings=always)
    assert opened(lets_in("8080"), settings=always)


def test_pods_of_other_clusters_have_no_policies_here() -> None:
    (found,) = opened(lets_in("9090"), port="8080", clusters=())
    assert found.peers == ("pods with app=db of namespace shop in other clusters",)


@pytest.mark.parametrize(("single", "found"), [(True, False), (False, True)])
def test_where_every_pod_of_the_only_cluster_is_shut_there_are_no_others(single: bool, found: bool) -> None:
    shut = Settings(Version(1, 19), local_cluster="a", enforcement=EnforcementMode.ALWAYS, single_cluster=single)
    assert bool(opened(lets_in("9090"), port="8080", settings=shut, clusters=())) is found
