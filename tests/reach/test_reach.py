from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rewriter.cilium.cidr import parse_prefix
from rewriter.cilium.identity import Identity
from rewriter.cilium.settings import Settings
from rewriter.cilium.verdict import Engine
from rewriter.cilium.version import Version
from rewriter.reach.compare import reach
from rewriter.reach.difference import Difference, FlowStatement
from rewriter.reach.world import PolicyWorld, policy_world
from tests.reach.policies import AFTER, BEFORE, CLUSTER, IDENTITIES, NAMESPACE, cnp, key, pod, policies, tcp

PROPERTY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SETS = st.lists(policies(), max_size=3)


def world(*manifests: dict[str, Any], settings: Settings = AFTER) -> PolicyWorld:
    made = policy_world(manifests, settings)
    assert all(why is None for policies in made.sets for why in policies.rejections)
    return made


def texts(statements: tuple[FlowStatement, ...]) -> list[str]:
    return [str(statement) for statement in statements]


def compare(
    before: dict[str, Any] | None, after: dict[str, Any] | None, source: Settings = AFTER, target: Settings = AFTER
) -> Difference:
    return reach(
        world(*([before] if before else []), settings=source), world(*([after] if after else []), settings=target)
    )


WEB = {"matchLabels": {"app": "web"}}


def test_narrowing_to_the_local_cluster() -> None:
    policy = cnp(
        endpointSelector={"matchLabels": {"app": "db"}}, ingress=[{"fromEndpoints": [WEB], "toPorts": tcp("80")}]
    )
    found = compare(policy, policy, BEFORE, AFTER)
    assert texts(found.opened) == []
    assert texts(found.closed) == [
        "ingress to pods with app=db of namespace shop "
        "from pods with app=web of namespace shop in other clusters on 80/TCP"
    ]


def test_a_cluster_label_alone_stays_in_the_namespace() -> None:
    old = cnp(ingress=[{"fromEntities": ["cluster"]}])
    new = cnp(ingress=[{"fromEndpoints": [{"matchExpressions": [key(CLUSTER)]}]}])
    found = compare(old, new)
    assert texts(found.opened) == [
        "ingress to pods with app=web of namespace shop from any pod of namespace shop in other clusters on every port"
    ]
    assert texts(found.closed) == [
        "ingress to pods with app=web of namespace shop from any pod of namespaces other than shop in a "
        "and the entities health, ingress, init, kube-apiserver, remote-node and unmanaged on every port"
    ]


@pytest.mark.parametrize("label", [NAMESPACE, "k8s:io.cilium.k8s.namespace.labels.env"])
def test_what_is_in_a_namespace_is_in_a_cluster(label: str) -> None:
    odd = {"matchLabels": {"reserved:ingress": "", label: "shop"}}
    named = {"matchLabels": {label: "shop"}}
    rule = {"fromEndpoints": [odd], "toPorts": tcp("80")}
    old = cnp(ingress=[rule, {"fromEndpoints": [named]}])
    new = cnp(ingress=[rule, {"fromEndpoints": [{**named, "matchExpressions": [key(CLUSTER)]}]}])
    found = compare(old, new, BEFORE, BEFORE)
    assert texts(found.opened) == texts(found.closed) == []


def test_what_is_behind_a_service_is_in_its_namespace() -> None:
    old = cnp(egress=[{"toServices": [{"k8sService": {"serviceName": "db", "namespace": "prod"}}]}])
    for namespace, lost in (("prod", 0), ("stage", 1)):
        found = compare(old, cnp(egress=[{"toEndpoints": [{"matchLabels": {NAMESPACE: namespace}}]}]))
        assert len(found.closed) == lost


