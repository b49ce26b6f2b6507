from __future__ import annotations

from typing import Any

import pytest
import yaml

from rewriter.finding import Applicability, Severity
from rewriter.inventory.facts.model import NamedPort, ServicePort
from rewriter.passes.service_with_ports import find
from rewriter.passes.unresolved_reference import find as unresolved
from tests.passes.support import Facts, Run, cluster, endpoint_slice, run, service, words, workload

NAMESPACE = "k8s:io.kubernetes.pod.namespace"
DB = service("db-service", "prod", {"app": "db"}, [(3306, 3306)])
REFERENCE = "{k8sService: {serviceName: db-service, namespace: prod}}"
DB_PEER = {"matchLabels": {"app": "db", NAMESPACE: "prod"}}
GLOBAL = {"service.cilium.io/global": "true"}


def policy(rule: str, *, deny: bool = False, kind: str = "CiliumNetworkPolicy") -> dict[str, Any]:
    rules = yaml.safe_load(rule)
    return {
        "apiVersion": "cilium.io/v2",
        "kind": kind,
        "metadata": {"name": "p"} if kind.startswith("CiliumCl") else {"name": "p", "namespace": "default"},
        "spec": {
            "endpointSelector": {"matchLabels": {"app": "myclient"}},
            "egressDeny" if deny else "egress": rules if isinstance(rules, list) else [rules],
        },
    }


def rule(service_reference: str = REFERENCE, ports: str = "{port: '3306', protocol: TCP}") -> str:
    return f"{{toServices: [{service_reference}], toPorts: [{{ports: [{ports}]}}]}}"


def ports_of(result: Run, index: int = 0) -> list[dict[str, Any]]:
    return [port for item in result.manifest["spec"]["egress"][index]["toPorts"] for port in item["ports"]]


def facts(*services: Any, **more: Any) -> Facts:
    return Facts(services_=services or (DB,), **more)


@pytest.mark.parametrize(
    "text",
    [
        "{toServices: [" + REFERENCE + "]}",
        "{toServices: [" + REFERENCE + "], toPorts: []}",
        "{toServices: [" + REFERENCE + "], toPorts: null}",
        "{toServices: [], toPorts: [{ports: [{port: '3306'}]}]}",
        "{toServices: null, toPorts: [{ports: [{port: '3306'}]}]}",
        "{toEndpoints: [{}], toPorts: [{ports: [{port: '3306'}]}]}",
        "{toPorts: [{ports: [{port: '3306'}]}]}",
        "{toServices: [" + REFERENCE + "], icmps: [{fields: [{type: 8}]}]}",
    ],
)
def test_nothing_to_say(text: str) -> None:
    assert run(find, policy(text), facts()).findings == []


def test_ingress_has_no_services() -> None:
    manifest = policy(rule())
    manifest["spec"]["ingress"] = manifest["spec"].pop("egress")
    assert run(find, manifest, facts()).findings == []


def test_the_article() -> None:
    result = run(find, policy(rule()), facts(), from_version="1.16", to_version="1.17")
    assert result.manifest["spec"]["egress"] == [
        {"toEndpoints": [DB_PEER], "toPorts": [{"ports": [{"port": "3306", "protocol": "TCP"}]}]}
    ]
    assert result.only.applicability is Applicability.EVIDENT
    assert result.only.severity is Severity.ERROR
    assert "pods app=myclient in default enter default deny" in result.only.why
    assert result.only.evidence == ("Service prod/db-service, facts.yaml:1: selector app=db, port 3306/TCP → 3306",)
    assert result.only.closes


def test_what_is_enforced_with_the_right_ports_is_a_safe_note() -> None:
    only = run(find, policy(rule()), facts(), from_version="1.17", to_version="1.18").only
    assert (only.severity, only.applicability) == (Severity.NOTE, Applicability.SAFE)
    assert not only.opens
    assert not only.closes


