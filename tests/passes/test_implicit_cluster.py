from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rewriter.cilium.policy import CCNP, CNP, KNP, is_policy, read_policy
from rewriter.config.model import Config, ImplicitClusterOptions
from rewriter.finding import Applicability, Severity
from rewriter.inventory.facts.model import ServicePort
from rewriter.passes.implicit_cluster import find
from tests.cilium.vectors import verdict_cases
from tests.passes.support import Facts, Run, cluster, namespace, run, service, version, workload

CLUSTER = "io.cilium.k8s.policy.cluster"
A, B, C = cluster("cluster-a", local=True), cluster("cluster-b"), cluster("cluster-c")
MESH = Facts(clusters=[A, B])
EXISTS = {"key": CLUSTER, "operator": "Exists"}
WEB = {"app": "web"}


def within(*names: str) -> dict[str, Any]:
    return {"key": CLUSTER, "operator": "In", "values": list(names)}


def configured(scope: Any) -> Config:
    return Config(root=Path(), implicit_cluster=ImplicitClusterOptions(scope))


def manifest(kind: str, **spec: Any) -> dict[str, Any]:
    subject = "podSelector" if kind == KNP else "endpointSelector"
    return {
        "apiVersion": "networking.k8s.io/v1" if kind == KNP else "cilium.io/v2",
        "kind": kind,
        "metadata": {"name": "p"} if kind == CCNP else {"name": "p", "namespace": "shop"},
        "spec": {subject: {}, **spec},
    }


def fix_file(kind: str, inventory: Facts = MESH, scope: Any = "any", *, more: Any = None, **spec: Any) -> Run:
    return run(find, manifest(kind, **spec), inventory, config=configured(scope), **(more or {}))


def peer(result: Run, field: str = "fromEndpoints") -> Any:
    return result.manifest["spec"]["ingress"][0][field][0]


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"fromEntities": ["cluster"]},
        {"fromEndpoints": []},
        {"fromEndpoints": [{"matchLabels": {"reserved:host": ""}}]},
        {"fromEndpoints": [{"matchLabels": {CLUSTER: "cluster-a"}}]},
        {"fromEndpoints": [{"matchLabels": {f"k8s:{CLUSTER}": "cluster-a"}}]},
        {"fromEndpoints": [{"matchExpressions": [{"key": f"any:{CLUSTER}", "operator": "Exists"}]}]},
        {"fromRequires": [{"matchLabels": WEB}]},
        {"fromEndpoints": [7, "x", {"matchLabels": []}, {"matchExpressions": {"key": "a"}}]},
        {"fromEndpoints": {"matchLabels": WEB}},
        {"toServices": [{"k8sService": {"serviceName": "db", "namespace": "prod"}}]},
    ],
)
@pytest.mark.parametrize("kind", [CNP, CCNP])
def test_leaves_alone(kind: str, rule: Any) -> None:
    assert fix_file(kind, ingress=[rule], egress=[rule]).findings == []


@pytest.mark.parametrize(
    "peer",
    [
        {"ipBlock": {"cidr": "10.0.0.0/8"}},
        {"podSelector": {"matchLabels": {CLUSTER: "cluster-a"}}},
        {"namespaceSelector": {}, "podSelector": {"matchExpressions": [EXISTS]}},
        {},
        None,
        {"podSelector": {"matchLabels": 3}},
        {"podSelector": {}, "namespaceSelector": {"matchExpressions": 3}},
    ],
)
def test_leaves_a_network_policy_peer_alone(peer: Any) -> None:
    assert fix_file(KNP, ingress=[{"from": [peer]}]).findings == []