def test_words_for_remote_pods_and_addresses() -> None:
    old = cnp(ingress=[{"fromCIDR": ["10.0.0.0/8"]}, {"fromCIDRSet": [{"cidr": "192.168.0.0/16"}]}])
    remote = {"matchExpressions": [key(NAMESPACE), key(CLUSTER, "In", "b")]}
    new = cnp(
        ingress=[
            {"fromEndpoints": [remote]},
            {"fromCIDRSet": [{"cidr": "192.168.0.0/16", "except": ["192.168.1.0/24"]}]},
        ]
    )
    found = compare(old, new)
    assert texts(found.opened) == ["ingress to pods with app=web of namespace shop from any pod in b on every port"]
    assert texts(found.closed) == [
        "ingress to pods with app=web of namespace shop from 10.0.0.0/8, 192.168.1.0/24 outside the mesh on every port"
    ]


@pytest.mark.parametrize(
    ("selector", "phrase"),
    [
        ({}, "any pod of namespace shop in a"),
        ({"matchExpressions": [key(NAMESPACE), key(CLUSTER)]}, "any pod"),
        ({"matchLabels": {NAMESPACE: "prod", CLUSTER: "b"}}, "any pod of namespace prod in b"),
        ({"matchExpressions": [key("tier", "In", "back", "front")]},
         "pods with tier in (back, front) of namespace shop in a"),
        ({"matchExpressions": [key("tier", "NotIn", "back")]}, "pods with tier not back of namespace shop in a"),
        ({"matchExpressions": [key("tier")]}, "pods with tier set of namespace shop in a"),
        ({"matchExpressions": [key("tier", "DoesNotExist")]}, "pods with no tier of namespace shop in a"),
        ({"matchLabels": {"io.cilium.k8s.namespace.labels.team": "x", CLUSTER: "a"}},
         "pods with namespace label team=x in a"),
        ({"matchExpressions": [key(CLUSTER, "NotIn", "b")]}, "any pod of namespace shop in clusters other than b"),
        ({"matchLabels": {"reserved:remote-node": ""}}, "the entities kube-apiserver and remote-node"),
    ],
)  # fmt: skip
def test_words_for_selectors(selector: dict[str, Any], phrase: str) -> None:
    found = compare(cnp(ingress=[{}]), cnp(ingress=[{"fromEndpoints": [selector]}]))
    assert texts(found.opened) == [f"ingress to pods with app=web of namespace shop from {phrase} on every port"]


@pytest.mark.parametrize(
    ("ports", "text"),
    [
        ([{"port": "80"}], "80"),
        ([{"port": "80", "protocol": "TCP"}, {"port": "53", "protocol": "UDP"}], "80/TCP, 53/UDP"),
        ([{"port": "8000", "endPort": 8100, "protocol": "TCP"}, {"port": "8101", "protocol": "TCP"}], "8000-8101/TCP"),
        ([{"port": "0", "protocol": "TCP"}], "every TCP port"),
        ([{"port": "0"}], "every TCP, UDP and SCTP port"),
        ([{"port": "http", "protocol": "TCP"}], "http/TCP"),
        ([{"port": "1", "endPort": 65535}], "1-65535"),
        ([{"port": "0", "protocol": "VRRP"}], "VRRP"),
        ([{"port": "0", "protocol": "VRRP"}, {"port": "53", "protocol": "UDP"}], "53/UDP, VRRP"),
    ],
)
def test_words_for_ports(ports: list[dict[str, Any]], text: str) -> None:
    new = cnp(ingress=[{"fromEntities": ["health"], "toPorts": [{"ports": ports}]}])
    found = compare(cnp(ingress=[{}]), new)
    assert [statement.ports for statement in found.opened] == [text]


@pytest.mark.parametrize(
    ("types", "text"), [((("IPv4", 8), ("IPv6", 128)), "ICMP type 8, ICMPv6 type 128"), ((("IPv4", 0),), "ICMP")]
)
def test_words_for_icmp(types: tuple[tuple[str, int], ...], text: str) -> None:
    fields = [{"family": family, "type": number} for family, number in types]
    found = compare(cnp(ingress=[{}]), cnp(ingress=[{"fromEntities": ["health"], "icmps": [{"fields": fields}]}]))
    assert [statement.ports for statement in found.opened] == [text]


