from __future__ import annotations

import random
from typing import Any

import pytest

from rewriter.cilium.cases import answer_case
from rewriter.cilium.cidr import parse_prefix
from rewriter.cilium.identity import Identity, NamedPort, outside_identity, reserved_identity
from rewriter.cilium.labels import Label, pod_labels
from rewriter.cilium.policy_set import compile_policies
from rewriter.cilium.settings import CidrGroupView, Facts, ServiceView, Settings
from rewriter.cilium.verdict import (
    ALLOW_RULE,
    DEFAULT_DENY,
    DENY_RULE,
    LOCAL_HOST,
    NO_DEFAULT_DENY,
    NO_IDENTITY_YET,
    NOT_SELECTED,
    Engine,
)
from rewriter.cilium.version import Version, parse_version
from tests.cilium.vectors import verdict_cases


def pod(name: str, cluster: str = "a", ports: tuple[NamedPort, ...] = (), **labels: str) -> Identity:
    namespace, app = name.split("/")
    found = pod_labels(
        cluster=cluster, namespace=namespace, labels={"app": app, **labels}, namespace_labels={"team": namespace[0]}
    )
    return Identity(f"{cluster}/{name}" if cluster != "a" else name, found, named_ports=ports)


IDENTITIES = [
    *map(reserved_identity, ("host", "remote-node", "kube-apiserver", "health", "init", "ingress", "world")),
    pod("shop/web"),
    pod("shop/db", ports=(NamedPort("sql", 3306),)),
    pod("prod/db"),
    pod("shop/web", "b"),
    outside_identity(parse_prefix("203.0.113.7/32"), name="partner"),
    outside_identity(parse_prefix("10.1.2.3/32"), name="machine"),
    outside_identity(parse_prefix("198.51.100.1/32"), name="api.example.com", dns_names=("api.example.com",)),
]


def cnp(kind: str = "CiliumNetworkPolicy", **spec: Any) -> dict[str, Any]:
    if "nodeSelector" not in spec:
        spec.setdefault("endpointSelector", {})
    return {"apiVersion": "cilium.io/v2", "kind": kind, "metadata": {"name": "p", "namespace": "shop"}, "spec": spec}


def ccnp(**spec: Any) -> dict[str, Any]:
    return cnp("CiliumClusterwideNetworkPolicy", **spec)


def knp(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "k", "namespace": "shop"},
        "spec": {"podSelector": {}, **spec},
    }


def engine(*manifests: dict[str, Any], facts: Facts | None = None, version: str = "1.19", **settings: Any) -> Engine:
    chosen = Settings(parse_version(version), local_cluster="a", **settings)
    policies = compile_policies(manifests, chosen, facts or Facts())
    assert policies.rejections == (None,) * len(manifests)
    return Engine(policies, IDENTITIES)


def senders(found: Engine, destination: str, protocol: str = "TCP", port: int = 80) -> set[str]:
    """Who may send, by the ingress verdict."""
    return {i.name for i in IDENTITIES if found.verdict(i.name, destination, protocol, port).ingress.allowed}


def receivers(found: Engine, source: str, protocol: str = "TCP", port: int = 80) -> set[str]:
    """Who may be sent to, by the egress verdict."""
    return {i.name for i in IDENTITIES if found.verdict(source, i.name, protocol, port).egress.allowed}


