from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from rewriter.config.model import Config, ImplicitClusterOptions, InternalCidrOptions
from rewriter.finding import Applicability, Severity
from rewriter.inventory.facts.datapath import Datapath
from rewriter.inventory.facts.model import Node, ServicePort, Source
from rewriter.passes import implicit_cluster
from rewriter.passes.internal_cidr import find
from tests.passes.support import SOURCE, Facts, Run, cluster, endpoint_slice, run, service, words

A = cluster("a", local=True, pod_cidrs=("10.0.0.0/16",), node_cidrs=("10.10.0.0/24",), service_cidrs=("10.96.0.0/12",))
B = cluster("b", pod_cidrs=("10.1.0.0/16",), node_cidrs=("10.10.1.0/24",))
C = cluster("c", pod_cidrs=("172.20.0.0/16",))
ALONE, MESH, THREE = Facts(clusters=[A]), Facts(clusters=[A, B]), Facts(clusters=[A, B, C])

INTERNAL = Config(root=Path(), internal_cidrs=("10.0.0.0/8",))
NAMESPACE = {"key": "k8s:io.kubernetes.pod.namespace", "operator": "Exists"}
CLUSTER = {"fromEntities": ["cluster"]}


def of(*names: str) -> dict[str, Any]:
    in_clusters = {"key": "io.cilium.k8s.policy.cluster", "operator": "In", "values": list(names)}
    return {"fromEndpoints": [{"matchExpressions": [NAMESPACE, in_clusters]}]}


ANY_POD = {"fromEndpoints": [{"matchExpressions": [NAMESPACE]}]}


def policy(rules: Any, direction: str = "ingress", kind: str = "CiliumNetworkPolicy") -> dict[str, Any]:
    rules = yaml.safe_load(rules) if isinstance(rules, str) else rules
    knp = kind == "NetworkPolicy"
    return {
        "apiVersion": "networking.k8s.io/v1" if knp else "cilium.io/v2",
        "kind": kind,
        "metadata": {"name": "p"} if kind.startswith("CiliumCl") else {"name": "p", "namespace": "shop"},
        "spec": {"podSelector" if knp else "endpointSelector": {}, direction: rules},
    }


def rewritten(rules: Any, inventory: Facts = ALONE, config: Config = INTERNAL, direction: str = "ingress") -> Any:
    return run(find, policy(rules, direction), inventory, config=config).manifest["spec"][direction]


def ingress(*cidrs: str) -> list[dict[str, Any]]:
    return [{"fromCIDR": list(cidrs)}]


@pytest.mark.parametrize(
    "rules",
    [
        "[{fromCIDR: [203.0.113.0/24]}]",
        "[{fromCIDR: [192.168.0.0/16]}]",
        "[{fromCIDR: [0.0.0.0/0]}]",
        "[{fromCIDR: ['::/0']}]",
        "[{fromCIDR: [0.0.0.0/1, 128.0.0.0/1]}]",
        "[{fromCIDRSet: [{cidr: 0.0.0.0/0, except: [10.0.0.0/8, 192.168.0.0/16]}]}]",
        "[{fromCIDRSet: [{cidr: 0.0.0.0/0, except: [10.0.0.0/16]}]}]",
        "[{fromCIDRSet: [{cidr: 10.0.0.0/8, except: [10.0.0.0/16, 10.10.0.0/24, 10.96.0.0/12]}]}]",
        "[{fromCIDRSet: [{cidr: 10.0.0.0/16, except: [10.0.0.0/8]}]}]",
        "[{fromCIDRSet: [{cidrGroupRef: x}, {cidrGroupSelector: {matchLabels: {a: b}}}]}]",
        "[{fromCIDR: []}]",
        "[{fromCIDR: [10.0.0.0/8], fromEntities: []}]",
        "[{fromCIDR: [10.0.0.0/08, 10.0.0.0/255.0.0.0, 7, null, {}, text]}]",
        "[{fromCIDRSet: [10.0.0.0/8, {cidr: 10.0.0.1}, {cidr: 5}, {cidr: 10.0.0.0/8, except: [x]}]}]",
        "[{fromEntities: [cluster]}]",
        "[{}]",
        "[null]",
    ],
)
def test_nothing_to_say(rules: str) -> None:
    assert run(find, policy(rules), ALONE, config=INTERNAL).findings == []