def test_words_for_protocols_that_no_rule_can_name() -> None:
    every = [{"port": "0"}, *({"port": "0", "protocol": name} for name in ("VRRP", "IGMP"))]
    narrowed = cnp(ingress=[{"fromEntities": ["health"], "toPorts": [{"ports": every}]}])
    (closed,) = compare(cnp(ingress=[{"fromEntities": ["health"]}]), narrowed).closed
    assert closed.ports.endswith("every other protocol") and "ICMP" in closed.ports and "TCP" not in closed.ports


def test_nodes_of_other_clusters_are_lost_where_the_local_one_is_meant() -> None:
    settings = [replace(each, node_selector_labels=True) for each in (BEFORE, AFTER)]
    policy = cnp(ingress=[{"fromNodes": [{"matchLabels": {"role": "lb"}}]}])
    found = compare(policy, policy, *settings)
    assert texts(found.opened) == []
    assert [each.peers for each in found.closed] == [("nodes with role=lb in other clusters",)]


def test_nodes_of_a_cluster_that_a_rule_names() -> None:
    settings = replace(BEFORE, node_selector_labels=True)
    rest = {"fromEntities": ["health"]}
    named = {"fromNodes": [{"matchLabels": {"role": "lb", CLUSTER: "b"}}]}
    found = compare(cnp(ingress=[rest, named]), cnp(ingress=[rest]), settings, settings)
    assert [each.peers for each in found.closed] == [("nodes with role=lb in b",)]


def test_what_a_policy_without_default_deny_allows_does_not_open_when_the_last_default_deny_ends() -> None:
    rest = cnp(ingress=[{"fromEntities": ["health"]}], enableDefaultDeny={"ingress": False})
    own = cnp(ingress=[{"fromEndpoints": [WEB]}])
    (opened,) = reach(world(own, rest), world(rest)).opened
    (alone,) = reach(world(own), world()).opened
    assert "health" in " ".join(opened.peers) and "health" not in " ".join(alone.peers)


def test_numbers_and_names_of_ports_for_programs() -> None:
    ports = [{"port": "http", "protocol": "TCP"}, {"port": "8080", "protocol": "TCP"}]
    new = cnp(ingress=[{"fromEntities": ["health"], "toPorts": [{"ports": ports}]}])
    (opened,) = compare(cnp(ingress=[{}]), new).opened
    assert [(found.protocol, found.low, found.high, found.name) for found in opened.port_ranges] == [
        ("TCP", 8080, 8080, ""),
        ("TCP", 0, 65535, "http"),
    ]


def test_nodes_that_a_policy_selects_by_labels() -> None:
    def policy(*entities: str) -> dict[str, Any]:
        spec = {"nodeSelector": {"matchLabels": {"role": "lb"}}, "ingress": [{"fromEntities": list(entities)}]}
        metadata = {"name": "host"}
        return {
            "apiVersion": "cilium.io/v2",
            "kind": "CiliumClusterwideNetworkPolicy",
            "metadata": metadata,
            "spec": spec,
        }

    found = compare(policy("health"), policy("health", "world"))
    assert texts(found.opened) == ["ingress to host with role=lb from the world on every port"]


def test_a_hole_in_the_ports() -> None:
    everyone = [{"fromEntities": ["health"]}]
    denied = [{"fromEntities": ["health"], "toPorts": [{"ports": [{"port": "80"}]}]}]
    found = compare(cnp(ingress=[{}]), cnp(ingress=everyone, ingressDeny=denied))
    assert [statement.ports for statement in found.opened] == ["every port except 80"]