@pytest.mark.parametrize(
    ("inventory", "scope", "before", "after"),
    [
        (Facts(), "auto", "1.18", "1.19"),
        (Facts(clusters=[A]), "auto", "1.18", "1.19"),
        (Facts(clusters=[cluster("x", local=True, meshed=False), B, C]), "any", "1.18", "1.19"),
        (MESH, "any", "1.17", "1.18"),
        (MESH, "any", "1.19", "1.20"),
        (Facts(clusters=[cluster("cluster-a", local=True, default_local_cluster=False), B]), "any", "1.18", "1.19"),
        (Facts(clusters=[cluster("cluster-a", local=True, default_local_cluster=True), B]), "any", "1.18", "1.19"),
    ],
    ids=["no facts", "one cluster", "not meshed", "off", "on before", "kept off", "on already"],
)
def test_leaves_alone_where_nothing_changes(inventory: Facts, scope: str, before: str, after: str) -> None:
    versions = {"from_version": before, "to_version": after}
    result = fix_file(CNP, inventory, scope, more=versions, ingress=[{"fromEndpoints": [{"matchLabels": WEB}]}])
    assert result.findings == []


@pytest.mark.parametrize(
    "rules",
    [
        [{"fromEndpoints": [{"matchLabels": WEB}], "fromCIDR": ["192.0.2.0/24"]}],
        [{"fromEndpoints": [{"matchLabels": WEB}]}, {"fromEntities": ["nobody"]}],
    ],
)
def test_leaves_alone_a_policy_that_the_target_rejects(rules: Any) -> None:
    assert fix_file(CNP, ingress=rules).findings == []


def test_runs_on_upgrades_that_may_turn_the_option_on() -> None:
    spans = find.concerns
    assert spans(version("1.18"), version("1.19")) and spans(version("1.15"), version("1.18"))
    assert not spans(version("1.15"), version("1.17")) and not spans(version("1.19"), version("1.20"))


def test_the_option_turned_on_with_1_18() -> None:
    mesh = Facts(clusters=[cluster("cluster-a", local=True, default_local_cluster=True), B])
    versions = {"from_version": "1.17", "to_version": "1.18"}
    result = fix_file(CNP, mesh, more=versions, ingress=[{"fromEndpoints": [{"matchLabels": WEB}]}])
    assert peer(result)["matchExpressions"] == [EXISTS]
    assert any("policyDefaultLocalCluster" in line for line in result.only.evidence)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"matchLabels": WEB}, {"matchLabels": WEB, "matchExpressions": [EXISTS]}),
        ({}, {"matchExpressions": [EXISTS]}),
        (None, {"matchExpressions": [EXISTS]}),
        ({"matchLabels": WEB, "matchExpressions": None}, {"matchLabels": WEB, "matchExpressions": [EXISTS]}),
        (
            {"matchExpressions": [{"key": "app", "operator": "Exists"}]},
            {"matchExpressions": [{"key": "app", "operator": "Exists"}, EXISTS]},
        ),
    ],
)
@pytest.mark.parametrize(("kind", "field"), [(CNP, "fromEndpoints"), (CCNP, "fromEndpoints"), (CNP, "fromNodes")])
def test_any_keeps_the_reach(kind: str, field: str, before: Any, after: Any) -> None:
    result = fix_file(kind, ingress=[{field: [before]}])
    assert peer(result, field) == after
    assert result.only.applicability is Applicability.SAFE
    assert not result.only.opens and not result.only.closes


@pytest.mark.parametrize("said", [None, True, False])
def test_rules_that_name_nodes_reach_nobody_where_the_agents_reject_them(said: bool | None) -> None:
    own = cluster("cluster-a", local=True, node_selector_labels=said)
    found = fix_file(CNP, Facts(clusters=[own, B]), ingress=[{"fromNodes": [{}]}]).findings
    assert bool(found) is (said is not False)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"podSelector": {}}, {"podSelector": {"matchExpressions": [EXISTS]}}),
        (
            {"podSelector": {"matchLabels": WEB}},
            {"podSelector": {"matchLabels": WEB, "matchExpressions": [EXISTS]}},
        ),
        ({"namespaceSelector": {}}, {"namespaceSelector": {}, "podSelector": {"matchExpressions": [EXISTS]}}),
        (
            {"namespaceSelector": {"matchLabels": {"team": "x"}}, "podSelector": None},
            {"namespaceSelector": {"matchLabels": {"team": "x"}}, "podSelector": {"matchExpressions": [EXISTS]}},
        ),
    ],
)
def test_a_network_policy_names_the_cluster_in_its_pod_selector(before: Any, after: Any) -> None:
    assert peer(fix_file(KNP, ingress=[{"from": [before]}]), "from") == after