def test_an_exception_that_leaves_nothing_is_no_range_of_pods() -> None:
    rules = "[{fromCIDRSet: [{cidr: 10.0.0.0/16, except: [10.0.0.0/8]}]}]"
    for facts in (Facts(), Facts(clusters=[cluster("a", local=True)])):
        assert run(find, policy(rules), facts).findings == []


def test_the_article() -> None:
    result = run(find, policy(ingress("10.0.0.0/8", "203.0.113.0/24")), MESH, config=INTERNAL)
    assert result.manifest["spec"]["ingress"] == [{"fromCIDR": ["203.0.113.0/24"]}, CLUSTER, of("b")]
    only = result.only
    assert only.applicability is Applicability.EVIDENT
    assert only.message == "`fromCIDR` 10.0.0.0/8 allows no pod of a and b: no CIDR matches them"
    assert only.evidence[0] == "a, facts.yaml:1: pods 10.0.0.0/16, nodes 10.10.0.0/24, Services 10.96.0.0/12"
    assert any("health" in text for text in words(only.opens))
    assert only.route == "/spec/ingress/0/fromCIDR/0"


@pytest.mark.parametrize(
    ("clusters", "cidrs", "expected"),
    [
        # Pods and nodes: the entity. Nodes elsewhere, or unknown: the pods only.
        ([A], ["10.0.0.0/8"], [CLUSTER]),
        ([A], ["10.0.0.0/16"], [ANY_POD]),
        ([cluster("a", local=True, pod_cidrs=("10.0.0.0/16",))], ["10.0.0.0/8"], [ANY_POD]),
        (
            [cluster("a", local=True, pod_cidrs=("10.0.0.0/16",), node_cidrs=("172.16.0.0/24",))],
            ["10.0.0.0/8"],
            [ANY_POD],
        ),
        ([A], ["10.0.0.0/16", "10.10.0.0/24"], [CLUSTER]),
        # In a mesh the pods of the local cluster are named by its label.
        ([A, B], ["10.0.0.0/16"], [of("a")]),
        ([A, B], ["10.1.0.0/16"], [of("b")]),
        ([A, B], ["10.0.0.0/15"], [of("a", "b")]),
        ([A, B, C], ["10.0.0.0/8", "172.16.0.0/12"], [{"fromCIDR": ["172.16.0.0/12"]}, CLUSTER, of("b", "c")]),
        ([A, B, C], ["10.0.0.0/8", "172.20.0.0/16"], [CLUSTER, of("b", "c")]),
        # Clusters that nobody knows the ranges of, or that are not meshed, are not let in.
        ([A, cluster("b")], ["10.0.0.0/8"], [CLUSTER]),
        (
            [A, cluster("b", pod_cidrs=("10.1.0.0/16",), meshed=False)],
            ["10.0.0.0/8"],
            [ingress("10.0.0.0/8")[0], CLUSTER],
        ),
        # Nodes only.
        ([A], ["10.10.0.0/24"], [{"fromEntities": ["host", "remote-node"]}]),
        # Two pod ranges have to be covered both, by whatever entries.
        (
            [cluster("a", local=True, pod_cidrs=("10.0.0.0/16", "10.2.0.0/16"))],
            ["10.0.0.0/16", "10.2.0.0/16"],
            [ANY_POD],
        ),
        # One address family is enough: a pod has one of each.
        (
            [cluster("a", local=True, pod_cidrs=("10.0.0.0/16", "fd00:10::/48"), node_cidrs=("fd00:11::/64",))],
            ["fd00::/8"],
            [{"fromCIDR": ["fd00::/8"]}, CLUSTER],
        ),
    ],
)
def test_what_ranges_become(clusters: list[Any], cidrs: list[str], expected: list[Any]) -> None:
    assert rewritten(ingress(*cidrs), Facts(clusters=clusters)) == expected


