from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rewriter.cilium.policy import CCNP, CNP
from rewriter.config.model import Config, MissingNamespaceOptions
from rewriter.finding import Applicability, Severity
from rewriter.inventory.facts.model import Source
from rewriter.passes.missing_namespace import find
from tests.passes.support import Facts, Run, cluster, run, words, workload

NAMESPACE = "k8s:io.kubernetes.pod.namespace"
CLUSTER = "io.cilium.k8s.policy.cluster"
AGENT = {"app": "agent"}
WEB = workload("web", "shop", {"app": "web"})
OTHERS = [WEB, workload("agent", "monitoring", AGENT)]
KNOWN = Facts(workloads=OTHERS)
MESH = (cluster("cluster-a", local=True), cluster("cluster-b"))


def manifest(field: str = "fromEndpoints", *entries: Any, deny: bool = False, **rule: Any) -> dict[str, Any]:
    direction = ("ingress" if field.startswith("from") else "egress") + ("Deny" if deny else "")
    return {
        "apiVersion": "cilium.io/v2",
        "kind": CNP,
        "metadata": {"name": "p", "namespace": "shop"},
        "spec": {"endpointSelector": {}, direction: [{field: list(entries), **rule}]},
    }


def fix_file(entry: Any, inventory: Facts = KNOWN, **more: Any) -> Run:
    return run(find, manifest("fromEndpoints", entry), inventory, **more)


def peer(result: Run) -> Any:
    return result.manifest["spec"]["ingress"][0]["fromEndpoints"][0]


def said(**namespaces: str) -> Config:
    mapping = {label.replace("__", "="): namespace for label, namespace in namespaces.items()}
    return Config(root=Path(), missing_namespace=MissingNamespaceOptions(mapping))


@pytest.mark.parametrize(
    "entry",
    [
        {},
        None,
        {"matchLabels": {}},
        {"matchLabels": {"app": "web"}},
        {"matchLabels": {**AGENT, NAMESPACE: "elsewhere"}},
        {"matchLabels": {**AGENT, "io.kubernetes.pod.namespace": "elsewhere"}},
        {"matchLabels": {**AGENT, "any:io.kubernetes.pod.namespace": "elsewhere"}},
        {"matchLabels": AGENT, "matchExpressions": [{"key": NAMESPACE, "operator": "Exists"}]},
        {"matchLabels": AGENT, "matchExpressions": [{"key": NAMESPACE, "operator": "NotIn", "values": ["x"]}]},
        {"matchLabels": {**AGENT, "io.cilium.k8s.namespace.labels.team": "ops"}},
        {"matchLabels": {"reserved:host": ""}},
        {"matchLabels": {"reserved:ingress": "", "namespace": "x"}},
        {"matchLabels": {"cidr:10.0.0.0/8": ""}},
        {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]},
        {"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]},
        {"matchLabels": {CLUSTER: "cluster-b"}},
        {"matchLabels": 7},
        "app=agent",
    ],
)
def test_leaves_alone(entry: Any) -> None:
    assert fix_file(entry).findings == []


@pytest.mark.parametrize(
    "rule",
    [
        {"fromEndpoints": [{"matchLabels": AGENT}], "fromEntities": ["host"]},
        {"fromEndpoints": [{"matchLabels": AGENT}], "fromCIDR": []},
        {"fromRequires": [{"matchLabels": AGENT}]},
        {"fromNodes": [{"matchLabels": AGENT}]},
        {"fromEndpoints": []},
        {},
    ],
)
def test_leaves_alone_rules_that_mean_something_else(rule: Any) -> None:
    document = manifest()
    document["spec"]["ingress"] = [rule]
    assert run(find, document, KNOWN).findings == []


@pytest.mark.parametrize(
    "inventory",
    [
        Facts(),
        Facts(workloads=[workload("agent", "shop", AGENT), workload("agent", "monitoring", AGENT)]),
        Facts(workloads=[workload("agent", "a", AGENT), workload("agent", "b", AGENT)]),
        Facts(workloads=[WEB, workload("agent", "monitoring", AGENT, host_network=True), workload("x", "shop", AGENT)]),
    ],
    ids=["nothing known", "here and elsewhere", "own namespace unknown", "host network elsewhere"],
)
def test_leaves_alone_what_the_facts_do_not_decide(inventory: Facts) -> None:
    assert fix_file({"matchLabels": AGENT}, inventory).findings == []