def test_dns_names() -> None:
    policy = cnp(egress=[{"toFQDNs": [{"matchPattern": "**.example.com"}], "toPorts": tcp("443")}])
    found = compare(policy, policy, BEFORE, AFTER)
    assert texts(found.opened) == [
        "egress from pods with app=web of namespace shop to DNS names like any.deeper.example.com on 443/TCP"
    ]
    assert texts(found.closed) == []
    exact = cnp(egress=[{"toFQDNs": [{"matchName": "a.example.com"}]}])
    assert texts(compare(cnp(egress=[{}]), exact).opened) == [
        "egress from pods with app=web of namespace shop to DNS name a.example.com on every port"
    ]


def test_l7_rules() -> None:
    http: dict[str, Any] = {"rules": {"http": [{"method": "GET"}]}}
    free = cnp(ingress=[{"fromEndpoints": [WEB], "toPorts": tcp("80")}])
    limited = cnp(ingress=[{"fromEndpoints": [WEB], "toPorts": tcp("80", **http)}])
    head = "ingress to pods with app=web of namespace shop from pods with app=web of namespace shop in a on 80/TCP"
    assert texts(compare(limited, free).opened) == [f'{head}, beyond http [{{"method":"GET"}}]']
    assert texts(compare(free, limited).closed) == [f'{head}, beyond http [{{"method":"GET"}}]']
    assert texts(compare(cnp(ingress=[{}]), limited).opened) == [f'{head}, subject to http [{{"method":"GET"}}]']
    kafka = cnp(ingress=[{"fromEndpoints": [WEB], "toPorts": tcp("80", rules={"kafka": [{"topic": "t"}]})}])
    latest = Settings(Version(1, 20), local_cluster="a", default_local_cluster=True)
    assert texts(compare(kafka, kafka, AFTER, latest).opened) == [f'{head}, beyond kafka [{{"topic":"t"}}]']


def test_unknown_groups_and_services_are_what_they_are() -> None:
    old = cnp(egress=[{"toServices": [{"k8sService": {"serviceName": "db", "namespace": "prod"}}]}])
    new = cnp(egress=[{"toGroups": [{"aws": {"region": "eu"}}]}])
    found = compare(old, new)
    assert [statement.peers for statement in found.opened] == [('what is behind group {"aws":{"region":"eu"}}',)]
    assert [statement.peers for statement in found.closed] == [("what is behind service prod/db in a",)]
    assert not compare(old, old)


def test_default_deny_begins_and_ends() -> None:
    policy = cnp(ingress=[{"fromEntities": ["all"]}])
    begins = compare(None, policy)
    assert (texts(begins.opened), texts(begins.closed)) == ([], [])
    assert [str(found) for found in begins.enforced] == ["ingress of pods with app=web of namespace shop"]
    assert not begins.released
    ends = compare(cnp(ingress=[{}]), None)
    assert texts(ends.opened) == [
        "ingress to pods with app=web of namespace shop from anything except the entity host on every port"
    ]
    assert [found.direction for found in ends.released] == ["ingress"]
    assert not ends.enforced


def test_workloads_of_the_inventory_are_named() -> None:
    policy = cnp(ingress=[{"fromEndpoints": [{}]}])
    found = reach(world(policy, settings=BEFORE), world(policy), IDENTITIES)
    (statement,) = found.closed
    assert statement.subject_workloads == ("a/shop/web",)
    assert statement.peer_workloads == ("b/shop/web",)
    assert json.loads(json.dumps(statement.as_json()))["peerWorkloads"] == ["b/shop/web"]


def test_port_names_mean_what_the_pod_says() -> None:
    named = cnp(ingress=[{"fromEntities": ["health"], "toPorts": [{"ports": [{"port": "http"}]}]}])
    numbered = cnp(ingress=[{"fromEntities": ["health"], "toPorts": tcp("8080")}])
    found = reach(world(named), world(numbered), IDENTITIES)
    assert all(statement.subject_workloads == () for statement in (*found.opened, *found.closed))
    assert found.opened
    unnamed = [Identity(i.name, i.labels) for i in IDENTITIES if i.name == "a/shop/web"]
    (statement,) = (s for s in reach(world(named), world(numbered), unnamed).opened if s.subject_workloads)
    assert statement.port_ranges == (("TCP", 8080, 8080, ""),)