def test_one_finding_for_a_field_names_its_entries() -> None:
    pinned = {"matchLabels": {CLUSTER: "cluster-a"}}
    result = fix_file(CNP, egress=[{"toEndpoints": [{"matchLabels": WEB}, pinned, {"matchLabels": {"app": "db"}}]}])
    assert result.only.route == "/spec/egress/0/toEndpoints"
    assert "app=web" in result.only.message and "app=db" in result.only.message
    assert result.manifest["spec"]["egress"][0]["toEndpoints"] == [
        {"matchLabels": WEB, "matchExpressions": [EXISTS]},
        pinned,
        {"matchLabels": {"app": "db"}, "matchExpressions": [EXISTS]},
    ]


def test_requirements_count_until_they_are_gone() -> None:
    mesh = Facts(clusters=[cluster("cluster-a", local=True, default_local_cluster=True), B])
    rule = {"fromRequires": [{"matchLabels": WEB}]}
    result = fix_file(CNP, mesh, more={"from_version": "1.17", "to_version": "1.18"}, ingress=[rule])
    assert peer(result, "fromRequires") == {"matchLabels": WEB, "matchExpressions": [EXISTS]}


def test_keeps_the_prefix_of_the_policy() -> None:
    written = {"matchLabels": {f"k8s:{CLUSTER}": "cluster-b"}}
    result = fix_file(CNP, ingress=[{"fromEndpoints": [{}, written]}])
    assert peer(result) == {"matchExpressions": [{"key": f"k8s:{CLUSTER}", "operator": "Exists"}]}


@pytest.mark.parametrize(
    ("scope", "written"),
    [
        ("local", within("cluster-a")),
        (("cluster-a", "cluster-b"), within("cluster-a", "cluster-b")),
        (("cluster-c",), within("cluster-c")),
    ],
)
def test_a_scope_that_narrows_is_evident_and_says_what_it_closes(scope: Any, written: dict[str, Any]) -> None:
    result = fix_file(CNP, scope=scope, ingress=[{"fromEndpoints": [{"matchLabels": WEB}]}])
    assert peer(result)["matchExpressions"] == [written]
    assert result.only.applicability is Applicability.EVIDENT
    assert "app=web" in str(result.only.closes[0])


def test_a_scope_in_the_config_speaks_of_a_mesh() -> None:
    result = fix_file(CNP, Facts(), "any", ingress=[{"fromEndpoints": [{"matchLabels": WEB}]}])
    assert peer(result)["matchExpressions"] == [EXISTS]


def test_local_without_a_known_cluster_is_manual() -> None:
    nowhere = Facts(clusters=[cluster("cluster-a"), B])
    result = fix_file(CNP, nowhere, "local", ingress=[{"fromEndpoints": [{"matchLabels": WEB}]}])
    assert result.only.applicability is Applicability.MANUAL
    assert result.only.fix is None
    assert "[[clusters]]" in result.only.advice


HERE = workload("web", "shop", WEB, "cluster-a")
THERE = workload("web", "shop", WEB, "cluster-b")
OTHER_NAMESPACE = workload("web", "blog", WEB, "cluster-b")
UNRELATED = workload("db", "shop", {"app": "db"}, "cluster-b")
NODE_AGENT = workload("web", "shop", WEB, "cluster-b", host_network=True)
UNPLACED = workload("web", "shop", WEB, None)