@pytest.mark.parametrize(
    ("cidr", "config", "stays"),
    [
        ("10.0.0.0/8", Config(root=Path()), True),
        ("10.0.0.0/8", INTERNAL, False),
        ("10.0.0.0/16", Config(root=Path()), False),
        ("10.0.0.0/15", Config(root=Path()), True),
        ("10.0.0.0/8", Config(root=Path(), internal_cidrs=("10.0.0.0/9", "10.128.0.0/9")), False),
        ("10.0.0.0/8", Config(root=Path(), internal_cidrs=("10.0.0.0/9",)), True),
    ],
)
def test_a_range_stays_where_it_may_hold_other_machines(cidr: str, config: Config, stays: bool) -> None:
    after = rewritten(ingress(cidr), ALONE, config)
    assert ({"fromCIDR": [cidr]} in after) is stays
    assert len(after) == 1 + stays


@pytest.mark.parametrize(
    ("local", "cidr", "expected"),
    [
        ("cluster", "10.0.0.0/16", CLUSTER),
        ("pods", "10.0.0.0/8", ANY_POD),
        (None, "10.0.0.0/8", CLUSTER),
    ],
)
def test_the_config_decides_on_the_form(local: str | None, cidr: str, expected: dict[str, Any]) -> None:
    config = Config(root=Path(), internal_cidrs=("10.0.0.0/8",), internal_cidr=InternalCidrOptions(local))
    assert rewritten(ingress(cidr), ALONE, config) == [expected]


def test_exceptions_count() -> None:
    def entry(*exceptions: str) -> list[dict[str, Any]]:
        return [{"fromCIDRSet": [{"cidr": "10.0.0.0/8", "except": list(exceptions)}]}]

    assert rewritten(entry("10.96.0.0/12"), MESH) == [CLUSTER, of("b")]
    assert rewritten(entry("10.1.0.0/16"), MESH) == [CLUSTER]
    assert rewritten(entry("10.10.0.0/24"), ALONE) == [ANY_POD]
    carved = run(find, policy(entry("10.0.5.0/24")), ALONE, config=INTERNAL).only
    assert carved.fix is None
    assert "a part of the pods of a" in carved.message


def test_an_exception_inside_a_pod_range_shows_that_pods_were_meant() -> None:
    rules = [{"fromCIDRSet": [{"cidr": "0.0.0.0/0", "except": ["10.0.5.0/24"]}]}]
    only = run(find, policy(rules), ALONE).only
    assert only.fix is None
    assert "the exception lies inside a pod range" in only.message


@pytest.mark.parametrize("cidr", ["10.0.3.0/24", "10.0.0.7/32", "10.0.0.7"])
def test_a_part_of_a_pod_range_is_left_to_a_person(cidr: str) -> None:
    inventory = Facts(
        clusters=[A],
        services_=[service("db", "prod", {"app": "db"})],
        slices=[endpoint_slice("db", "prod", ["10.0.0.7", "10.0.3.9"])],
    )
    only = run(find, policy(ingress(cidr)), inventory).only
    assert only.applicability is Applicability.MANUAL
    assert only.fix is None
    assert "Service prod/db, facts.yaml:1" in only.advice


def test_an_entry_that_holds_all_of_one_cluster_and_a_part_of_another_stays() -> None:
    wide = cluster("b", pod_cidrs=("10.1.0.0/16", "10.2.0.0/16"))
    result = run(find, policy(ingress("10.0.0.0/15")), Facts(clusters=[A, wide]), config=INTERNAL)
    assert result.manifest["spec"]["ingress"] == [{"fromCIDR": ["10.0.0.0/15"]}, of("a")]
    assert sorted(f.applicability for f in result.findings) == [Applicability.EVIDENT, Applicability.MANUAL]


