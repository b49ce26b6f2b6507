"""Addresses of Services: what is left alone, what becomes the backends, and what is manual."""

from __future__ import annotations

from typing import Any

import pytest

from rewriter.finding import Applicability, Severity
from rewriter.inventory.facts.model import Node
from rewriter.passes.service_address import find
from tests.passes.support import SOURCE, Facts, cluster, run, service, workload

HERE = cluster("a", local=True, pod_cidrs=("10.0.0.0/16",), service_cidrs=("10.96.0.0/12",), meshed=False)
DB = service(
    "db",
    "prod",
    {"app": "db"},
    [(80, 8080)],
    cluster_ips=("10.96.0.7",),
    load_balancer_ips=("192.0.2.7",),
    type="LoadBalancer",
)
KNOWN = Facts(clusters=[HERE], services_=[DB])
BACKENDS = {"toEndpoints": [{"matchLabels": {"app": "db", "k8s:io.kubernetes.pod.namespace": "prod"}}]}


def policy(
    rules: list[dict[str, Any]], direction: str = "ingress", kind: str = "CiliumNetworkPolicy"
) -> dict[str, Any]:
    api, subject = "cilium.io/v2", "endpointSelector"
    if kind == "NetworkPolicy":
        api, subject = "networking.k8s.io/v1", "podSelector"
    metadata = {"name": "p", "namespace": "shop"}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": {subject: {}, direction: rules}}


def egress(*cidrs: str, ports: tuple[str, ...] = ()) -> dict[str, Any]:
    rule: dict[str, Any] = {"toCIDR": list(cidrs)}
    return rule | ({"toPorts": [{"ports": [{"port": port} for port in ports]}]} if ports else {})


@pytest.mark.parametrize("cidr", ["0.0.0.0/0", "192.0.2.8/32", "10.0.0.7/32", "192.0.2.0/24", "no address"])
def test_other_addresses_are_left_alone(cidr: str) -> None:
    assert run(find, policy([egress(cidr)], "egress"), KNOWN).findings == []


def test_addresses_of_another_cluster_are_outside() -> None:
    there = Facts(
        clusters=[HERE, cluster("b")], services_=[service("db", "prod", {"app": "db"}, [(80, 8080)], cluster="b")]
    )
    assert run(find, policy([egress("192.0.2.7/32")], "egress"), there).findings == []


def test_without_kube_proxy_replacement_load_balancer_addresses_stay_addresses_up_to_1_18() -> None:
    plain = Facts(clusters=[cluster("a", local=True, kube_proxy_replacement=False)], services_=[DB])
    rules = policy([egress("192.0.2.7/32")], "egress")
    assert run(find, rules, plain, from_version="1.17", to_version="1.18").findings == []
    assert run(find, rules, plain, from_version="1.18", to_version="1.19").only.applicability is Applicability.EVIDENT


@pytest.mark.parametrize("address", ["10.96.0.7/32", "192.0.2.7/32", "10.96.0.7"])
def test_an_address_becomes_the_backends_on_their_ports(address: str) -> None:
    made = run(find, policy([egress(address, ports=("80",))], "egress"), KNOWN)
    assert made.manifest["spec"]["egress"] == [BACKENDS | {"toPorts": [{"ports": [{"port": "8080"}]}]}]
    assert made.only.applicability is Applicability.EVIDENT


def test_other_entries_stay_where_they_are() -> None:
    made = run(find, policy([egress("192.0.2.7/32", "198.51.100.0/24")], "egress"), KNOWN)
    ports = [{"ports": [{"port": "8080", "protocol": "TCP"}]}]
    assert made.manifest["spec"]["egress"] == [{"toCIDR": ["198.51.100.0/24"]}, BACKENDS | {"toPorts": ports}]


def test_a_rule_for_the_backends_is_not_added_twice() -> None:
    made = run(find, policy([egress("192.0.2.7/32", "198.51.100.0/24"), BACKENDS], "egress"), KNOWN)
    assert made.manifest["spec"]["egress"] == [{"toCIDR": ["198.51.100.0/24"]}, BACKENDS]


def test_a_network_policy_names_the_backends_as_peers() -> None:
    block = {"ipBlock": {"cidr": "192.0.2.7/32"}}
    ports = [{"port": 80, "protocol": "TCP"}]
    made = run(find, policy([{"to": [block], "ports": ports}], "egress", kind="NetworkPolicy"), KNOWN)
    peer = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "prod"}},
        "podSelector": {"matchLabels": {"app": "db"}},
    }
    assert made.manifest["spec"]["egress"] == [{"to": [peer], "ports": [{"port": 8080, "protocol": "TCP"}]}]


def test_what_says_too_little_is_left_to_a_person() -> None:
    for rule in (egress("10.96.0.8/32"), egress("10.96.0.0/24"), egress("10.96.0.7/32", ports=("9999",))):
        only = run(find, policy([rule], "egress"), KNOWN).only
        assert (only.fix, only.applicability) == (None, Applicability.MANUAL)


def test_clients_never_come_from_a_cluster_ip() -> None:
    only = run(find, policy([{"fromCIDR": ["10.96.0.7/32"]}]), KNOWN).only
    assert (only.fix, only.severity) == (None, Severity.WARNING)
    assert "ClusterIPs" in only.message


def test_a_deny_rule_starts_to_deny() -> None:
    only = run(find, policy([egress("192.0.2.7/32")], "egressDeny"), KNOWN).only
    assert (only.applicability, only.severity) == (Applicability.UNSAFE, Severity.ERROR)
    assert only.opens == () and only.closes != ()


def test_clients_that_come_in_by_another_node() -> None:
    pods = workload("db", "shop", {"app": "db"})
    front = service("db", "shop", {"app": "db"}, [(80, 8080)], type="NodePort")
    rules = policy([{"fromCIDR": ["203.0.113.0/24"], "toPorts": [{"ports": [{"port": "8080"}]}]}])
    known = Facts(clusters=[HERE], services_=[front], workloads=[pods])
    assert run(find, rules, known).only.severity is Severity.NOTE
    with_nodes = policy([{"fromCIDR": ["203.0.113.0/24"]}, {"fromEntities": ["remote-node"]}])
    assert run(find, with_nodes, known).findings == []
    other_port = policy([{"fromCIDR": ["203.0.113.0/24"], "toPorts": [{"ports": [{"port": "9090"}]}]}])
    assert run(find, other_port, known).findings == []
    assert run(find, policy([{"fromCIDR": ["0.0.0.0/0"]}]), known).findings == []


def test_node_addresses_are_of_other_passes() -> None:
    known = Facts(clusters=[HERE], nodes_=[Node("w", None, {}, ("172.31.0.1",), (), SOURCE)])
    assert run(find, policy([egress("172.31.0.1/32")], "egress"), known).findings == []