WEB = service(
    "web",
    "prod",
    {"app": "web"},
    [
        ServicePort("http", 80, "TCP", 8080),
        ServicePort("https", 443, "TCP", "tls"),
        ServicePort("dns", 53, "UDP", 5353),
        ServicePort("dns-tcp", 53, "TCP", 5353),
        ServicePort("split", 500, "UDP", 5000),
        ServicePort("split-tcp", 500, "TCP", 5001),
        ServicePort("same", 9000, "TCP", 9000),
        ServicePort("first", 700, "TCP", 701),
        ServicePort("second", 701, "TCP", 702),
    ],
)
WEB_REFERENCE = "{k8sService: {serviceName: web, namespace: prod}}"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"port": "80", "protocol": "TCP"}, [{"port": "8080", "protocol": "TCP"}]),
        ({"port": "80"}, [{"port": "8080"}]),
        ({"port": "80", "protocol": "ANY"}, [{"port": "8080", "protocol": "ANY"}]),
        ({"port": "8080", "protocol": "TCP"}, [{"port": "8080", "protocol": "TCP"}]),
        ({"port": "0120"}, [{"port": "8080"}]),
        ({"port": "443", "protocol": "TCP"}, [{"port": "tls", "protocol": "TCP"}]),
        ({"port": "tls"}, [{"port": "tls"}]),
        ({"port": "53"}, [{"port": "5353"}]),
        ({"port": "53", "protocol": "UDP"}, [{"port": "5353", "protocol": "UDP"}]),
        ({"port": "500"}, [{"port": "5000", "protocol": "UDP"}, {"port": "5001", "protocol": "TCP"}]),
        ({"port": "500", "protocol": "TCP"}, [{"port": "5001", "protocol": "TCP"}]),
        ({"port": "9000"}, [{"port": "9000"}]),
        ({"port": "0"}, [{"port": "0"}]),
        ({"port": "9000", "endPort": 9010}, [{"port": "9000", "endPort": 9010}]),
        ({"port": "8000", "endPort": 8100}, [{"port": "8000", "endPort": 8100}]),
        ({"port": "70", "endPort": 9999}, None),
        ({"port": "80", "endPort": 90}, None),
        ({"port": "1000", "endPort": 1010}, None),
        ({"port": "80", "protocol": "UDP"}, None),
        ({"port": "701"}, None),
        ({"port": "3306"}, None),
        ({"port": "http"}, None),
        ({"port": "metrics"}, None),
        ({"port": "70000"}, None),
        ({"port": 80}, None),
        ({}, None),
        ("80", None),
    ],
)
def test_ports(written: Any, expected: list[dict[str, Any]] | None) -> None:
    manifest = policy("{toServices: [" + WEB_REFERENCE + "]}")
    manifest["spec"]["egress"][0]["toPorts"] = [{"ports": [written]}]
    result = run(find, manifest, facts(WEB))
    if expected is None:
        assert result.only.applicability is Applicability.MANUAL
        assert result.only.fix is None
        assert result.only.advice
    else:
        assert ports_of(result) == expected
        assert result.only.applicability is (Applicability.SAFE if expected == [written] else Applicability.EVIDENT)


def test_a_wrong_port_is_an_error_that_names_both() -> None:
    only = run(find, policy(rule(WEB_REFERENCE, "{port: '80', protocol: TCP}")), facts(WEB)).only
    assert only.severity is Severity.ERROR
    assert only.message == "`toPorts` names port 80/TCP of Service prod/web, which means 8080/TCP"
    assert words(only.opens) == ("from pods app=myclient in default to backends of Service prod/web on 8080/TCP",)
    assert words(only.closes) == ("from pods app=myclient in default to backends of Service prod/web on 80/TCP",)


@pytest.mark.parametrize(
    ("containers", "written", "expected"),
    [
        # A container calls its port so: already the backend's.
        ([NamedPort("http", 8080)], "http", "http"),
        # Containers have other names, so it is the name of the Service's port.
        ([NamedPort("web", 8080)], "http", "8080"),
        # Behind the name tls listens 8443: written by number it is the backend's port already.
        ([NamedPort("tls", 8443)], "8443", "8443"),
    ],
)
def test_container_ports_tell_names(containers: list[NamedPort], written: str, expected: str) -> None:
    pods = workload("web", "prod", {"app": "web"}, ports=tuple(containers))
    result = run(find, policy(rule(WEB_REFERENCE, f"{{port: '{written}'}}")), facts(WEB, workloads=[pods]))
    assert ports_of(result) == [{"port": expected}]