def test_nodes() -> None:
    part = run(find, policy(ingress("10.10.0.7/32")), ALONE).only
    assert part.fix is None
    assert "nodes of a" in part.message
    matched = cluster("a", local=True, pod_cidrs=("10.0.0.0/16",), node_cidrs=("10.10.0.0/24",), cidr_match_nodes=True)
    assert run(find, policy(ingress("10.10.0.0/24", "10.10.0.7/32")), Facts(clusters=[matched])).findings == []
    # Nodes that a CIDR does match are not taken away with it.
    pods_only = Config(root=Path(), internal_cidrs=("10.0.0.0/8",), internal_cidr=InternalCidrOptions("pods"))
    assert rewritten(ingress("10.0.0.0/8"), Facts(clusters=[matched]), pods_only) == [*ingress("10.0.0.0/8"), ANY_POD]
    told = [Node("n", "a", {}, ("172.16.0.1",), ("10.0.0.0/24",), SOURCE)]
    by_nodes = Facts(clusters=[cluster("a", local=True)], nodes_=told)
    assert rewritten(ingress("10.0.0.0/16", "172.16.0.0/12"), by_nodes)[-1] == CLUSTER


@pytest.mark.parametrize("stated", [None, ("172.16.0.0/16",)])
def test_nodes_are_cited_where_no_range_of_theirs_is_stated(stated: tuple[str, ...] | None) -> None:
    own = cluster("a", local=True, pod_cidrs=("10.0.0.0/16",), node_cidrs=stated)
    facts = Facts(clusters=[own], nodes_=[Node("n", "a", {}, ("172.16.0.1",), (), Source("node.yaml", 1))])
    cited = run(find, policy(ingress("172.16.0.1/32")), facts).only.evidence
    assert ("node n (172.16.0.1), node.yaml:1" in cited) is (stated is None)


@pytest.mark.parametrize(
    ("remote", "local", "applicability"),
    [
        (B, None, Applicability.EVIDENT),
        (cluster("b", pod_cidrs=("10.1.0.0/16",)), None, Applicability.EVIDENT),
        (cluster("b", pod_cidrs=("10.1.0.0/16",), node_cidrs=("192.168.0.0/24",)), None, Applicability.UNSAFE),
        (cluster("b", pod_cidrs=("10.1.0.0/16",), node_cidrs=("192.168.0.0/24",)), "cluster", Applicability.EVIDENT),
    ],
)
def test_an_entity_that_lets_in_nodes_of_nobody_is_unsafe(
    remote: Any, local: str | None, applicability: Applicability
) -> None:
    config = Config(root=Path(), internal_cidr=InternalCidrOptions(local))
    assert (
        run(find, policy(ingress("10.0.0.0/8")), Facts(clusters=[A, remote]), config=config).only.applicability
        is applicability
    )


def test_a_range_of_nodes_stays_for_it_may_hold_other_machines() -> None:
    known = Facts(clusters=[cluster("a", local=True, pod_cidrs=("10.0.0.0/16",), node_cidrs=("192.168.7.0/24",))])
    assert rewritten(ingress("192.168.7.0/24"), known) == [
        {"fromCIDR": ["192.168.7.0/24"]},
        {"fromEntities": ["host", "remote-node"]},
    ]


def test_nodes_of_other_clusters_come_with_remote_node() -> None:
    assert run(find, policy(ingress("10.10.0.0/24")), ALONE).only.applicability is Applicability.EVIDENT
    assert run(find, policy(ingress("10.10.0.0/24")), MESH).only.applicability is Applicability.UNSAFE
    assert run(find, policy(ingress("10.10.0.0/23")), MESH).only.applicability is Applicability.EVIDENT