def test_names_the_one_other_namespace() -> None:
    result = fix_file({"matchLabels": AGENT})
    assert peer(result) == {"matchLabels": {**AGENT, NAMESPACE: "monitoring"}}
    finding = result.only
    assert (finding.applicability, finding.severity) == (Applicability.EVIDENT, Severity.WARNING)
    assert words(finding.opens) == ("from pods app=agent in monitoring to every pod in shop",)
    assert words(finding.closes) == ("from pods app=agent in shop (none is known) to every pod in shop",)
    assert finding.evidence == (
        "Deployment monitoring/agent, facts.yaml:1",
        "known in shop, where none matches: Deployment shop/web (facts.yaml:1)",
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            {"matchExpressions": [{"key": "app", "operator": "In", "values": ["agent"]}]},
            {
                "matchExpressions": [{"key": "app", "operator": "In", "values": ["agent"]}],
                "matchLabels": {NAMESPACE: "monitoring"},
            },
        ),
        (
            {"matchLabels": None, "matchExpressions": [{"key": "k8s:app", "operator": "In", "values": ["agent", "x"]}]},
            {
                "matchLabels": {NAMESPACE: "monitoring"},
                "matchExpressions": [{"key": "k8s:app", "operator": "In", "values": ["agent", "x"]}],
            },
        ),
        ({"matchLabels": {"any:app": "agent"}}, {"matchLabels": {"any:app": "agent", NAMESPACE: "monitoring"}}),
    ],
)
def test_where_the_key_goes(before: Any, after: Any) -> None:
    assert peer(fix_file(before)) == after


def test_writes_the_key_as_the_policy_does() -> None:
    named = {"matchLabels": {"app": "x", "io.kubernetes.pod.namespace": "y"}}
    result = run(find, manifest("fromEndpoints", named, {"matchLabels": AGENT}), KNOWN)
    new = {"matchLabels": {**AGENT, "io.kubernetes.pod.namespace": "monitoring"}}
    assert result.manifest["spec"]["ingress"][0]["fromEndpoints"] == [named, new]


def test_does_not_say_twice_what_another_peer_says() -> None:
    named = {"matchLabels": {**AGENT, NAMESPACE: "monitoring"}}
    assert run(find, manifest("fromEndpoints", {"matchLabels": AGENT}, named), KNOWN).findings == []
    document = manifest("fromEndpoints", {"matchLabels": AGENT}, toPorts=[{"ports": [{"port": "80"}]}])
    document["spec"]["ingress"].append({"fromEndpoints": [{"matchLabels": {NAMESPACE: "monitoring"}}]})
    assert run(find, document, KNOWN).findings == []


def test_is_a_guess_where_the_own_namespace_is_not_known() -> None:
    result = fix_file({"matchLabels": AGENT}, Facts(workloads=OTHERS[1:]))
    assert result.only.applicability is Applicability.UNSAFE
    assert result.only.severity is Severity.NOTE
    assert "no workload of shop is known" in result.only.advice
    assert '"app=agent" = "monitoring"' in result.only.advice


def test_is_unsafe_in_a_deny_rule() -> None:
    result = run(find, manifest("fromEndpoints", {"matchLabels": AGENT}, deny=True), KNOWN)
    assert result.only.applicability is Applicability.UNSAFE
    assert result.only.severity is Severity.ERROR
    assert "in monitoring" in str(result.only.closes[0]) and "in shop" in str(result.only.opens[0])


def test_several_namespaces_are_left_to_a_person() -> None:
    facts = Facts(workloads=[*OTHERS, workload("agent", "tools", AGENT)])
    finding = fix_file({"matchLabels": AGENT}, facts).only
    assert finding.applicability is Applicability.MANUAL and finding.fix is None
    assert "monitoring and tools" in finding.message
    assert finding.candidate is not None
    assert finding.candidate.operations[0]["value"] == [
        {"key": NAMESPACE, "operator": "In", "values": ["monitoring", "tools"]}
    ]


def test_nothing_matches_anywhere() -> None:
    finding = fix_file({"matchLabels": AGENT}, Facts(workloads=[WEB])).only
    assert (finding.applicability, finding.severity) == (Applicability.MANUAL, Severity.NOTE)
    assert "no workload that is known matches" in finding.message


@pytest.mark.parametrize("inventory", [Facts(), KNOWN], ids=["nothing known", "workloads known"])
def test_the_config_says_where_pods_live(inventory: Facts) -> None:
    result = fix_file({"matchLabels": AGENT}, inventory, config=said(app__agent="monitoring"))
    assert peer(result)["matchLabels"][NAMESPACE] == "monitoring"
    assert result.only.applicability is Applicability.EVIDENT
    assert result.only.evidence[0] == '[passes.missing-namespace] "app=agent" = "monitoring"'