def test_a_port_of_nobody_names_what_the_service_has() -> None:
    only = run(find, policy(rule(ports="{port: '5432'}")), facts()).only
    assert only.severity is Severity.ERROR
    assert "port 5432 is neither a port of Service prod/db-service nor a backend port" in only.message
    assert "3306/TCP → 3306" in only.message


def test_where_no_port_is_named_none_is_wrong() -> None:
    only = run(find, policy("{toServices: [" + REFERENCE + "], toPorts: [{ports: []}]}"), facts()).only
    assert only.applicability is Applicability.SAFE
    assert "no port of" not in only.message


def test_l7_rules_and_other_members_stay() -> None:
    text = (
        "{toServices: [" + WEB_REFERENCE + "], authentication: {mode: required},"
        " toPorts: [{ports: [{port: '80', protocol: TCP}], rules: {http: [{method: GET}]}}]}"
    )
    [new] = run(find, policy(text), facts(WEB)).manifest["spec"]["egress"]
    assert new["toPorts"] == [{"ports": [{"port": "8080", "protocol": "TCP"}], "rules": {"http": [{"method": "GET"}]}}]
    assert new["authentication"] == {"mode": "required"}


def test_services_with_equal_ports_share_a_rule() -> None:
    other = service("replica", "prod", {"app": "replica"}, [(3306, 3306)])
    both = REFERENCE + ", {k8sService: {serviceName: replica, namespace: prod}}"
    [new] = run(find, policy(rule(both)), facts(DB, other)).manifest["spec"]["egress"]
    assert new["toEndpoints"] == [DB_PEER, {"matchLabels": {"app": "replica", NAMESPACE: "prod"}}]


def test_services_with_unequal_ports_get_a_rule_each() -> None:
    cache = service("cache", "prod", {"app": "cache"}, [(6379, 6380)])
    both = REFERENCE + ", {k8sService: {serviceName: cache, namespace: prod}}"
    result = run(
        find,
        policy(rule(both, "{port: '3306', protocol: TCP}, {port: '6379', protocol: TCP}")),
        facts(DB, cache),
    )
    assert result.manifest["spec"]["egress"] == [
        {"toEndpoints": [DB_PEER], "toPorts": [{"ports": [{"port": "3306", "protocol": "TCP"}]}]},
        {
            "toEndpoints": [{"matchLabels": {"app": "cache", NAMESPACE: "prod"}}],
            "toPorts": [{"ports": [{"port": "6380", "protocol": "TCP"}]}],
        },
    ]
    assert result.only.applicability is Applicability.EVIDENT


def test_an_item_of_which_no_port_is_left_goes() -> None:
    cache = service("cache", "prod", {"app": "cache"}, [(6379, 6379)])
    text = (
        "{toServices: [" + REFERENCE + ", {k8sService: {serviceName: cache, namespace: prod}}],"
        " toPorts: [{ports: [{port: '6379'}]}, {ports: [{port: '3306'}]}]}"
    )
    result = run(find, policy(text), facts(DB, cache)).manifest["spec"]["egress"]
    assert [new["toPorts"] for new in result] == [[{"ports": [{"port": "3306"}]}], [{"ports": [{"port": "6379"}]}]]


def test_a_service_with_none_of_the_ports_is_left_to_a_person() -> None:
    cache = service("cache", "prod", {"app": "cache"}, [(6379, 6379)])
    both = REFERENCE + ", {k8sService: {serviceName: cache, namespace: prod}}"
    only = run(find, policy(rule(both)), facts(DB, cache)).only
    assert only.fix is None
    assert "no port of Service prod/cache" in only.message