def test_many_labels_are_compared_by_selection() -> None:
    selectors = [{"matchLabels": {f"label-{number}": "x", f"more-{number}": "y"}} for number in range(12)]
    old = cnp(ingress=[{"fromEndpoints": selectors}])
    new = cnp(ingress=[{"fromEndpoints": selectors[:-1]}])
    found = compare(old, new)
    assert not found.exact
    assert texts(found.opened) == []
    assert texts(found.closed) == [
        "ingress to pods with app=web of namespace shop from "
        "pods with label-11=x, more-11=y of namespace shop in a on every port"
    ]
    backwards = compare(cnp(ingress=[{"fromEndpoints": selectors[::-1]}]), new)
    assert backwards == found


def test_rules_that_deny_nothing_by_default_do_not_begin_to_where_they_are_many() -> None:
    off = {"ingress": False}
    selectors = [{"matchLabels": {f"label-{number}": "x", f"more-{number}": "y"}} for number in range(12)]
    rest = cnp(ingress=[{"fromEndpoints": [selector]} for selector in selectors], enableDefaultDeny=off)
    own = cnp(ingress=[{"fromEndpoints": [{"matchLabels": {"app": "own"}}]}], enableDefaultDeny=off)
    found = reach(world(own, rest), world(rest))
    assert (texts(found.opened), texts(found.closed)) == ([], [])


def test_a_difference_in_a_later_value_is_found_by_selection() -> None:
    """With so many labels no pod is tried with every combination, and still each value of a list is."""
    selectors = [{"matchLabels": {f"label-{number}": "x", f"more-{number}": "y"}} for number in range(12)]
    old = cnp(ingress=[{"fromEndpoints": [*selectors, {"matchExpressions": [key("app", "In", "cache", "db")]}]}])
    new = cnp(ingress=[{"fromEndpoints": [*selectors, {"matchExpressions": [key("app", "In", "cache")]}]}])
    found = compare(old, new)
    assert not found.exact
    (closed,) = texts(found.closed)
    assert "from pods with app=db of namespace shop;" in closed


def test_only_what_a_third_world_does_not_change_counts() -> None:
    before = world(cnp(ingress=[{"fromEndpoints": [WEB]}], enableDefaultDeny={"ingress": False}))
    after = world(cnp(ingress=[{"fromEndpoints": [WEB]}]))
    beside = world(cnp(ingress=[{"fromEndpoints": [WEB]}, {"fromEntities": ["health"]}]))
    assert reach(before, after).enforced
    assert not reach(before, after, beside=beside).enforced


def test_what_two_worlds_let_through_one_of_them_under_a_limit_closes_under_that_limit() -> None:
    free = world(cnp(ingress=[{"fromEndpoints": [WEB], "toPorts": tcp("80")}]))
    gets = world(cnp(ingress=[{"fromEndpoints": [WEB], "toPorts": tcp("80", rules={"http": [{"method": "GET"}]})}]))
    nothing = world(cnp(ingress=[{}]))
    for before, beside in ((free, gets), (gets, free)):
        (closed,) = texts(reach(before, nothing, beside=beside).closed)
        assert closed.endswith('on 80/TCP, subject to http [{"method":"GET"}]')


def test_order_never_matters_by_selection() -> None:
    manifests = [
        cnp(
            endpointSelector={"matchLabels": {"app": f"app-{number % 7}"}},
            ingress=[{"fromEndpoints": [{"matchLabels": {f"label-{number}": "x", f"more-{number}": "y"}}]}],
        )
        for number in range(30)
    ]
    found = reach(world(*manifests, settings=BEFORE), world(*manifests), IDENTITIES)
    assert not found.exact
    assert len(found.closed) == 7
    assert reach(world(*manifests[::-1], settings=BEFORE), world(*manifests), IDENTITIES[::-1]) == found


