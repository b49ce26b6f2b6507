from __future__ import annotations

from typing import Any

import pytest
import yaml

from rewriter.finding import Applicability, Severity
from rewriter.passes.mixed_peers import find
from tests.passes.policies import ccnp, cnp, other
from tests.passes.support import Facts, cluster, run, words, workload


@pytest.mark.parametrize(
    "rules",
    [
        "ingress: [{fromEndpoints: [{}]}, {fromCIDR: [10.0.0.0/8]}]",
        "ingress: [{fromEndpoints: [{}], fromCIDR: []}]",
        "ingress: [{fromEndpoints: [{}], fromCIDR: null}]",
        "ingress: [{fromEndpoints: [{}], fromRequires: [{}]}]",
        "ingress: [{fromEndpoints: [{}], toPorts: [{ports: [{port: '80'}]}], authentication: {mode: required}}]",
        "ingress: [{}]",
        "ingress: []",
        "ingress: null",
        "ingress: [null]",
        "ingress: {fromEndpoints: [{}], fromEntities: [all]}",
        "ingress: [{toEndpoints: [{}], toCIDR: [10.0.0.0/8]}]",
        "ingress: [{fromEndpoints: {a: b}, fromCIDR: [10.0.0.0/8]}]",
        "egress: [{toServices: [{k8sService: {serviceName: a}}], toPorts: [{ports: [{port: '80'}]}]}]",
        "egressDeny: [{toEntities: [world], toFQDNs: [{matchName: example.com}]}]",
    ],
)
def test_nothing_to_say(rules: str) -> None:
    assert run(find, cnp(rules)).findings == []


@pytest.mark.parametrize("manifest", [cnp, ccnp])
def test_each_kind_gets_a_rule_with_the_same_ports(manifest: Any) -> None:
    rules = "ingress: [{fromCIDR: [10.0.0.0/8], fromEndpoints: [{}], toPorts: [{ports: [{port: '80'}]}]}]"
    result = run(find, manifest(rules))
    assert result.manifest["spec"]["ingress"] == [
        {"fromCIDR": ["10.0.0.0/8"], "toPorts": [{"ports": [{"port": "80"}]}]},
        {"fromEndpoints": [{}], "toPorts": [{"ports": [{"port": "80"}]}]},
    ]
    assert (result.only.severity, result.only.applicability) == (Severity.ERROR, Applicability.UNSAFE)
    assert "every release rejects the policy" in result.only.message
    assert result.only.route == "/spec/ingress/0/fromEndpoints"


PAIRS = [
    ("ingress", ("fromEndpoints: [{}]", "fromEntities: [host]", "fromCIDR: [10.0.0.0/8]", "fromGroups: [{aws: {}}]")),
    ("ingress", ("fromCIDRSet: [{cidr: 10.0.0.0/8}]", "fromNodes: [{}]")),
    ("egress", ("toServices: [{k8sService: {serviceName: a}}]", "toFQDNs: [{matchName: example.com}]")),
    ("egress", ("toGroups: [{aws: {}}]", "toNodes: [{}]", "toCIDRSet: [{cidr: 10.0.0.0/8}]")),
]


@pytest.mark.parametrize(("direction", "members"), PAIRS)
def test_any_number_of_kinds(direction: str, members: tuple[str, ...]) -> None:
    result = run(find, cnp(f"{direction}: [{{{', '.join(members)}}}]"))
    assert result.manifest["spec"][direction] == [yaml.safe_load(f"{{{member}}}") for member in members]


def test_several_rules_of_one_list() -> None:
    result = run(
        find,
        cnp("ingress: [{fromEndpoints: [{}], fromEntities: [host]}, {fromCIDR: [10.0.0.0/8], fromEntities: [health]}]"),
    )
    assert result.manifest["spec"]["ingress"] == [
        {"fromEndpoints": [{}]},
        {"fromEntities": ["host"]},
        {"fromCIDR": ["10.0.0.0/8"]},
        {"fromEntities": ["health"]},
    ]


def test_a_rule_that_is_there_is_not_added() -> None:
    result = run(find, cnp("ingress: [{fromEndpoints: [{}], fromEntities: [host]}, {fromEntities: [host, health]}]"))
    assert result.manifest["spec"]["ingress"] == [{"fromEndpoints": [{}]}, {"fromEntities": ["host", "health"]}]


def test_an_empty_list_is_left_to_a_person() -> None:
    result = run(find, cnp("ingress: [{fromEndpoints: [], fromEntities: [host], fromCIDR: [10.0.0.0/8]}]"))
    assert result.only.applicability is Applicability.MANUAL
    assert result.only.fix is None
    assert "`fromEndpoints` is empty" in result.only.advice


DENY = "egressDeny: [{toEntities: [world], toCIDR: [10.0.0.0/8]}]"


@pytest.mark.parametrize(
    ("before", "after", "trust"),
    [
        ("1.16", "1.17", Applicability.SAFE),
        ("1.15", "1.20", Applicability.SAFE),
        ("1.17", "1.18", Applicability.UNSAFE),
    ],
)
def test_deny_rules_are_enforced_until_1_17(before: str, after: str, trust: Applicability) -> None:
    only = run(find, cnp(DENY), from_version=before, to_version=after).only
    assert only.applicability is trust
    assert "Cilium 1.17 and later rejects" in only.message
    assert bool(only.closes) == (trust is Applicability.UNSAFE)


def test_deny_rules_before_1_17() -> None:
    assert run(find, cnp(DENY), from_version="1.15", to_version="1.16").findings == []


def test_node_peers_that_the_source_does_not_read() -> None:
    rules = "ingress: [{fromNodes: [{}], fromEndpoints: [{}], toPorts: [{ports: [{port: '80'}]}]}]"
    only = run(find, cnp(rules), from_version="1.15", to_version="1.16").only
    assert (only.applicability, only.fix) == (Applicability.MANUAL, None)
    assert "Cilium 1.15 does not read `fromNodes`" in only.advice