@pytest.mark.parametrize(
    ("selector", "services"),
    [
        ("{selector: {matchLabels: {tier: db}}, namespace: prod}", {"a", "b"}),
        ("{selector: {matchLabels: {tier: db}}}", {"a", "b", "c"}),
        ("{selector: {matchExpressions: [{key: tier, operator: In, values: [db, x]}]}, namespace: prod}", {"a", "b"}),
        ("{selector: {matchExpressions: [{key: zone, operator: DoesNotExist}]}, namespace: prod}", {"a"}),
        ("{selector: {}, namespace: prod}", None),
        ("{namespace: prod}", None),
        ("{selector: [], namespace: prod}", None),
    ],
)
def test_services_by_their_labels(selector: str, services: set[str] | None) -> None:
    known = [
        service("a", "prod", {"app": "a"}, [(3306, 3306)], labels={"tier": "db"}),
        service("b", "prod", {"app": "b"}, [(3306, 3306)], labels={"tier": "db", "zone": "1"}),
        service("c", "other", {"app": "c"}, [(3306, 3306)], labels={"tier": "db"}),
    ]
    result = run(find, policy(rule(f"{{k8sServiceSelector: {selector}}}")), facts(*known))
    if services is None:
        assert result.only.fix is None
    else:
        [new] = result.manifest["spec"]["egress"]
        assert {peer["matchLabels"]["app"] for peer in new["toEndpoints"]} == services
        # Other Services with such labels may exist: this rests on knowing all of them.
        assert result.only.applicability is Applicability.EVIDENT


def test_a_namespace_left_out_is_any_that_has_the_name() -> None:
    reference = "{k8sService: {serviceName: db-service}}"
    result = run(find, policy(rule(reference)), facts())
    assert result.manifest["spec"]["egress"][0]["toEndpoints"] == [DB_PEER]
    assert result.only.applicability is Applicability.EVIDENT
    twice = facts(DB, service("db-service", "dev", {"app": "db"}, [(3306, 3306)]))
    only = run(find, policy(rule(reference)), twice).only
    assert only.fix is None
    assert "dev and prod" in only.message


@pytest.mark.parametrize(
    ("reference", "command"),
    [
        (REFERENCE, "kubectl get service -n prod db-service -o yaml"),
        ("{k8sService: {serviceName: x}}", "kubectl get services -A --field-selector metadata.name=x -o yaml"),
        ("{k8sServiceSelector: {selector: {matchLabels: {a: b}}}}", "kubectl get services -A --show-labels"),
    ],
)
def test_an_unknown_service_comes_with_the_command_that_finds_it(reference: str, command: str) -> None:
    only = run(find, policy(rule(reference)), Facts(), from_version="1.16").only
    assert only.applicability is Applicability.MANUAL
    assert only.severity is Severity.ERROR
    assert command in only.advice
    assert run(find, policy(rule(reference)), Facts()).only.severity is Severity.NOTE


def test_a_service_that_is_told_twice_and_not_the_same_is_not_known() -> None:
    only = run(find, policy(rule()), facts(DB, service("db-service", "prod", {"app": "x"}, [(3306, 3306)]))).only
    assert only.fix is None
    assert "twice" in only.message
    assert run(find, policy(rule()), facts(DB, DB)).only.fix is not None


MESH = [cluster("a", local=True), cluster("b"), cluster("c")]


def test_only_services_of_the_policys_own_cluster_count() -> None:
    there = service("db-service", "prod", {"app": "there"}, [(3306, 3306)], cluster="b")
    only = run(find, policy(rule()), facts(there, clusters=MESH)).only
    assert only.fix is None
    assert "known in b only, not in a" in only.message
    here = service("db-service", "prod", {"app": "db"}, [(3306, 3306)], cluster="a")
    assert run(find, policy(rule()), facts(here, there, clusters=MESH)).only.fix is not None


def test_a_global_service_selects_the_clusters_that_share_it() -> None:
    def known(name: str, annotations: dict[str, str]) -> Any:
        return service("db-service", "prod", {"app": "db"}, [(3306, 3306)], cluster=name, annotations=annotations)

    services = (known("a", GLOBAL), known("b", GLOBAL), known("c", {**GLOBAL, "service.cilium.io/shared": "false"}))
    result = run(find, policy(rule()), facts(*services, clusters=MESH))
    [peer] = result.manifest["spec"]["egress"][0]["toEndpoints"]
    assert peer == DB_PEER | {
        "matchExpressions": [{"key": "io.cilium.k8s.policy.cluster", "operator": "In", "values": ["a", "b"]}]
    }
    alone = run(find, policy(rule()), facts(services[0], clusters=MESH[:1]))
    assert alone.manifest["spec"]["egress"][0]["toEndpoints"] == [DB_PEER]