@pytest.mark.parametrize(
    ("workloads", "expected"),
    [
        ([HERE, UNRELATED], None),
        ([HERE, OTHER_NAMESPACE], None),
        ([HERE, UNRELATED, NODE_AGENT], None),
        ([HERE, THERE], within("cluster-a", "cluster-b")),
        ([workload("db", "shop", {"app": "db"}, "cluster-a"), THERE], within("cluster-b")),
        ([HERE], EXISTS),
        ([], EXISTS),
        ([HERE, UNRELATED, UNPLACED], EXISTS),
    ],
    ids=[
        *("only local", "another namespace", "host network", "both", "only remote", "one cluster unknown"),
        *("none known", "a workload of no known cluster"),
    ],
)
@pytest.mark.parametrize("kind", [CNP, KNP])
def test_auto_follows_the_workloads(kind: str, workloads: Any, expected: dict[str, Any] | None) -> None:
    inventory = Facts(clusters=[A, B], workloads=workloads)
    field, entry = ("from", {"podSelector": {"matchLabels": WEB}}) if kind == KNP else ("fromEndpoints", None)
    result = fix_file(kind, inventory, "auto", ingress=[{field: [entry or {"matchLabels": WEB}]}])
    if expected is None:
        assert result.findings == []
        return
    selector = peer(result, field)
    selector = selector["podSelector"] if kind == KNP else selector
    assert selector["matchExpressions"] == [expected]
    evident = expected != EXISTS
    assert result.only.applicability is (Applicability.EVIDENT if evident else Applicability.SAFE)
    if evident:
        assert "Deployment shop/web in cluster-b, facts.yaml:1" in result.only.evidence


def test_auto_names_only_the_entries_that_change() -> None:
    inventory = Facts(clusters=[A, B], workloads=[HERE, THERE, workload("db", "shop", {"app": "db"}, "cluster-a")])
    entries = [{"matchLabels": {"app": "db"}}, {"matchLabels": WEB}]
    result = fix_file(CNP, inventory, "auto", ingress=[{"fromEndpoints": entries}])
    assert result.only.route == "/spec/ingress/0/fromEndpoints/1"
    assert peer(result) == entries[0]


def test_auto_keeps_a_deny_rule_as_wide_as_it_is() -> None:
    inventory = Facts(clusters=[A, B], workloads=[HERE, UNRELATED])
    result = fix_file(CNP, inventory, "auto", ingressDeny=[{"fromEndpoints": [{"matchLabels": WEB}]}])
    assert result.manifest["spec"]["ingressDeny"][0]["fromEndpoints"][0]["matchExpressions"] == [EXISTS]
    assert (result.only.severity, result.only.applicability) == (Severity.ERROR, Applicability.SAFE)
    assert "no longer denied" in result.only.why


@pytest.mark.parametrize(
    ("other", "severity"),
    [
        ({"fromEntities": ["all"]}, Severity.NOTE),
        ({"fromEntities": ["all"], "toPorts": [{"ports": [{"port": "80"}]}]}, Severity.ERROR),
        ({"fromEndpoints": [{}]}, Severity.ERROR),
        ({"fromEntities": ["cluster"]}, Severity.ERROR),
        ({"fromEndpoints": [{"matchLabels": {CLUSTER: "cluster-a"}}]}, Severity.ERROR),
    ],
)
@pytest.mark.parametrize("deny", ["", "Deny"])
def test_what_other_rules_say_after_the_upgrade_too_is_a_note(other: Any, severity: Severity, deny: str) -> None:
    inventory = Facts(clusters=[A, B], workloads=[HERE, THERE])
    result = fix_file(CNP, inventory, "auto", **{f"ingress{deny}": [{"fromEndpoints": [{"matchLabels": WEB}]}, other]})
    found = [finding for finding in result.findings if finding.route.startswith(f"/spec/ingress{deny}/0/")]
    assert [finding.severity for finding in found] == [severity]
    assert ("nothing of it changes" in found[0].why) == (severity is Severity.NOTE)