def test_deny_rules_are_errors_and_unsafe() -> None:
    rules = ingress("10.0.0.0/8")
    result = run(find, policy(rules, "ingressDeny"), ALONE, config=INTERNAL)
    assert result.manifest["spec"]["ingressDeny"] == [CLUSTER]
    only = result.only
    assert (only.severity, only.applicability) == (Severity.ERROR, Applicability.UNSAFE)
    assert "denies no pod of a" in only.message
    assert only.closes
    assert run(find, policy(rules, "ingressDeny"), ALONE, unsafe=False).manifest["spec"]["ingressDeny"] == rules


def test_ports_and_comments_belong_to_every_sibling() -> None:
    ports = [{"ports": [{"port": "8080", "protocol": "TCP"}]}]
    rules = [{"toPorts": ports, "fromCIDR": ["10.0.0.0/8", "203.0.113.0/24"]}, {"fromEntities": ["host"]}]
    after = rewritten(rules, MESH)
    assert [list(rule) for rule in after] == [
        ["toPorts", "fromCIDR"],
        ["toPorts", "fromEntities"],
        ["toPorts", "fromEndpoints"],
        ["fromEntities"],
    ]
    assert all(rule["toPorts"] == ports for rule in after[:3])


def test_rules_that_are_there_are_not_added_again() -> None:
    there = [CLUSTER, *ingress("10.0.0.0/8", "203.0.113.0/24"), of("b")]
    assert rewritten(there, MESH) == [CLUSTER, *ingress("203.0.113.0/24"), of("b")]
    assert rewritten([CLUSTER, *ingress("10.0.0.0/8")]) == [CLUSTER]
    assert run(find, policy([CLUSTER, *ingress("10.0.0.0/8")]), ALONE).findings == []


def test_several_rules_and_egress_and_clusterwide() -> None:
    rules = [{"toCIDR": ["10.0.0.0/8"]}, {"toCIDR": ["10.0.0.0/16", "1.1.1.1/32"]}]
    assert rewritten(rules, direction="egress") == [
        {"toEntities": ["cluster"]},
        {"toCIDR": ["1.1.1.1/32"]},
        {"toEndpoints": ANY_POD["fromEndpoints"]},
    ]
    result = run(find, policy(rules, "egress", "CiliumClusterwideNetworkPolicy"), ALONE, config=INTERNAL)
    assert result.manifest["spec"]["egress"][0] == {"toEntities": ["cluster"]}


class Contradicted(Facts):
    def doubts(self, fact: Any) -> list[str]:
        return [f"the pods of {fact.name} overlap with those of c"]


def test_ranges_that_contradict_each_other_are_no_evidence() -> None:
    only = run(find, policy(ingress("10.0.0.0/8")), Contradicted(clusters=[A]), config=INTERNAL).only
    assert only.fix is None
    assert "overlap" in only.message


NOT_MINE = Facts(clusters=[cluster("a", pod_cidrs=("10.0.0.0/16",)), B])


def test_without_a_cluster_of_its_own_there_is_no_fix() -> None:
    only = run(find, policy(ingress("10.0.0.0/8")), NOT_MINE).only
    assert only.fix is None
    assert "local" in only.advice
    assert run(find, policy(ingress("192.168.0.0/16")), NOT_MINE).findings == []


@pytest.mark.parametrize(
    ("cidr", "found"),
    [
        ("10.0.0.0/8", True),
        ("10.3.0.0/16", True),
        ("172.16.0.0/12", True),
        ("192.168.4.0/24", True),
        ("100.64.0.0/10", True),
        ("fd00::/8", True),
        ("10.1.2.3/32", False),
        ("172.0.0.0/8", False),
        ("203.0.113.0/24", False),
        ("2001:db8::/32", False),
        ("169.254.169.254/32", False),
        ("0.0.0.0/0", False),
    ],
)
def test_private_ranges_with_no_inventory(cidr: str, found: bool) -> None:
    findings = run(find, policy(ingress(cidr)), Facts()).findings
    assert bool(findings) is found
    for finding in findings:
        assert finding.applicability is Applicability.MANUAL
        assert "may hold pods" in finding.message
        assert finding.severity is Severity.NOTE
        assert finding.once, "a run speaks of it once"