SERVICE = "toServices: [{k8sService: {serviceName: db, namespace: shop}}]"


@pytest.mark.parametrize(
    ("peers", "said"),
    [
        ("toEndpoints: [{matchLabels: {app: db}}]", "pods of other clusters"),
        # Which pods a Service means is told by the facts, and not by the rule.
        (SERVICE, "the peers of the rule as Cilium 1.19 reads it"),
    ],
)
def test_what_a_policy_that_is_kept_alive_loses_of_other_clusters(peers: str, said: str) -> None:
    mesh = Facts(clusters=[cluster("a", local=True), cluster("b")])
    only = run(find, cnp(f"{DENY}\negress: [{{{peers}}}]"), mesh, from_version="1.16", to_version="1.19").only
    assert only.applicability is Applicability.EVIDENT
    assert words(only.closes) == (f"from pods app=web in shop to {said}",)
    assert (only.closes[0].peers is None) is (peers == SERVICE)


def test_who_enters_default_deny_is_said() -> None:
    facts = Facts(workloads=[workload("web", "shop", {"app": "web"}), workload("db", "shop", {"app": "db"})])
    only = run(find, cnp("ingress: [{fromEndpoints: [{}], fromEntities: [host]}]"), facts).only
    assert only.evidence == ("applies to Deployment shop/web, facts.yaml:1",)
    assert words(only.closes) == ("all other ingress of pods app=web in shop",)
    assert words(only.opens) == ()


@pytest.mark.parametrize(
    ("rules", "opens"),
    [
        ("ingress: [{fromEntities: [host]}]", True),
        ("ingress: [{}]", True),
        ("egress: [{}]", False),
        ("ingress: [{fromEntities: [host], fromCIDR: [10.0.0.0/8]}]", False),
        ("enableDefaultDeny: {ingress: false}\ningress: [{fromEntities: [host]}]", False),
    ],
)
def test_it_opens_where_another_policy_denies_by_default_today(rules: str, opens: bool) -> None:
    beside = other(cnp(rules), "beside")
    only = run(find, cnp("ingress: [{fromEndpoints: [{}], fromEntities: [host]}]"), others=[beside]).only
    assert bool(only.opens) is opens
    assert any("CiliumNetworkPolicy shop/beside" in line for line in only.evidence) is opens


@pytest.mark.parametrize("namespaces", [("dev", "shop"), ("shop", "dev"), (None, "dev")])
def test_a_namespace_that_cilium_overwrites_keeps_no_pods_apart(namespaces: tuple[str | None, str]) -> None:
    mine, theirs = (
        {"matchLabels": {"app": "web", **({"k8s:io.kubernetes.pod.namespace": name} if name else {})}}
        for name in namespaces
    )
    policy = cnp("ingress: [{fromEndpoints: [{}], fromEntities: [host]}]", subject=mine)
    beside = other(cnp("ingress: [{}]", subject=theirs), "beside")
    assert words(run(find, policy, others=[beside]).only.opens) != ()


def test_without_default_deny_nothing_else_closes() -> None:
    rules = "enableDefaultDeny: {ingress: false}\ningress: [{fromEndpoints: [{}], fromEntities: [host]}]"
    assert words(run(find, cnp(rules)).only.closes) == ()


def test_a_release_that_does_not_read_enable_default_deny_denies_all_other() -> None:
    rules = "enableDefaultDeny: {egress: false}\negress: [{toEndpoints: [{}], toEntities: [host]}]\ningress: [{}]"
    before, after = (
        words(run(find, cnp(rules), from_version=version, to_version="1.17").only.closes)
        for version in ("1.15", "1.16")
    )
    assert after == ("all other ingress of pods app=web in shop",)
    assert before == (
        *after,
        "all other egress of pods app=web in shop until the upgrade, since Cilium 1.15 does not read enableDefaultDeny",
    )


def test_it_opens_where_only_the_source_release_denies_by_default() -> None:
    beside = other(cnp("enableDefaultDeny: {ingress: false}\ningress: [{fromEntities: [host]}]"), "beside")
    rules = cnp("ingress: [{fromEndpoints: [{}], fromEntities: [host]}]")
    found = [run(find, rules, others=[beside], from_version=each, to_version="1.17").only for each in ("1.15", "1.16")]
    assert [words(each.opens) for each in found] == [
        ("ingress of pods app=web in shop that the rules of the policy allow",),
        (),
    ]


@pytest.mark.parametrize(("subject", "opens"), [({}, True), ({"matchLabels": {"app": "web"}}, False)])
def test_a_clusterwide_policy_that_wakes_up_lets_pods_without_identity_in(subject: object, opens: bool) -> None:
    manifest = ccnp("ingress: [{fromEndpoints: [{}], fromEntities: [host]}]")
    manifest["spec"]["endpointSelector"] = subject
    assert any("(init)" in text for text in words(run(find, manifest).only.opens)) is opens


def test_what_it_says_of_a_policy_that_no_release_enforces() -> None:
    found = run(find, cnp("ingress: [{fromEndpoints: [{}], fromCIDR: [10.0.0.0/8]}]")).only
    assert (
        found.why
        == "the whole policy is not enforced; once it is, Cilium denies ingress of pods app=web in shop by default"
    )


def test_what_it_says_of_a_policy_that_the_upgrade_ends() -> None:
    rules = "ingressDeny: [{fromEndpoints: [{}], fromCIDR: [10.0.0.0/8]}]"
    found = run(find, cnp(rules), from_version="1.16", to_version="1.17").only
    assert found.why == "the whole policy is enforced until then"