@PROPERTY
@given(SETS)
def test_nothing_differs_from_itself(manifests: list[dict[str, Any]]) -> None:
    found = reach(world(*manifests), world(*manifests), IDENTITIES)
    assert found == Difference(exact=found.exact)


def mirrored(statements: tuple[FlowStatement, ...]) -> list[tuple[Any, ...]]:
    return sorted(
        (s.direction, s.subject, s.peers, s.port_ranges, s.limits, s.subject_workloads, s.peer_workloads)
        for s in statements
    )


@PROPERTY
@given(SETS, SETS)
def test_the_other_way_round_is_the_mirror(first: list[dict[str, Any]], second: list[dict[str, Any]]) -> None:
    there = reach(world(*first), world(*second), IDENTITIES)
    back = reach(world(*second), world(*first), IDENTITIES)
    assert mirrored(there.opened) == mirrored(back.closed)
    assert mirrored(there.closed) == mirrored(back.opened)


@PROPERTY
@given(policies(), SETS)
def test_splitting_a_rule_into_siblings_changes_nothing(policy: dict[str, Any], rest: list[dict[str, Any]]) -> None:
    split = copy.deepcopy(policy)
    for direction in ("ingress", "ingressDeny", "egress"):
        rules = [sibling for rule in split["spec"].get(direction, []) for sibling in siblings(rule)]
        if rules:
            split["spec"][direction] = rules
    found = reach(world(policy, *rest), world(split, *rest), IDENTITIES)
    assert not found, texts((*found.opened, *found.closed))


def siblings(rule: dict[str, Any]) -> list[dict[str, Any]]:
    """The rule once for each of its peers and ports."""
    parts = [rule]
    for field, entries in rule.items():
        if field != "toPorts" and entries:
            parts = [{**part, field: [entry]} for part in parts for entry in entries]
    if rule.get("toPorts"):
        ports = rule["toPorts"][0]["ports"]
        parts = [{**part, "toPorts": [{"ports": [port]}]} for part in parts for port in ports]
    return parts


@PROPERTY
@given(SETS, policies())
def test_a_deny_rule_only_closes(manifests: list[dict[str, Any]], other: dict[str, Any]) -> None:
    denying = copy.deepcopy(other)
    rules = denying["spec"].pop("ingress")
    denying["spec"] = {"endpointSelector": denying["spec"]["endpointSelector"], "ingressDeny": rules}
    assert reach(world(*manifests), world(*manifests, denying), IDENTITIES).opened == ()


@PROPERTY
@given(SETS, SETS, st.randoms(use_true_random=False))
def test_order_never_matters(first: list[dict[str, Any]], second: list[dict[str, Any]], random: Any) -> None:
    def shuffled(node: Any) -> Any:
        if isinstance(node, dict):
            items = [(name, shuffled(value)) for name, value in node.items()]
            random.shuffle(items)
            return dict(items)
        if isinstance(node, list):
            items = [shuffled(item) for item in node]
            random.shuffle(items)
            return items
        return node

    expected = reach(world(*first), world(*second), IDENTITIES)
    people = list(IDENTITIES)
    random.shuffle(people)
    assert reach(world(*shuffled(first)), world(*shuffled(second)), people) == expected


FLOWS = [("TCP", 80), ("TCP", 81), ("TCP", 8080), ("UDP", 80), ("UDP", 500), ("UDP", 2000), ("SCTP", 80), ("ICMP", 8)]