def test_unknown_pod_ranges_of_the_own_cluster_are_no_facts() -> None:
    unknown = Facts(clusters=[cluster("a", local=True), B])
    only = run(find, policy(ingress("192.168.0.0/16", "172.16.0.0/12")), unknown, config=INTERNAL).only
    assert only.message == (
        "`fromCIDR` 192.168.0.0/16 and 172.16.0.0/12 may hold pods, which no CIDR matches; "
        "where pods are in cluster a is not known"
    )
    assert run(find, policy(ingress("10.0.0.0/8")), unknown, config=INTERNAL).manifest["spec"]["ingress"] == [of("b")]


def test_other_kinds_of_peer_in_the_rule_come_first() -> None:
    rules = [{"fromCIDR": ["10.0.0.0/8"], "fromEntities": ["host"]}]
    assert run(find, policy(rules), ALONE).only.fix is None


def network_policy(*peers: Any, inventory: Facts = ALONE, config: Config = INTERNAL, **more: Any) -> Run:
    return run(find, policy([{"from": list(peers)}], kind="NetworkPolicy"), inventory, config=config, **more)


def block(cidr: str, *exceptions: str) -> dict[str, Any]:
    return {"ipBlock": {"cidr": cidr} | ({"except": list(exceptions)} if exceptions else {})}


ALL_PODS: dict[str, Any] = {"namespaceSelector": {}}


def remote_peer(*names: str) -> dict[str, Any]:
    key = {"key": "io.cilium.k8s.policy.cluster", "operator": "In", "values": list(names)}
    return {"namespaceSelector": {}, "podSelector": {"matchExpressions": [key]}}


OFFICE = block("203.0.113.0/24")


@pytest.mark.parametrize(
    ("inventory", "config", "before", "after"),
    [
        (ALONE, INTERNAL, [block("10.0.0.0/8"), OFFICE], [ALL_PODS, OFFICE]),
        (ALONE, Config(root=Path()), [block("10.0.0.0/8"), OFFICE], [block("10.0.0.0/8"), ALL_PODS, OFFICE]),
        (ALONE, INTERNAL, [OFFICE, block("10.0.0.0/16"), block("10.0.0.0/8")], [OFFICE, ALL_PODS]),
        # Before the option is on, the plain form would let in the whole mesh.
        (MESH, INTERNAL, [block("10.0.0.0/8")], [remote_peer("a", "b")]),
        (MESH, INTERNAL, [block("10.1.0.0/16")], [remote_peer("b")]),
        (MESH, INTERNAL, [block("10.0.0.0/8", "10.1.0.0/16")], [remote_peer("a")]),
        (ALONE, INTERNAL, [block("10.0.0.0/8"), ALL_PODS], [ALL_PODS]),
        (ALONE, INTERNAL, [block("10.10.0.0/24")], [block("10.10.0.0/24")]),
        (ALONE, INTERNAL, [block("10.0.7.0/24")], [block("10.0.7.0/24")]),
        (ALONE, INTERNAL, [block("0.0.0.0/0", "10.0.0.0/8")], [block("0.0.0.0/0", "10.0.0.0/8")]),
        (ALONE, INTERNAL, [{**block("10.0.0.0/8"), "podSelector": {}}], [{**block("10.0.0.0/8"), "podSelector": {}}]),
    ],
)
def test_network_policies(inventory: Facts, config: Config, before: list[Any], after: list[Any]) -> None:
    assert network_policy(*before, inventory=inventory, config=config).manifest["spec"]["ingress"] == [{"from": after}]