@pytest.mark.parametrize(
    ("namespaces", "expected"),
    [
        ([], EXISTS),
        ([namespace("shop", {"team": "x"}, "cluster-a")], EXISTS),
        ([namespace("shop", {"team": "x"}, "cluster-a"), namespace("shop", {"team": "y"}, "cluster-b")], None),
        ([namespace("shop", {"team": "x"})], within("cluster-a", "cluster-b")),
    ],
)
def test_auto_needs_the_namespace_labels_that_a_selector_asks_for(namespaces: Any, expected: Any) -> None:
    inventory = Facts(clusters=[A, B], workloads=[HERE, THERE], namespaces_=namespaces)
    entry = {"namespaceSelector": {"matchLabels": {"team": "x"}}, "podSelector": {"matchLabels": WEB}}
    result = fix_file(KNP, inventory, "auto", ingress=[{"from": [entry]}])
    if expected is None:
        assert result.findings == []
    else:
        assert peer(result, "from")["podSelector"]["matchExpressions"] == [expected]


def test_auto_does_not_rest_on_pods_that_nobody_sees() -> None:
    inventory = Facts(clusters=[A, B], workloads=[HERE, UNRELATED], unseen=["HelmRelease shop/web, releases.yaml:1"])
    result = fix_file(CNP, inventory, "auto", ingress=[{"fromEndpoints": [{"matchLabels": WEB}]}])
    assert peer(result)["matchExpressions"] == [EXISTS]


def test_auto_guesses_no_namespace() -> None:
    inventory = Facts(clusters=[A, B], workloads=[HERE, UNRELATED])
    document = manifest(CNP, ingress=[{"fromEndpoints": [{"matchLabels": WEB}]}])
    del document["metadata"]["namespace"]
    result = run(find, document, inventory)
    assert peer(result)["matchExpressions"] == [EXISTS]


def test_remote_backends_of_a_global_service_are_told() -> None:
    everywhere = {"service.cilium.io/global": "true"}
    port = [ServicePort("", 80, "TCP", 8080)]
    services = [
        service("db", "prod", {"app": "db"}, port, annotations=everywhere),
        service("local", "prod", {"app": "local"}, port),
    ]
    rules = [{"toServices": [{"k8sService": {"serviceName": name, "namespace": "prod"}}]} for name in ("db", "local")]
    inventory = Facts(clusters=[A, B], services_=services)
    result = fix_file(CNP, inventory, egress=rules)
    assert result.only.route == "/spec/egress/0/toServices/0"
    assert result.only.applicability is Applicability.MANUAL
    assert "Service prod/db" in result.only.message
    old = {"from_version": "1.16", "to_version": "1.19"}
    assert fix_file(CNP, inventory, more=old, egress=rules).findings == []


def test_agrees_with_the_inspection_of_cilium() -> None:
    wrong = []
    for case in verdict_cases():
        local = case["localCluster"]
        inventory = Facts(clusters=[cluster(local, local=True), cluster("another")])
        for index, entry in enumerate(case["policies"]):
            recorded = entry.get("changedByDefaultLocalCluster")
            if not is_policy(entry["manifest"]):
                continue
            found = run(find, entry["manifest"], inventory, config=configured("any"))
            fixes = all(finding.fix is not None for finding in found.findings)
            if bool(found.findings) != bool(recorded) or not fixes:
                wrong.append((case["id"], index))
    assert wrong == []


def test_what_is_no_pod_is_lost_with_a_selector_that_only_excludes() -> None:
    label = {"key": "io.cilium.k8s.namespace.labels.env", "operator": "NotIn", "values": ["dev"]}
    finding = fix_file(CNP, ingress=[{"fromEndpoints": [{"matchExpressions": [label]}]}]).only
    assert finding.applicability is Applicability.EVIDENT
    assert "not a pod" in str(finding.closes[0])


def test_ports_that_lose_their_l7_rules_are_not_kept_open_unasked() -> None:
    kafka = [{"ports": [{"port": "9092", "protocol": "TCP"}], "rules": {"kafka": [{"topic": "orders"}]}}]
    rule = {"fromEndpoints": [{"matchLabels": WEB}], "toPorts": kafka}
    finding = fix_file(CNP, ingress=[rule], more={"to_version": "1.20"}).only
    assert finding.applicability is Applicability.UNSAFE
    assert finding.opens
    assert fix_file(CNP, ingress=[rule]).only.applicability is Applicability.SAFE