def test_remote_pods_that_the_upgrade_loses_are_told() -> None:
    only = run(find, policy(rule()), facts(DB, clusters=MESH), from_version="1.18", to_version="1.19").only
    assert only.applicability is Applicability.EVIDENT
    assert only.closes
    same = run(find, policy(rule()), facts(DB, clusters=MESH), from_version="1.19", to_version="1.20").only
    assert same.applicability is Applicability.SAFE


BARE = service("legacy", "prod", None, [ServicePort("sql", 3306, "TCP", 3306)])
LEGACY = "{k8sService: {serviceName: legacy, namespace: prod}}"


def test_a_service_without_selector_becomes_its_addresses() -> None:
    inventory = facts(BARE, slices=[endpoint_slice("legacy", "prod", ["192.0.2.7", "2001:db8::7"])])
    [new] = run(find, policy(rule(LEGACY)), inventory).manifest["spec"]["egress"]
    assert new["toCIDRSet"] == [{"cidr": "192.0.2.7/32"}, {"cidr": "2001:db8::7/128"}]


@pytest.mark.parametrize("address", ["10.0.1.2", "172.16.0.9", "10.96.0.1", "nonsense"])
def test_addresses_of_the_mesh_are_left_to_a_person(address: str) -> None:
    own = cluster(
        "a", local=True, pod_cidrs=("10.0.0.0/16",), node_cidrs=("172.16.0.0/24",), service_cidrs=("10.96.0.0/12",)
    )
    inventory = facts(BARE, slices=[endpoint_slice("legacy", "prod", [address])], clusters=[own])
    assert run(find, policy(rule(LEGACY)), inventory).only.fix is None


def test_a_service_without_selector_and_endpoints_is_not_known() -> None:
    assert "EndpointSlice is not known" in run(find, policy(rule(LEGACY)), facts(BARE)).only.message


def external(name: str) -> Any:
    return service("mail", "prod", None, type="ExternalName", external_name=name)


MAIL = "{k8sService: {serviceName: mail, namespace: prod}}"


def test_an_external_name_becomes_its_dns_name() -> None:
    result = run(find, policy(rule(MAIL, "{port: '25'}")), facts(external("smtp.example.com.")))
    assert result.manifest["spec"]["egress"] == [
        {"toFQDNs": [{"matchName": "smtp.example.com"}], "toPorts": [{"ports": [{"port": "25"}]}]}
    ]
    assert not result.only.opens, "the rule had no peers, and its port was open to everybody"
    assert result.only.closes
    assert "an ExternalName has no backends" in result.only.why
    assert result.only.applicability is Applicability.EVIDENT


def test_an_external_name_of_the_cluster_or_in_a_deny_rule_is_left_to_a_person() -> None:
    assert run(find, policy(rule(MAIL)), facts(external("db.prod.svc.cluster.local"))).only.fix is None
    assert run(unresolved, policy(rule(MAIL), deny=True), facts(external("smtp.example.com"))).only.fix is None


@pytest.mark.parametrize(
    ("slices", "written", "expected"),
    [([], "443", "6443"), ([443], "443", "443"), ([8443], "443", "8443"), ([], "6443", "6443")],
)
def test_the_api_server_is_an_entity(slices: list[int], written: str, expected: str) -> None:
    told = [endpoint_slice("kubernetes", "default", ["192.0.2.1"], slices)] if slices else []
    reference = "{k8sService: {serviceName: kubernetes, namespace: default}}"
    result = run(find, policy(rule(reference, f"{{port: '{written}', protocol: TCP}}")), Facts(slices=told))
    assert result.manifest["spec"]["egress"] == [
        {"toEntities": ["kube-apiserver"], "toPorts": [{"ports": [{"port": expected, "protocol": "TCP"}]}]}
    ]
    assert result.only.applicability is Applicability.EVIDENT