def test_a_network_policy_that_has_the_option_on_already_names_no_cluster() -> None:
    result = network_policy(block("10.0.0.0/8", "10.1.0.0/16"), inventory=MESH, from_version="1.19", to_version="1.20")
    assert result.manifest["spec"]["ingress"] == [{"from": [ALL_PODS]}]
    result = network_policy(block("10.0.0.0/8"), inventory=MESH, from_version="1.19", to_version="1.20")
    assert result.manifest["spec"]["ingress"] == [{"from": [ALL_PODS, remote_peer("b")]}]


def test_a_network_policy_names_its_cluster_where_the_config_speaks_of_a_mesh() -> None:
    config = replace(INTERNAL, implicit_cluster=ImplicitClusterOptions("any"))
    assert network_policy(block("10.0.0.0/8"), config=config).manifest["spec"]["ingress"] == [
        {"from": [remote_peer("a")]}
    ]


@pytest.mark.parametrize("scope", ["any", "local", "auto"])
def test_implicit_cluster_has_nothing_to_add_in_a_network_policy(scope: str) -> None:
    config = replace(INTERNAL, implicit_cluster=ImplicitClusterOptions(scope))
    done = network_policy(block("10.0.0.0/8"), OFFICE, inventory=MESH, config=config)
    assert run(implicit_cluster.find, done.manifest, MESH, config=config).findings == []


def test_a_peer_list_is_never_emptied() -> None:
    """An empty `from` allows everyone: where another rule covers the peers, the whole rule goes."""
    rules = [{"from": [block("10.0.0.0/8")]}, {"from": [ALL_PODS]}]
    result = run(find, policy(rules, kind="NetworkPolicy"), ALONE, config=INTERNAL)
    assert result.manifest["spec"]["ingress"] == [{"from": [ALL_PODS]}]


def test_network_policy_nodes_are_told() -> None:
    assert "CiliumNetworkPolicy" in network_policy(block("10.10.0.0/24")).only.advice


WITHIN = Facts(clusters=[replace(cluster("a", local=True), pods_within=("10.42.0.0/16",))])


@pytest.mark.parametrize(
    ("cidr", "applicability"),
    [
        ("10.42.0.0/16", Applicability.EVIDENT),
        ("10.0.0.0/8", Applicability.EVIDENT),
        ("10.42.7.0/24", Applicability.MANUAL),
        ("192.168.0.0/16", None),
    ],
)
def test_ranges_that_pods_are_within_keep_the_entry(cidr: str, applicability: Applicability | None) -> None:
    made = run(find, policy(ingress(cidr)), WITHIN)
    assert [each.applicability for each in made.findings] == ([applicability] if applicability else [])
    assert made.manifest["spec"]["ingress"][0] == {"fromCIDR": [cidr]}, "other machines may be there"


@pytest.mark.parametrize(
    ("name", "found"), [("p", True), ("allow-lan", False), ("planner", True), ("lab-pods", True), ("to-nas-nfs", False)]
)
def test_what_its_author_calls_machines_is_no_pod(name: str, found: bool) -> None:
    manifest = policy(ingress("192.168.4.0/24"))
    manifest["metadata"]["name"] = name
    assert bool(run(find, manifest, Facts()).findings) is found


def test_a_network_with_machines_that_are_nodes_is_a_lan() -> None:
    known = Facts(
        clusters=[cluster("a", local=True, pod_cidrs=("10.0.0.0/16",))],
        nodes_=[Node("n", "a", {}, ("192.168.4.11",), (), Source("talconfig.yaml", 9))],
    )
    assert not run(find, policy(ingress("192.168.4.0/24")), known).findings
    assert "node" in run(find, policy(ingress("192.168.4.11/32")), known).only.message