def test_the_config_against_the_facts() -> None:
    here = Facts(workloads=[workload("agent", "shop", AGENT)])
    assert fix_file({"matchLabels": AGENT}, here, config=said(app__agent="monitoring")).findings == []
    assert fix_file({"matchLabels": AGENT}, config=said(app__agent="shop")).findings == []
    contradicted = fix_file({"matchLabels": AGENT}, config=said(app__agent="tools")).only
    assert contradicted.applicability is Applicability.MANUAL
    assert "tools and monitoring" in contradicted.message


@pytest.mark.parametrize("value", ["kube-dns", "coredns"])
@pytest.mark.parametrize("key", ["k8s-app", "k8s:k8s-app"])
def test_dns_lives_in_kube_system(key: str, value: str) -> None:
    result = run(find, manifest("toEndpoints", {"matchLabels": {key: value}}))
    assert result.manifest["spec"]["egress"][0]["toEndpoints"] == [
        {"matchLabels": {key: value, NAMESPACE: "kube-system"}}
    ]
    assert result.only.applicability is Applicability.EVIDENT


def test_dns_lives_where_it_is_known_to_live() -> None:
    document = manifest("toEndpoints", {"matchLabels": {"k8s-app": "kube-dns"}})
    document["metadata"]["namespace"] = "kube-system"
    assert run(find, document).findings == []
    own = Facts(workloads=[workload("dns", "shop", {"k8s-app": "kube-dns"})])
    assert fix_file({"matchLabels": {"k8s-app": "kube-dns"}}, own).findings == []
    moved = Facts(workloads=[workload("dns", "dns", {"k8s-app": "kube-dns"})])
    assert fix_file({"matchLabels": {"k8s-app": "kube-dns"}}, moved).only.applicability is Applicability.MANUAL


@pytest.mark.parametrize(
    "key",
    [
        "k8s:io.kubernetes.podNamespace",
        "io.kubernetes.podNamespace",
        "k8s.io.kubernetes.pod.namespace",
        "io.kubernetes.pod-namespace",
        "io.kubernetes.namespace",
        "kubernetes.io/metadata.name",
        "k8s:kubernetes.io/metadata.name",
        "namespace",
    ],
)
def test_misspelt_keys(key: str) -> None:
    result = fix_file({"matchLabels": {key: "monitoring", **AGENT}}, Facts())
    assert peer(result) == {"matchLabels": {NAMESPACE: "monitoring", **AGENT}}
    assert result.only.applicability is Applicability.UNSAFE
    assert words(result.only.opens) == ("from pods app=agent in monitoring to every pod in shop",)
    expression = {"key": key, "operator": "In", "values": ["a", "b"]}
    result = fix_file({"matchExpressions": [expression]}, Facts())
    assert peer(result) == {"matchExpressions": [{**expression, "key": NAMESPACE}]}
    assert words(result.only.opens) == ("from every pod in a and b to every pod in shop",)


def test_a_label_that_pods_have_is_no_misspelt_key() -> None:
    labels = {"namespace": "x"}
    assert fix_file({"matchLabels": labels}, Facts(workloads=[workload("x", "shop", labels)])).findings == []
    elsewhere = fix_file({"matchLabels": labels}, Facts(workloads=[WEB, workload("x", "tools", labels)]))
    assert peer(elsewhere) == {"matchLabels": {**labels, NAMESPACE: "tools"}}


def in_mesh(*where: tuple[str, str, str]) -> Facts:
    return Facts(MESH, [workload(name, namespace, {"app": name}, cluster) for name, namespace, cluster in where])