RANGE = {"toPorts": [{"ports": [{"port": "8000", "endPort": 8100, "protocol": "TCP"}]}]}
OF_ANY_NAMESPACE = {"matchLabels": {"io.cilium.k8s.namespace.labels.env": "prod"}}
REQUIRED = {"authentication": {"mode": "required"}}


@pytest.mark.parametrize(
    ("kind", "rule", "releases", "words"),
    [
        (CNP, {"fromEndpoints": [{"matchLabels": WEB}], **REQUIRED}, ("1.17", "1.19"), "without mutual authentication"),
        (CNP, {"fromEndpoints": [{"matchLabels": WEB}], **REQUIRED}, ("1.17", "1.18"), ""),
        (CNP, {"fromEndpoints": [{"matchLabels": WEB}], **RANGE}, ("1.15", "1.19"), "as Cilium 1.19 reads the rule"),
        (CNP, {"fromEndpoints": [{"matchLabels": WEB}], **RANGE}, ("1.16", "1.19"), ""),
        (CNP, {"fromEndpoints": [OF_ANY_NAMESPACE]}, ("1.15", "1.19"), "as Cilium 1.19 reads the rule"),
        (CNP, {"fromEndpoints": [OF_ANY_NAMESPACE]}, ("1.16", "1.19"), ""),
        (CCNP, {"fromEndpoints": [OF_ANY_NAMESPACE]}, ("1.15", "1.19"), ""),
        (CNP, {"fromNodes": [{}]}, ("1.15", "1.19"), "as Cilium 1.19 reads the rule"),
        (CNP, {"fromNodes": [{}]}, ("1.16", "1.19"), ""),
        (
            KNP,
            {"from": [{"podSelector": {}}], "ports": [{"port": 8000, "endPort": 8100}]},
            ("1.15", "1.19"),
            "as Cilium 1.19 reads the rule",
        ),
    ],
)
def test_what_the_upgrade_makes_of_a_rule_is_not_kept_for_other_clusters_unasked(
    kind: str, rule: dict[str, Any], releases: tuple[str, str], words: str
) -> None:
    own = cluster("cluster-a", local=True, default_local_cluster=True, node_selector_labels=True)
    more = {"from_version": releases[0], "to_version": releases[1]}
    finding = fix_file(kind, Facts(clusters=[own, B]), more=more, ingress=[rule]).only
    assert finding.applicability is (Applicability.UNSAFE if words else Applicability.SAFE)
    assert [f"pods of other clusters, {words}" in str(each) for each in finding.opens] == [True] * bool(words)
    assert not finding.closes


def test_what_the_upgrade_makes_of_a_deny_rule_is_said() -> None:
    rule = {"fromEndpoints": [{"matchLabels": WEB}], **RANGE}
    finding = fix_file(CNP, more={"from_version": "1.15"}, ingressDeny=[rule]).only
    assert (finding.applicability, finding.opens) == (Applicability.EVIDENT, ())
    assert "pods of other clusters, as Cilium 1.19 reads the rule" in str(finding.closes[0])


@pytest.mark.parametrize(
    ("scope", "beside", "unsafe"),
    [
        ("any", {"fromCIDR": ["192.0.2.0/24"]}, True),
        ("any", {"fromEntities": ["all"]}, False),
        ("local", {"fromCIDR": ["192.0.2.0/24"]}, False),
        (("cluster-a",), {"fromCIDR": ["192.0.2.0/24"]}, False),
        (("cluster-a", "cluster-b"), {"fromCIDR": ["192.0.2.0/24"]}, True),
    ],
)
def test_nothing_more_is_kept_where_no_other_cluster_is_meant_or_another_rule_allows_it(
    scope: Any, beside: dict[str, Any], unsafe: bool
) -> None:
    rule = {"fromEndpoints": [{"matchLabels": WEB}], **REQUIRED}
    found = fix_file(CNP, scope=scope, ingress=[rule, beside]).findings
    assert [bool(finding.opens) for finding in found] == [unsafe]