PODS = {"shop/web", "shop/db", "prod/db", "b/shop/web"}
NODES = {"host", "remote-node", "kube-apiserver"}
OUTSIDE = {"world", "partner", "machine", "api.example.com"}
ALL = {identity.name for identity in IDENTITIES}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, set()),
        (None, set()),
        ({"toPorts": []}, set()),
        ({"toPorts": [{}]}, set()),
        ({"toPorts": [{"ports": []}], "fromEndpoints": [{}]}, set()),
        ({"toPorts": [{"ports": [{"port": "80"}]}]}, ALL),
        ({"toPorts": [{"ports": [{"port": "0"}]}]}, ALL),
        ({"fromEndpoints": []}, set()),
        ({"fromEndpoints": [], "toPorts": [{"ports": [{"port": "80"}]}]}, set()),
        ({"fromEndpoints": [{}], "fromEntities": []}, set()),
        ({"fromEndpoints": [{}]}, {"shop/web", "shop/db", "b/shop/web"}),
        ({"fromEndpoints": [{"matchLabels": {"app": "db"}}]}, {"shop/db"}),
        ({"fromEndpoints": [{"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["db"]}]}]},
         {"shop/web", "b/shop/web"}),
        ({"fromEndpoints": [{"matchLabels": {"k8s:io.kubernetes.pod.namespace": "prod"}}]}, {"prod/db"}),
        ({"fromEndpoints": [{"matchLabels": {"io.cilium.k8s.namespace.labels.team": "p"}}]}, {"prod/db"}),
        ({"fromEndpoints": [{"matchExpressions": [{"key": "io.cilium.k8s.policy.cluster", "operator": "Exists"}]}]},
         {"shop/web", "shop/db", "b/shop/web"}),
        ({"fromEndpoints": [{"matchLabels": {"reserved:remote-node": ""}}]}, {"remote-node", "kube-apiserver"}),
        ({"fromEntities": ["cluster"]},
         {"shop/web", "shop/db", "prod/db", *NODES, "health", "init", "ingress"}),
        ({"fromEntities": ["world"]}, OUTSIDE),
        ({"fromEntities": ["all"]}, ALL),
        ({"fromEntities": ["none"]}, set()),
        ({"fromEntities": ["kube-apiserver", "health"]}, {"kube-apiserver", "health"}),
        ({"fromCIDR": ["10.0.0.0/8", "203.0.113.7"]}, {"machine", "partner"}),
        ({"fromCIDRSet": [{"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}]}, {"partner", "api.example.com"}),
    ],
)  # fmt: skip
def test_who_an_ingress_rule_lets_in(rule: Any, expected: set[str]) -> None:
    assert senders(engine(cnp(ingress=[rule])), "shop/web") == expected | {"host"}


def test_subjects() -> None:
    found = engine(cnp(endpointSelector={"matchLabels": {"app": "web"}}, ingress=[{}]))
    assert senders(found, "shop/db") == ALL
    assert senders(found, "prod/db") == ALL
    assert found.verdict("shop/db", "shop/web", "TCP", 80).ingress.reason == DEFAULT_DENY
    assert found.verdict("shop/db", "prod/db", "TCP", 80).ingress.reason == NOT_SELECTED
    assert found.verdict("host", "shop/web", "TCP", 80).ingress.reason == LOCAL_HOST
    overridden = cnp(endpointSelector={"matchLabels": {"k8s:io.kubernetes.pod.namespace": "prod"}}, ingress=[{}])
    assert senders(engine(overridden), "shop/web") == {"host"}
    assert senders(engine(overridden), "prod/db") == ALL


def test_host_rules_select_the_host_only() -> None:
    node = engine(ccnp(nodeSelector={}, ingress=[{"fromEntities": ["health"]}]))
    assert senders(node, "host") == {"host", "health"}
    assert senders(node, "shop/web") == ALL
    assert senders(engine(ccnp(ingress=[{}])), "host") == ALL


def test_pods_without_identity_are_denied() -> None:
    found = engine()
    assert found.verdict("init", "shop/web", "TCP", 80).egress.reason == NO_IDENTITY_YET
    assert found.verdict("shop/web", "init", "TCP", 80).ingress.allowed is False
    assert found.verdict("host", "init", "TCP", 80).ingress.allowed


def test_deny_beats_allow_and_names_the_rule() -> None:
    found = engine(
        cnp(ingress=[{"fromEntities": ["all"]}]),
        cnp(
            ingressDeny=[{"fromEndpoints": [{}], "toPorts": [{"ports": [{"port": "80"}]}]}, {"fromEntities": ["host"]}]
        ),
    )
    verdict = found.verdict("shop/db", "shop/web", "TCP", 80)
    assert (verdict.ingress.allowed, verdict.ingress.reason) == (False, DENY_RULE)
    assert verdict.ingress.rules == ((1, "/spec/ingressDeny/0"),)
    allowed = found.verdict("shop/db", "shop/web", "TCP", 81)
    assert (allowed.ingress.reason, allowed.ingress.rules) == (ALLOW_RULE, ((0, "/spec/ingress/0"),))
    assert allowed.allowed
    assert not found.verdict("host", "shop/web", "TCP", 443).ingress.allowed


def test_default_deny_can_be_off() -> None:
    rule: dict[str, Any] = {"fromEndpoints": [{}]}
    off = cnp(enableDefaultDeny={"ingress": False}, ingress=[rule], ingressDeny=[{"fromEntities": ["health"]}])
    assert senders(engine(off), "shop/web") == ALL - {"health"}
    verdict = engine(off).verdict("prod/db", "shop/web", "TCP", 80).ingress
    assert verdict.reason == NO_DEFAULT_DENY
    assert senders(engine(off, cnp(ingress=[{}])), "shop/web") == {"shop/web", "shop/db", "b/shop/web", "host"}
    assert senders(engine(off, version="1.15"), "shop/web") == {"shop/web", "shop/db", "b/shop/web", "host"}
    assert receivers(engine(off), "shop/web") == ALL


def test_clusterwide() -> None:
    found = engine(ccnp(ingress=[{"fromEndpoints": [{}]}]))
    assert senders(found, "prod/db") == PODS | {"host"}
    init = ccnp(endpointSelector={"matchLabels": {"reserved:init": ""}}, ingress=[{"fromEndpoints": [{}]}])
    assert senders(engine(init), "init") == ALL


def test_local_cluster_setting() -> None:
    web = cnp(ingress=[{"fromEndpoints": [{"matchLabels": {"app": "web"}}]}])
    assert senders(engine(web), "shop/db") == {"shop/web", "b/shop/web", "host"}
    assert senders(engine(web, default_local_cluster=True), "shop/db") == {"shop/web", "host"}
    assert senders(engine(web, default_local_cluster=True, version="1.17"), "shop/db") == {
        "shop/web",
        "b/shop/web",
        "host",
    }


@pytest.mark.parametrize(
    ("port", "covered", "missed"),
    [
        ({"port": "80"}, [("TCP", 80), ("UDP", 80), ("SCTP", 80)], [("TCP", 81), ("ICMP", 80)]),
        ({"port": "80", "protocol": "tcp"}, [("TCP", 80)], [("UDP", 80)]),
        ({"port": "80", "endPort": 90, "protocol": "TCP"}, [("TCP", 80), ("TCP", 90)], [("TCP", 91)]),
        ({"port": "80", "endPort": 70}, [("TCP", 80)], [("TCP", 75)]),
        ({"port": "0", "protocol": "UDP"}, [("UDP", 1), ("UDP", 65535)], [("TCP", 1)]),
        ({"port": "0"}, [("TCP", 1), ("UDP", 65535), ("SCTP", 9)], [("ICMP", 8), ("VRRP", 0)]),
        ({"port": "0", "endPort": 65535}, [("TCP", 1), ("UDP", 65535)], [("ICMP", 8)]),
        ({"port": "0", "endPort": 100}, [("TCP", 1), ("TCP", 100)], [("TCP", 101)]),
        ({"port": "60000", "endPort": 65535}, [("TCP", 65535)], [("TCP", 59999)]),
        ({"port": "0x1F90"}, [], [("TCP", 8080)]),
        ({"port": "1_024"}, [("TCP", 1024)], [("TCP", 1)]),
        ({"port": "0", "protocol": "VRRP"}, [("VRRP", 0)], [("TCP", 0)]),
        ({"port": "SQL"}, [("TCP", 3306)], [("UDP", 3306), ("TCP", 80)]),
        ({"port": "nothing"}, [], [("TCP", 3306)]),
    ],
)
def test_ports(port: Any, covered: list[tuple[str, int]], missed: list[tuple[str, int]]) -> None:
    found = engine(cnp(ingress=[{"fromEntities": ["all"], "toPorts": [{"ports": [port]}]}]))
    for protocol, number in covered:
        assert found.verdict("prod/db", "shop/db", protocol, number).ingress.allowed, (protocol, number)
    for protocol, number in missed:
        assert not found.verdict("prod/db", "shop/db", protocol, number).ingress.allowed, (protocol, number)


def test_named_ports_on_egress_are_those_of_the_mesh() -> None:
    rule: dict[str, Any] = {"toEntities": ["all"], "toPorts": [{"ports": [{"port": "sql"}]}]}
    assert receivers(engine(cnp(egress=[rule])), "shop/web", "TCP", 3306) == ALL
    twice = [*IDENTITIES, pod("prod/odd", ports=(NamedPort("sql", 3307),))]
    policies = compile_policies([cnp(egress=[rule])], Settings(Version(1, 19), local_cluster="a"))
    assert not Engine(policies, twice).verdict("shop/web", "shop/db", "TCP", 3306).egress.allowed


def test_icmp() -> None:
    found = engine(cnp(ingress=[{"icmps": [{"fields": [{"type": "EchoRequest"}, {"type": 128, "family": "IPv6"}]}]}]))
    assert found.verdict("prod/db", "shop/web", "ICMP", 8).ingress.allowed
    assert found.verdict("prod/db", "shop/web", "ICMPv6", 128).ingress.allowed
    assert not found.verdict("prod/db", "shop/web", "ICMP", 0).ingress.allowed
    assert not found.verdict("prod/db", "shop/web", "TCP", 8).ingress.allowed


def test_l7_rules_are_a_condition() -> None:
    http = {"http": [{"method": "GET"}]}
    limited = {"fromEndpoints": [{}], "toPorts": [{"ports": [{"port": "80", "protocol": "TCP"}], "rules": http}]}
    verdict = engine(cnp(ingress=[limited])).verdict("shop/db", "shop/web", "TCP", 80).ingress
    assert (verdict.allowed, verdict.depends_on) == (True, ('http [{"method":"GET"}]',))
    free = engine(cnp(ingress=[limited, {"fromEndpoints": [{}]}])).verdict("shop/db", "shop/web", "TCP", 80).ingress
    assert (free.allowed, free.depends_on, free.rules) == (True, (), ((0, "/spec/ingress/1"),))
    kafka = {"toPorts": [{"ports": [{"port": "80", "protocol": "TCP"}], "rules": {"kafka": [{"topic": "a"}]}}]}
    for version, depends in (("1.19", ('kafka [{"topic":"a"}]',)), ("1.20", ())):
        verdict = engine(cnp(ingress=[kafka]), version=version).verdict("shop/db", "shop/web", "TCP", 80).ingress
        assert (verdict.allowed, verdict.depends_on) == (True, depends)


def test_mutual_authentication_is_a_condition_where_it_is_on() -> None:
    manifest = cnp(ingress=[{"fromEndpoints": [{}], "authentication": {"mode": "required"}}])
    flow = ("shop/db", "shop/web", "TCP", 80)
    assert engine(manifest, version="1.18").verdict(*flow).ingress.depends_on == ("mutual authentication",)
    assert engine(manifest, version="1.19").verdict(*flow).ingress.depends_on == ()
    # Without authentication in the agents, older releases hold the traffic back (Helm `authentication.enabled`).
    for version, depends in (("1.18", ("mutual authentication",)), ("1.19", ())):
        off = engine(manifest, version=version, mutual_authentication=False)
        assert off.verdict(*flow).ingress.depends_on == depends
    on = engine(manifest, version="1.19", mutual_authentication=True)
    assert on.verdict(*flow).ingress.depends_on == ("mutual authentication",)


def test_dns_names() -> None:
    rule = {"toFQDNs": [{"matchPattern": "*.example.com"}], "toPorts": [{"ports": [{"port": "443"}]}]}
    found = engine(cnp(egress=[rule]))
    assert found.verdict("shop/web", "api.example.com", "TCP", 443).egress.allowed
    unknown = found.verdict("shop/web", "partner", "TCP", 443).egress
    assert (unknown.allowed, unknown.depends_on) == (False, ("DNS name *.example.com",))
    assert found.verdict("shop/web", "prod/db", "TCP", 443).egress.depends_on == ()
    assert found.verdict("shop/web", "partner", "TCP", 80).egress.depends_on == ()


def test_deny_rules_have_no_dns_names() -> None:
    """The field is dropped (Cilium pkg/policy/api EgressDenyRule): what is left denies every peer, or nobody."""
    everyone = {"toEntities": ["all"]}
    named: dict[str, Any] = {"toFQDNs": [{"matchName": "api.example.com"}]}
    assert receivers(engine(cnp(egress=[everyone], egressDeny=[named])), "shop/web") == ALL
    with_ports = cnp(egress=[everyone], egressDeny=[{**named, "toPorts": [{"ports": [{"port": "443"}]}]}])
    assert receivers(engine(with_ports), "shop/web", port=443) == set()
    assert receivers(engine(with_ports), "shop/web", port=80) == ALL


def test_groups() -> None:
    group = cnp(ingress=[{"fromGroups": [{"aws": {"region": "eu"}}]}])
    verdict = engine(group).verdict("partner", "shop/web", "TCP", 80).ingress
    assert (verdict.allowed, verdict.depends_on) == (False, ('group {"aws":{"region":"eu"}}',))
    denied = cnp(ingress=[{"fromEntities": ["all"]}], ingressDeny=[{"fromCIDRSet": [{"cidrGroupRef": "bad"}]}])
    verdict = engine(denied).verdict("partner", "shop/web", "TCP", 80).ingress
    assert (verdict.allowed, verdict.depends_on) == (True, ("CIDR group bad",))
    known = Facts(cidr_groups=(CidrGroupView("bad", (parse_prefix("203.0.113.0/24"),), {"kind": "bad"}),))
    assert not engine(denied, facts=known).verdict("partner", "shop/web", "TCP", 80).ingress.allowed
    by_label = cnp(ingress=[{"fromCIDRSet": [{"cidrGroupSelector": {"matchLabels": {"kind": "bad"}}}]}])
    assert senders(engine(by_label, facts=known), "shop/web") == {"partner", "host"}


def services(*views: ServiceView) -> Facts:
    return Facts(services=views)


def test_services() -> None:
    by_name = {"toServices": [{"k8sService": {"serviceName": "db", "namespace": "prod"}}]}
    manifest = cnp(egress=[{**by_name, "toPorts": [{"ports": [{"port": "80"}]}]}])
    known = services(ServiceView("prod", "db", {"app": "db"}), ServiceView("shop", "db", {"app": "db"}))
    assert receivers(engine(manifest, facts=known), "shop/web") == {"prod/db"}
    everywhere = cnp(egress=[{"toServices": [{"k8sService": {"serviceName": "db"}}]}])
    assert receivers(engine(everywhere, facts=known), "shop/web") == {"prod/db", "shop/db"}
    outside = services(ServiceView("prod", "db", addresses=("203.0.113.7", "not an address")))
    assert receivers(engine(manifest, facts=outside), "shop/web") == {"partner"}
    unknown = engine(manifest).verdict("shop/web", "prod/db", "TCP", 80).egress
    assert (unknown.allowed, unknown.depends_on) == (False, ("service prod/db",))
    before = engine(cnp(egress=[by_name]), facts=known, version="1.16")
    assert receivers(before, "shop/web") == set()
    labelled = services(ServiceView("prod", "x", {"app": "db"}, {"tier": "data"}))
    selector = {"k8sServiceSelector": {"selector": {"matchLabels": {"tier": "data"}}, "namespace": "prod"}}
    assert receivers(engine(cnp(egress=[{"toServices": [selector]}]), facts=labelled), "shop/web") == {"prod/db"}
    remote = services(ServiceView("shop", "web", {"app": "web"}))
    by_web = cnp(egress=[{"toServices": [{"k8sService": {"serviceName": "web", "namespace": "shop"}}]}])
    assert receivers(engine(by_web, facts=remote), "shop/db") == {"shop/web", "b/shop/web"}
    assert receivers(engine(by_web, facts=remote, default_local_cluster=True), "shop/db") == {"shop/web"}


def test_required_labels_narrow_every_rule_of_the_subject() -> None:
    web = {"matchLabels": {"app": "web"}}
    requiring = cnp(ingress=[{"fromRequires": [web]}])
    allowing = cnp(ingress=[{"fromEndpoints": [{}]}, {"fromEntities": ["health"]}])
    found = engine(requiring, allowing, version="1.18")
    assert senders(found, "shop/db") == {"shop/web", "b/shop/web", "health", "host"}


def test_required_labels_mean_the_namespace_of_their_policy() -> None:
    """Source: Cilium pkg/k8s/apis/cilium.io/utils, parseToCiliumIngressCommonRule."""
    requiring = cnp(ingress=[{"fromRequires": [{"matchLabels": {"app": "db"}}]}])
    anywhere = {"matchExpressions": [{"key": "k8s:io.kubernetes.pod.namespace", "operator": "Exists"}]}
    found = engine(requiring, cnp(ingress=[{"fromEndpoints": [anywhere]}]), version="1.18")
    assert senders(found, "shop/web") == {"shop/db", "host"}


def test_nodes_match_addresses_only_when_told() -> None:
    node = Identity(
        "node-1",
        frozenset({Label("reserved", "remote-node")}),
        addresses=(parse_prefix("172.16.0.9/32"),),
    )
    manifest = cnp(ingress=[{"fromCIDR": ["172.16.0.0/12"]}])
    for match_nodes in (False, True):
        chosen = Settings(Version(1, 19), local_cluster="a", cidr_match_nodes=match_nodes)
        found = Engine(compile_policies([manifest], chosen), [*IDENTITIES, node])
        assert found.verdict("node-1", "shop/web", "TCP", 80).ingress.allowed is match_nodes


def test_version_differences() -> None:
    labels = cnp(ingress=[{"fromEndpoints": [{"matchLabels": {"k8s:io.cilium.k8s.namespace.labels.team": "p"}}]}])
    assert senders(engine(labels, version="1.15"), "shop/web") == {"host"}
    assert senders(engine(labels, version="1.16"), "shop/web") == {"prod/db", "host"}
    ranges = cnp(ingress=[{"toPorts": [{"ports": [{"port": "80", "endPort": 90}]}]}])
    assert not engine(ranges, version="1.15").verdict("prod/db", "shop/web", "TCP", 85).ingress.allowed
    stars = cnp(egress=[{"toFQDNs": [{"matchPattern": "**.com"}]}])
    name = "api.example.com"
    assert engine(stars, version="1.18").verdict("shop/web", name, "TCP", 1).egress.allowed is False
    assert engine(stars, version="1.19").verdict("shop/web", name, "TCP", 1).egress.allowed is True
    mesh = cnp(ingress=[{"fromEntities": ["cluster-mesh"]}])
    assert senders(engine(mesh, version="1.20"), "shop/web") == ALL - OUTSIDE


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"ingress": []}, {"host"}),
        ({"policyTypes": ["Ingress"]}, {"host"}),
        ({"policyTypes": ["Egress"]}, ALL),
        ({"ingress": [{}]}, ALL),
        ({"ingress": [{"from": [], "ports": []}]}, ALL),
        ({"ingress": [{"ports": [{"port": 80}]}]}, ALL),
        ({"ingress": [{"ports": [{"port": 80, "protocol": "UDP"}]}]}, {"host"}),
        ({"ingress": [{"from": [{"podSelector": {}}]}]}, {"shop/web", "shop/db", "b/shop/web", "host"}),
        ({"ingress": [{"from": [{"namespaceSelector": {}}]}]}, PODS | {"host"}),
        ({"ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"team": "p"}}, "podSelector": {}}]}]},
         {"prod/db", "host"}),
        ({"ingress": [{"from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "web"}}}]}]},
         {"shop/web", "b/shop/web", "host"}),
        ({"ingress": [{"from": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}]}]},
         {"partner", "api.example.com", "host"}),
    ],
)  # fmt: skip
def test_network_policies(spec: dict[str, Any], expected: set[str]) -> None:
    assert senders(engine(knp(**spec)), "shop/web") == expected


def test_network_policies_and_the_local_cluster() -> None:
    any_pod = knp(ingress=[{"from": [{"namespaceSelector": {}}]}])
    assert senders(engine(any_pod, default_local_cluster=True), "shop/web") == {
        "shop/web",
        "shop/db",
        "prod/db",
        "host",
    }
    exists = {"matchExpressions": [{"key": "io.cilium.k8s.policy.cluster", "operator": "Exists"}]}
    opted_out = knp(ingress=[{"from": [{"namespaceSelector": {}, "podSelector": exists}]}])
    assert senders(engine(opted_out, default_local_cluster=True), "shop/web") == PODS | {"host"}


def test_an_empty_cluster_label_of_a_network_policy_is_overwritten() -> None:
    """Cilium pkg/k8s isPodSelectorSelectingCluster: an empty value names no cluster."""
    empty = {"matchLabels": {"io.cilium.k8s.policy.cluster": ""}}
    peers = knp(ingress=[{"from": [{"namespaceSelector": {}, "podSelector": empty}]}])
    local = {"shop/web", "shop/db", "prod/db", "host"}
    assert senders(engine(peers, default_local_cluster=True), "shop/web") == local
    assert senders(engine(peers), "shop/web") == {"host"}


def test_rejected_policies_do_nothing() -> None:
    mixed = cnp(ingress=[{"fromEndpoints": [{}], "fromEntities": ["all"]}])
    policies = compile_policies([mixed], Settings(Version(1, 19)))
    assert policies.rejections[0] is not None
    assert Engine(policies, IDENTITIES).verdict("prod/db", "shop/web", "TCP", 80).allowed


def test_specs_and_namespace_of_landing() -> None:
    manifest = cnp(ingress=[{}])
    del manifest["metadata"]["namespace"]
    manifest["specs"] = [{"endpointSelector": {}, "egress": [{"toEndpoints": [{}]}]}]
    policies = compile_policies([manifest], Settings(Version(1, 19)), namespaces=["prod"])
    found = Engine(policies, IDENTITIES)
    assert senders(found, "prod/db") == {"host"}
    assert receivers(found, "prod/db") == {"prod/db"}


@pytest.mark.parametrize("version", ["1.19", "1.20"])
def test_agrees_with_recorded_flows(version: str) -> None:
    wrong = []
    for case in verdict_cases():
        answer = answer_case(case, parse_version(version))
        for flow, found in zip(case["flows"], answer["flows"], strict=True):
            if flow[4:6] != found:
                wrong.append((case["id"], flow, found))
    assert wrong == []


def test_order_does_not_matter() -> None:
    """Of policies, of rules and selectors in them, and of labels."""
    shuffle = random.Random(7)

    def shuffled(node: Any) -> Any:
        if isinstance(node, dict):
            items = [(key, shuffled(value)) for key, value in node.items()]
            shuffle.shuffle(items)
            return dict(items)
        if isinstance(node, list):
            items = [shuffled(item) for item in node]
            shuffle.shuffle(items)
            return items
        return node

    for case in verdict_cases()[::25]:
        policies = [{"manifest": shuffled(entry["manifest"])} for entry in case["policies"]]
        shuffle.shuffle(policies)
        identities = [{**item, "labels": shuffled(item["labels"])} if "labels" in item else item
                      for item in case["identities"]]  # fmt: skip
        assert (
            answer_case({**case, "policies": policies, "identities": identities})["flows"] == answer_case(case)["flows"]
        )