@pytest.mark.parametrize(
    ("where", "versions", "expected"),
    [
        ([("agent", "shop", "cluster-b")], ("1.18", "1.19"), None),
        ([("agent", "shop", "cluster-b"), ("agent", "monitoring", "cluster-a")], ("1.18", "1.19"), None),
        ([("agent", "monitoring", "cluster-b")], ("1.18", "1.19"), Applicability.EVIDENT),
        ([("agent", "monitoring", "cluster-a")], ("1.18", "1.19"), Applicability.EVIDENT),
        ([("agent", "monitoring", "cluster-b")], ("1.19", "1.20"), Applicability.MANUAL),
        ([("agent", "monitoring", "cluster-a"), ("agent", "x", "cluster-b")], ("1.19", "1.20"), Applicability.EVIDENT),
        ([("agent", "monitoring", "cluster-a"), ("agent", "x", "cluster-b")], ("1.18", "1.19"), Applicability.MANUAL),
    ],
    ids=["remote here", "remote here and local", "remote", "local", "remote, cut off", "local counts", "both count"],
)
def test_in_a_mesh(where: Any, versions: tuple[str, str], expected: Applicability | None) -> None:
    facts = in_mesh(("web", "shop", "cluster-a"), ("web", "shop", "cluster-b"), *where)
    result = fix_file({"matchLabels": AGENT}, facts, from_version=versions[0], to_version=versions[1])
    assert [finding.applicability for finding in result.findings] == ([expected] if expected else [])


def test_a_cluster_of_the_mesh_that_nobody_knows() -> None:
    facts = in_mesh(("web", "shop", "cluster-a"), ("agent", "monitoring", "cluster-a"))
    today = fix_file({"matchLabels": AGENT}, facts)
    assert today.only.applicability is Applicability.UNSAFE
    assert "none of its workloads is known" in today.only.advice
    later = fix_file({"matchLabels": AGENT}, facts, from_version="1.19", to_version="1.20")
    assert later.only.applicability is Applicability.EVIDENT


def test_pods_that_nobody_sees_make_it_a_guess() -> None:
    release = Facts(workloads=OTHERS, unseen=["HelmRelease shop/redis, releases.yaml:1"])
    finding = fix_file({"matchLabels": AGENT}, release).only
    assert finding.applicability is Applicability.UNSAFE
    assert "HelmRelease shop/redis, releases.yaml:1 may make pods that match" in finding.advice
    listed = [replace(each, cluster="cluster-a", source=Source("mesh.json")) for each in OTHERS]
    snapshot = Facts(MESH[:1], listed, unseen=release.unseen)
    assert fix_file({"matchLabels": AGENT}, snapshot).only.applicability is Applicability.EVIDENT


def test_a_selector_that_names_its_cluster() -> None:
    facts = in_mesh(
        ("web", "shop", "cluster-a"),
        ("web", "shop", "cluster-b"),
        ("agent", "monitoring", "cluster-b"),
        ("agent", "tools", "cluster-a"),
    )
    result = fix_file({"matchLabels": {**AGENT, CLUSTER: "cluster-b"}}, facts, from_version="1.19", to_version="1.20")
    assert peer(result)["matchLabels"] == {**AGENT, CLUSTER: "cluster-b", NAMESPACE: "monitoring"}


def test_a_policy_of_an_unknown_namespace() -> None:
    document = manifest("fromEndpoints", {"matchLabels": AGENT}, {"matchLabels": {"k8s-app": "kube-dns"}})
    del document["metadata"]["namespace"]
    result = run(find, document, KNOWN)
    assert [finding.route for finding in result.fixed] == ["/spec/ingress/0/fromEndpoints/1"]
    assert "the policy's own namespace" in result.only.message


def test_offers_the_clusterwide_form() -> None:
    document = manifest("fromEndpoints", {}, {"matchLabels": {"app": "web"}}, {"matchLabels": {"reserved:host": ""}})
    result = run(find, document, KNOWN, as_clusterwide=True)
    finding = result.only
    assert (finding.applicability, finding.fix) == (Applicability.MANUAL, None)
    assert finding.candidate is not None
    assert [dict(operation) for operation in finding.candidate.operations] == [
        {"op": "replace", "path": "/kind", "value": CCNP},
        {"op": "remove", "path": "/metadata/namespace"},
        {"op": "add", "path": "/spec/ingress/0/fromEndpoints/0/matchLabels", "value": {NAMESPACE: "shop"}},
        {"op": "add", "path": f"/spec/ingress/0/fromEndpoints/1/matchLabels/{NAMESPACE}", "value": "shop"},
    ]
    assert finding.evidence == ("Deployment monitoring/agent, facts.yaml:1",)


def test_offers_no_clusterwide_form() -> None:
    document = manifest("fromEndpoints", {})
    assert run(find, document, Facts(workloads=[WEB]), as_clusterwide=True).findings == []
    assert run(find, document, KNOWN).findings == []
    pending = run(find, manifest("fromEndpoints", {"matchLabels": AGENT}), KNOWN, as_clusterwide=True).findings
    assert [finding.candidate for finding in pending] == [None, None]
    assert "first" in pending[1].advice