@pytest.mark.parametrize(
    ("scope", "trust"),
    [
        ("local", Applicability.MANUAL),
        (("cluster-b",), Applicability.MANUAL),
        ("any", Applicability.SAFE),
        ("auto", Applicability.SAFE),
    ],
)
def test_a_requirement_that_is_to_name_clusters_is_left_to_a_person(scope: Any, trust: Applicability) -> None:
    mesh = Facts(clusters=[cluster("cluster-a", local=True, default_local_cluster=True), B], workloads=[HERE, THERE])
    versions = {"from_version": "1.17", "to_version": "1.18"}
    only = fix_file(CNP, mesh, scope, more=versions, ingress=[{"fromRequires": [{"matchLabels": WEB}]}]).only
    assert only.applicability is trust


#: Rejected before 1.17, and so not enforced: the upgrade switches it on.
ASLEEP = {"toServices": [{"k8sService": {"serviceName": "db", "namespace": "shop"}}], "toPorts": RANGE["toPorts"]}


def test_a_deny_rule_that_the_upgrade_switches_on_begins_to_deny_other_clusters() -> None:
    rules: Any = {"egress": [ASLEEP], "egressDeny": [{"toEndpoints": [{"matchLabels": WEB}]}]}
    asleep = fix_file(CNP, more={"from_version": "1.16"}, **rules).only
    awake = fix_file(CNP, more={"from_version": "1.17"}, **rules).only
    assert (asleep.applicability, awake.applicability) == (Applicability.UNSAFE, Applicability.SAFE)
    assert "pods of other clusters, which nothing denies today" in str(asleep.closes[0])
    assert asleep.opens == awake.closes == ()


@pytest.mark.parametrize(("direction", "opens"), [("egress", True), ("ingress", False)])
def test_an_allow_rule_that_the_upgrade_switches_on_opens_what_others_deny_by_default(
    direction: str, opens: bool
) -> None:
    beside = read_policy({**manifest(CNP, **{direction: [{}]}), "metadata": {"name": "beside", "namespace": "shop"}})
    more = {"from_version": "1.16", "others": [beside]}
    finding = fix_file(CNP, more=more, egress=[ASLEEP, {"toEndpoints": [{"matchLabels": WEB}]}]).only
    assert finding.applicability is (Applicability.UNSAFE if opens else Applicability.SAFE)
    assert [("which others deny by default today" in str(each)) for each in finding.opens] == [True] * opens


def test_what_the_upgrade_closes_when_it_switches_a_policy_on_is_none_of_the_fix() -> None:
    rules = [ASLEEP, {"toEndpoints": [{"matchLabels": WEB}]}]
    local, elsewhere = (
        fix_file(CNP, scope=(name,), more={"from_version": "1.16"}, egress=rules).only
        for name in ("cluster-a", "cluster-b")
    )
    assert (local.applicability, elsewhere.applicability) == (Applicability.SAFE, Applicability.EVIDENT)
    assert "outside cluster-b" in str(elsewhere.closes[0])


def test_an_allow_rule_beside_a_deny_rule_that_cannot_be_kept_is_unsafe() -> None:
    only_excludes = {"matchExpressions": [{"key": "io.kubernetes.pod.namespace", "operator": "NotIn", "values": ["x"]}]}
    deny: Any = {"ingressDeny": [{"fromEndpoints": [only_excludes]}]}
    rules = [{"fromEndpoints": [{"matchLabels": WEB}]}]
    allow, denial = fix_file(CNP, ingress=rules, **deny).findings
    assert (allow.applicability, denial.applicability) == (Applicability.UNSAFE, Applicability.UNSAFE)
    assert allow.opens and "deny rule" in allow.why
    other = fix_file(CNP, egress=[{"toEndpoints": [{"matchLabels": WEB}]}], **deny).findings
    assert Applicability.SAFE in {finding.applicability for finding in other}
    local = fix_file(CNP, scope="local", ingress=rules, **deny).findings
    assert Applicability.EVIDENT in {finding.applicability for finding in local}