@pytest.mark.parametrize(
    ("selector", "meant"),
    [
        ("matchLabels: {provider: kubernetes}", True),
        ("matchLabels: {component: apiserver, provider: kubernetes}", True),
        ("matchExpressions: [{key: component, operator: In, values: [apiserver]}]", True),
        ("matchExpressions: [{key: component, operator: In, values: [apiserver, scheduler]}]", False),
        ("matchLabels: {provider: kubernetes, app: x}", False),
        ("matchLabels: {provider: other}", False),
        ("matchExpressions: [{key: app, operator: DoesNotExist}]", False),
        ("matchExpressions: [{key: provider, operator: Exists}]", False),
    ],
)
def test_the_api_server_by_the_labels_of_its_service(selector: str, meant: bool) -> None:
    written = policy(rule(f"{{k8sServiceSelector: {{selector: {{{selector}}}}}}}", "{port: '443'}"))
    assert (run(find, written, Facts()).only.fix is not None) is meant
    elsewhere = f"{{k8sServiceSelector: {{selector: {{{selector}}}, namespace: prod}}}}"
    assert run(find, policy(rule(elsewhere, "{port: '443'}")), Facts()).only.fix is None
    other = Facts(
        services_=[service("other", "prod", {"app": "x"}, labels={"component": "apiserver", "provider": "kubernetes"})]
    )
    assert "kube-apiserver" not in str(run(find, written, other).manifest)


def test_kinds_of_peer_get_a_rule_each() -> None:
    both = REFERENCE + ", {k8sService: {serviceName: kubernetes, namespace: default}}"
    result = run(find, policy(rule(both, "{port: '3306'}, {port: '443'}")), facts())
    assert result.manifest["spec"]["egress"] == [
        {"toEndpoints": [DB_PEER], "toPorts": [{"ports": [{"port": "3306"}]}]},
        {"toEntities": ["kube-apiserver"], "toPorts": [{"ports": [{"port": "6443"}]}]},
    ]


def test_deny_rules_are_of_another_pass() -> None:
    for release in ("1.16", "1.18"):
        assert run(find, policy(rule(), deny=True), facts(), from_version=release).findings == []
    made = run(unresolved, policy(rule(WEB_REFERENCE, "{port: '80'}"), deny=True), facts(WEB)).only
    assert (made.applicability, made.severity) == (Applicability.UNSAFE, Severity.ERROR)


def test_other_peers_of_the_rule_come_first() -> None:
    mixed = rule().replace("{toServices", "{toCIDR: [192.0.2.0/24], toServices", 1)
    assert run(find, policy(mixed), facts()).only.fix is None
    nobody = rule().replace("{toServices", "{toEndpoints: [], toServices", 1)
    assert run(find, policy(nobody), facts()).only.fix is None
    requires = "[" + rule() + ", {toRequires: [{matchLabels: {a: b}}]}]"
    assert run(find, policy(requires), facts()).only.fix is None


def test_specs_and_clusterwide_policies_and_the_files_own_key_style() -> None:
    manifest = policy(rule(), kind="CiliumClusterwideNetworkPolicy")
    spec = manifest.pop("spec")
    spec["egress"].append({"toEndpoints": [{"matchLabels": {"io.kubernetes.pod.namespace": "x"}}]})
    manifest["specs"] = [spec]
    result = run(find, manifest, facts())
    assert result.manifest["specs"][0]["egress"][0]["toEndpoints"] == [
        {"matchLabels": {"app": "db", "io.kubernetes.pod.namespace": "prod"}}
    ]


def test_a_rule_that_is_there_is_not_added_again() -> None:
    cache = service("cache", "prod", {"app": "cache"}, [(6379, 6379)])
    both = REFERENCE + ", {k8sService: {serviceName: cache, namespace: prod}}"
    there = "{toEndpoints: [{matchLabels: {app: cache, k8s:io.kubernetes.pod.namespace: prod}}]}"
    ports = "{port: '3306'}, {port: '6379'}"
    text = f"[{rule(both, ports)}, {there}]"
    result = run(find, policy(text), facts(DB, cache))
    assert len(result.manifest["spec"]["egress"]) == 2