@PROPERTY
@given(SETS, SETS)
def test_agrees_with_verdicts(first: list[dict[str, Any]], second: list[dict[str, Any]]) -> None:
    """For the identities of an inventory the statements say exactly where the verdicts differ."""
    found = reach(world(*first), world(*second), IDENTITIES)
    engines = [Engine(world(*manifests).sets[0], IDENTITIES) for manifests in (first, second)]
    local = [i.name for i in IDENTITIES if i.name.startswith("a/") or i.name in ("host", "health")]
    for subject in local:
        for peer in (identity.name for identity in IDENTITIES):
            for protocol, port in FLOWS:
                for direction in ("ingress", "egress"):
                    source, destination = (peer, subject) if direction == "ingress" else (subject, peer)
                    verdicts = [engine.verdict(source, destination, protocol, port) for engine in engines]
                    old, new = (getattr(verdict, direction).allowed for verdict in verdicts)
                    opened = said(found.opened, direction, subject, peer, protocol, port)
                    closed = said(found.closed, direction, subject, peer, protocol, port)
                    assert (opened, closed) == (new and not old, old and not new), (direction, subject, peer, port)


def said(
    statements: tuple[FlowStatement, ...], direction: str, subject: str, peer: str, protocol: str, port: int
) -> bool:
    return any(
        s.direction == direction
        and subject in s.subject_workloads
        and peer in s.peer_workloads
        and (
            not s.port_ranges
            or any(r.protocol == protocol and r.low <= port <= r.high and not r.name for r in s.port_ranges)
        )
        for s in statements
    )


@PROPERTY
@given(policies(), policies())
def test_a_difference_between_workloads_is_found_without_them(first: dict[str, Any], second: dict[str, Any]) -> None:
    """Witnesses show every difference that some inventory shows."""
    seen = reach(world(first), world(second), [pod("shop", "web"), pod("prod", "db", "b", tier="back")])
    blind = reach(world(first), world(second))
    assert blind.exact
    for kind in ("opened", "closed"):
        among_workloads = [s for s in getattr(seen, kind) if s.subject_workloads and s.peer_workloads]
        assert not among_workloads or getattr(blind, kind)


def test_words_for_a_range_around_what_is_inside_the_mesh() -> None:
    old, new = cnp(ingress=[{"fromCIDR": ["10.0.0.0/8"]}]), cnp(ingress=[{}])
    found = reach(world(old), world(new), inside=[parse_prefix("10.7.0.0/16")])
    assert [statement.peers for statement in found.closed] == [("10.0.0.0/8 outside the mesh",)]
    within = cnp(ingress=[{"fromCIDR": ["10.7.1.0/24"]}])
    assert not reach(world(within), world(new), inside=[parse_prefix("10.7.0.0/16")])


def test_what_is_behind_a_service_is_no_subject() -> None:
    """A Service that is not known stands for a peer of its rule; every policy of its namespace selects other pods."""
    names_one = cnp(
        endpointSelector={}, egress=[{"toServices": [{"k8sService": {"serviceName": "api", "namespace": "shop"}}]}]
    )
    found = reach(world(names_one), world(cnp(endpointSelector={}, egress=[{}])))
    assert [statement.peers for statement in found.closed] == [("what is behind service shop/api in a",)]
    assert all("behind" not in statement.subject for statement in (*found.opened, *found.closed))


def test_what_is_behind_a_service_is_in_the_clusters_that_there_are() -> None:
    """An entity that lets every pod of the cluster in lets those behind a Service in, too."""
    services = [{"toServices": [{"k8sService": {"serviceName": "api", "namespace": "shop"}}]}]
    narrow = cnp(ingress=[{"fromEntities": ["cluster"]}], egress=services)
    everybody = {"fromEndpoints": [{"matchExpressions": [key(CLUSTER), key(NAMESPACE)]}]}
    wide = cnp(ingress=[{"fromEntities": ["cluster"]}, everybody], egress=services)
    assert reach(world(narrow), world(wide)).opened
    assert not reach(world(narrow), world(wide), clusters=["a"]).opened