#: A cluster whose agents turn a connection to a node's port into one to a backend before policy sees it.
BALANCED = cluster("a", local=True, kube_proxy_replacement=True, datapath=Datapath(socket_lb=True))
BY_KUBE_PROXY = replace(BALANCED, kube_proxy_replacement=False)
NODE_PORT = Facts(
    clusters=[BALANCED],
    nodes_=[Node("n", "a", {}, ("192.168.4.11",), (), Source("node.yaml", 1))],
    services_=[service("web", "shop", {"app": "web"}, [ServicePort("", 80, "TCP", 8080, node_port=30080)])],
)
WITH_KUBE_PROXY = replace(NODE_PORT, clusters=[BY_KUBE_PROXY])


@pytest.mark.parametrize(
    ("to_ports", "inventory", "found"),
    [
        ('toPorts: [{ports: [{port: "30080", protocol: TCP}]}]', NODE_PORT, False),
        ("toPorts: [{ports: [{port: 30080}]}]", NODE_PORT, False),
        ('toPorts: [{ports: [{port: "30081", protocol: TCP}]}]', NODE_PORT, True),
        ('toPorts: [{ports: [{port: "30080", protocol: UDP}]}]', NODE_PORT, True),
        ('toPorts: [{ports: [{port: "30080", endPort: 30090, protocol: TCP}]}]', NODE_PORT, True),
        ('toPorts: [{ports: [{port: "30080", protocol: TCP}, {port: "10250", protocol: TCP}]}]', NODE_PORT, True),
        ("toPorts: [{ports: []}]", NODE_PORT, True),
        ("", NODE_PORT, True),
        ('toPorts: [{ports: [{port: "30080", protocol: TCP}]}]', WITH_KUBE_PROXY, True),
    ],
)
def test_an_address_of_a_node_on_the_port_of_a_service_is_for_another_pass(
    to_ports: str, inventory: Facts, found: bool
) -> None:
    """CNP028 reports it, with the backends of the Service as its fix; what is on any other port too is for this one."""
    made = run(find, policy(f"[{{toCIDR: [192.168.4.11/32], {to_ports}}}]", "egress"), inventory)
    assert ["node" in each.message for each in made.findings] == [True] * found


def test_a_node_that_is_let_in_on_the_port_of_a_service_stays_with_this_pass() -> None:
    rule = '[{fromCIDR: [192.168.4.11/32], toPorts: [{ports: [{port: "30080", protocol: TCP}]}]}]'
    assert "node" in run(find, policy(rule), NODE_PORT).only.message


def test_a_range_around_a_node_on_the_port_of_a_service_stays_with_this_pass() -> None:
    rule = '[{toCIDR: [10.0.0.0/16], toPorts: [{ports: [{port: "30080", protocol: TCP}]}]}]'
    known = replace(NODE_PORT, clusters=[replace(BALANCED, pod_cidrs=("10.0.0.0/16",))])
    assert "pod" in run(find, policy(rule, "egress"), known).only.message


@pytest.mark.parametrize(
    ("cidrs", "added"),
    [
        (("10.0.0.0/8",), {"fromEntities": ["cluster"]}),
        (("10.42.0.0/16", "10.0.10.0/24"), {"fromEntities": ["cluster"]}),
        (("10.42.0.0/16",), ANY_POD),
        (("10.0.10.0/24",), None),
        (("10.0.10.7/32",), None),
        (("10.0.10.0/25",), None),
    ],
)  # fmt: skip
def test_a_range_that_nodes_are_within_is_meant_with_the_pods(cidrs: tuple[str, ...], added: object) -> None:
    within = replace(cluster("a", local=True, pod_cidrs=("10.42.0.0/16",)), nodes_within=("10.0.10.0/24",))
    made = run(find, policy(ingress(*cidrs)), Facts(clusters=[within]))
    rules = [rule for rule in made.manifest["spec"]["ingress"] if "fromCIDR" not in rule]
    assert rules == ([added] if added else [])
    assert bool(made.findings) is bool(added)
    if "fromEntities" in str(added):
        assert "nodes within 10.0.10.0/24" in " ".join(made.only.evidence)
