from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rewriter.cilium.labels import CLUSTER_LABEL, NAMESPACE_LABEL
from rewriter.cilium.policy import CCNP, CNP
from rewriter.cilium.terms import LabelTerm
from rewriter.config.model import ClusterEntityOptions, Config
from rewriter.finding import Applicability
from rewriter.inventory.hubble.flows import ObservedEndpoint, ObservedFlow
from rewriter.passes.cluster_entity import find
from tests.passes.support import Facts, Run, cluster, run

MESH = Facts(clusters=[cluster("cluster-a", local=True), cluster("cluster-b")])
THREE = Facts(clusters=[cluster("cluster-a", local=True), cluster("cluster-b"), cluster("cluster-c")])
NOWHERE = Facts(clusters=[cluster("cluster-a"), cluster("cluster-b")])
ALONE = Facts(clusters=[cluster("cluster-a", local=True)])
UNMESHED = Facts(clusters=[cluster("x", local=True, meshed=False), cluster("cluster-b"), cluster("cluster-c")])

ANYWHERE = {"key": "k8s:io.kubernetes.pod.namespace", "operator": "Exists"}
PORTS = [{"ports": [{"port": "443", "protocol": "TCP"}]}]


def mesh_selector(*names: str) -> dict[str, Any]:
    where: dict[str, Any] = {"key": "io.cilium.k8s.policy.cluster", "operator": "In", "values": list(names)}
    if not names:
        where = {"key": "io.cilium.k8s.policy.cluster", "operator": "Exists"}
    return {"matchExpressions": [ANYWHERE, where]}


def manifest(kind: Any = CNP, **spec: Any) -> dict[str, Any]:
    metadata = {"name": "p"} if kind == CCNP else {"name": "p", "namespace": "shop"}
    return {
        "apiVersion": "cilium.io/v2",
        "kind": kind,
        "metadata": metadata,
        "spec": {"endpointSelector": {}, **spec},
    }


def configured(remote: str | tuple[str, ...] | None = "all", mode: str = "extend") -> Config:
    return Config(root=Path(), cluster_entity=ClusterEntityOptions(remote, mode))


def fix_file(spec: dict[str, Any], inventory: Facts = MESH, config: Config | None = None, **more: Any) -> Run:
    return run(find, manifest(**spec), inventory, config=config or configured(), **more)


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"fromEntities": []},
        {"fromEntities": ["world", "host"]},
        {"fromEntities": ["all", "cluster"]},
        {"fromEntities": ["cluster-mesh", "cluster"]},
        {"fromEntities": ["cluster"], "fromCIDR": []},
        {"fromEntities": ["cluster"], "fromEndpoints": [{}]},
        {"toEntities": ["cluster"]},
        {"fromEntities": "cluster"},
        {"fromEntities": [["cluster"], {"cluster": 1}, 3, None]},
        {"fromEndpoints": [{"matchLabels": {"cluster": "cluster"}}]},
        "cluster",
    ],
)
def test_leaves_alone(rule: Any) -> None:
    assert fix_file({"ingress": [rule]}).findings == []


@pytest.mark.parametrize("inventory", [Facts(), ALONE])
def test_leaves_alone_without_a_mesh(inventory: Facts) -> None:
    assert fix_file({"ingress": [{"fromEntities": ["cluster"]}]}, inventory, configured(None)).findings == []


@pytest.mark.parametrize(
    ("inventory", "remote"), [(UNMESHED, "all"), (MESH, ()), (MESH, ("cluster-a",))], ids=["unmeshed", "none", "itself"]
)
def test_leaves_alone_where_no_other_cluster_is_meant(inventory: Facts, remote: Any) -> None:
    assert fix_file({"ingress": [{"fromEntities": ["cluster"]}]}, inventory, configured(remote)).findings == []


@pytest.mark.parametrize("kind", [CNP, CCNP])
def test_extends_an_allow_rule(kind: str) -> None:
    rule = {"fromEntities": ["cluster"], "toPorts": PORTS}
    result = fix_file({"kind": kind, "ingress": [rule, {"fromEntities": ["host"]}]})
    added = {"fromEndpoints": [mesh_selector("cluster-b")], "toPorts": PORTS}
    assert result.manifest["spec"]["ingress"] == [rule, added, {"fromEntities": ["host"]}]
    assert result.only.applicability is Applicability.EVIDENT
    assert result.only.route == "/spec/ingress/0/fromEntities/0"
    assert "cluster-b" in str(result.only.opens[0])


def test_extends_each_rule_of_every_spec() -> None:
    rule = {"toEntities": ["world", "cluster"], "authentication": {"mode": "required"}}
    added = {"toEndpoints": [mesh_selector("cluster-b")], "authentication": {"mode": "required"}}
    specs = [{"endpointSelector": {}, "egress": [rule, {**rule, "toPorts": PORTS}]}]
    result = fix_file({"egress": [rule], "ingress": []})
    assert result.manifest["spec"]["egress"] == [rule, added]
    document = manifest()
    del document["spec"]
    document["specs"] = specs
    result = run(find, document, MESH, config=configured())
    ports = {"toPorts": PORTS}
    assert result.manifest["specs"][0]["egress"] == [rule, added, {**rule, **ports}, {**added, **ports}]


@pytest.mark.parametrize(
    ("inventory", "remote", "names", "applicability"),
    [
        (MESH, "all", ["cluster-b"], Applicability.EVIDENT),
        (MESH, None, ["cluster-b"], Applicability.UNSAFE),
        (THREE, "all", ["cluster-b", "cluster-c"], Applicability.EVIDENT),
        (THREE, ("cluster-c", "cluster-a"), ["cluster-c"], Applicability.EVIDENT),
        (NOWHERE, "all", [], Applicability.EVIDENT),
        (NOWHERE, None, [], Applicability.UNSAFE),
        (NOWHERE, ("cluster-b",), ["cluster-b"], Applicability.EVIDENT),
        (Facts(), "all", [], Applicability.EVIDENT),
        (Facts(), ("cluster-b",), ["cluster-b"], Applicability.EVIDENT),
    ],
)
def test_whom_it_lets_in(inventory: Facts, remote: Any, names: list[str], applicability: Applicability) -> None:
    result = fix_file({"ingress": [{"fromEntities": ["cluster"]}]}, inventory, configured(remote))
    assert result.manifest["spec"]["ingress"][1] == {"fromEndpoints": [mesh_selector(*names)]}
    assert result.only.applicability is applicability


def test_nobody_said_and_no_consent_changes_nothing() -> None:
    spec = {"ingress": [{"fromEntities": ["cluster"]}]}
    result = fix_file(spec, MESH, configured(None), unsafe=False)
    assert result.manifest == manifest(**spec)
    assert "remote" in result.only.advice


@pytest.mark.parametrize(
    "there",
    [
        {"fromEndpoints": [mesh_selector("cluster-b")], "toPorts": PORTS},
        {"fromEndpoints": [mesh_selector()]},
        {"fromEndpoints": [{"matchLabels": {"app": "x"}}, mesh_selector("cluster-c", "cluster-b")]},
        {"fromEntities": ["all"]},
    ],
)
def test_a_rule_that_is_there_is_not_added_again(there: dict[str, Any]) -> None:
    assert fix_file({"ingress": [{"fromEntities": ["cluster"], "toPorts": PORTS}, there]}).findings == []


def test_uses_the_keys_as_the_policy_writes_them() -> None:
    written = {"matchLabels": {"any:io.kubernetes.pod.namespace": "x", "k8s:io.cilium.k8s.policy.cluster": "y"}}
    result = fix_file({"ingress": [{"fromEntities": ["cluster"]}], "egress": [{"toEndpoints": [written]}]})
    keys = [e["key"] for e in result.manifest["spec"]["ingress"][1]["fromEndpoints"][0]["matchExpressions"]]
    assert keys == ["any:io.kubernetes.pod.namespace", "k8s:io.cilium.k8s.policy.cluster"]


def test_a_deny_rule_is_left_to_a_person() -> None:
    spec = {"ingressDeny": [{"fromEntities": ["cluster"]}]}
    result = fix_file(spec)
    assert result.manifest == manifest(**spec)
    assert result.only.applicability is Applicability.MANUAL
    assert result.only.candidate is not None
    assert "denies no pods of cluster-b" in result.only.message


def test_a_deny_rule_whose_pods_of_the_mesh_another_denies_is_left_alone() -> None:
    rule = {"fromEntities": ["cluster"], "toPorts": PORTS}
    for there in ({"fromEndpoints": [mesh_selector("cluster-b")], "toPorts": PORTS}, {"fromEntities": ["all"]}):
        assert fix_file({"ingressDeny": [rule, there]}).findings == []


def test_replace_swaps_the_entity_and_says_what_is_lost() -> None:
    result = fix_file({"ingress": [{"fromEntities": ["cluster"], "toPorts": PORTS}]}, config=configured(mode="replace"))
    expected = {"fromEndpoints": [mesh_selector("cluster-a", "cluster-b")], "toPorts": PORTS}
    assert result.manifest["spec"]["ingress"] == [expected]
    assert result.only.applicability is Applicability.UNSAFE
    for lost in ("host", "remote-node", "health", "ingress", "init", "unmanaged", "kube-apiserver"):
        assert lost in str(result.only.closes[0])


def test_replace_without_a_cluster_says_what_would_give_it_one() -> None:
    rules = {"ingress": [{"fromEntities": ["cluster"]}]}
    result = fix_file(rules, NOWHERE, configured(("cluster-b",), "replace"))
    assert result.only.applicability is Applicability.MANUAL
    assert "a file that goes to several clusters, by a symlink say, needs a copy of its own" in result.only.advice


@pytest.mark.parametrize(("field", "loses_host"), [("fromEntities", False), ("toEntities", True)])
def test_replace_closes_the_host_where_policies_decide_of_it(field: str, loses_host: bool) -> None:
    """The host of a pod is let in whatever policies allow, and let out only where they do."""
    direction = "ingress" if field == "fromEntities" else "egress"
    result = fix_file({direction: [{field: ["cluster"], "toPorts": PORTS}]}, config=configured(mode="replace"))
    (claim,) = result.only.closes
    terms = [peer for peer in claim.peers or () if isinstance(peer, LabelTerm)]
    closed = {condition.key for term in terms for condition in term.conditions}
    assert ("host" in closed) is loses_host
    assert "remote-node" in closed


def test_replace_keeps_the_other_entities() -> None:
    rule = {"toEntities": ["cluster", "world"]}
    result = fix_file({"egress": [rule]}, config=configured(mode="replace"))
    added = {"toEndpoints": [mesh_selector("cluster-a", "cluster-b")]}
    assert result.manifest["spec"]["egress"] == [{"toEntities": ["world"]}, added]


@pytest.mark.parametrize(
    ("rules", "mode", "before", "manual"),
    [
        ({"ingress": [{"fromRequires": [{}]}]}, "replace", "1.18", True),
        ({"ingress": [{"fromRequires": [{}]}]}, "extend", "1.18", True),
        ({"ingress": [{"fromRequires": [{}]}]}, "replace", "1.19", False),
        ({"ingress": [{"fromRequires": []}]}, "replace", "1.18", False),
        ({"egress": [{"toRequires": [{}]}]}, "replace", "1.18", False),
        ({"ingressDeny": [{"fromRequires": [{}]}]}, "replace", "1.18", False),
    ],
)
def test_a_requirement_would_narrow_the_selector_and_not_the_entity(
    rules: dict[str, Any], mode: str, before: str, manual: bool
) -> None:
    spec = {**rules, "ingress": [{"fromEntities": ["cluster"]}, *rules.get("ingress", ())]}
    after = "1.19" if before == "1.18" else "1.20"
    only = fix_file(spec, config=configured(mode=mode), from_version=before, to_version=after).only
    assert (only.applicability is Applicability.MANUAL) is manual
    assert ("`fromRequires` would narrow" in only.advice) is manual


def test_replace_needs_the_local_cluster_by_name_beside_others() -> None:
    rule = {"fromEntities": ["cluster"]}
    named = fix_file({"ingress": [rule]}, NOWHERE, configured(("cluster-b",), "replace"))
    assert named.only.applicability is Applicability.MANUAL
    everyone = fix_file({"ingress": [rule]}, NOWHERE, configured("all", "replace"))
    assert everyone.manifest["spec"]["ingress"] == [{"fromEndpoints": [mesh_selector()]}]


@pytest.mark.parametrize(
    ("remote", "applicability"),
    [
        ("all", Applicability.EVIDENT),
        (("cluster-b", "cluster-c"), Applicability.EVIDENT),
        (("cluster-b",), Applicability.UNSAFE),
        (None, Applicability.UNSAFE),
    ],
)
def test_cluster_mesh_from_1_20(remote: Any, applicability: Applicability) -> None:
    config = configured(remote, "cluster-mesh")
    spec = {"ingress": [{"fromEntities": ["host", "cluster"]}]}
    result = fix_file(spec, THREE, config, from_version="1.19", to_version="1.20")
    assert result.manifest["spec"]["ingress"] == [{"fromEntities": ["host", "cluster-mesh"]}]
    assert result.only.applicability is applicability
    assert "rejected before 1.20" in result.only.why


def test_cluster_mesh_before_1_20_is_manual() -> None:
    result = fix_file({"ingress": [{"fromEntities": ["cluster"]}]}, config=configured(mode="cluster-mesh"))
    assert result.only.applicability is Applicability.MANUAL
    assert result.only.fix is None
    assert "1.20" in result.only.advice


def drop(source: str, port: int = 443, subject: str = "cluster-a", verdict: str = "DROPPED") -> ObservedFlow:
    """A flow from pods of a cluster to pods of namespace shop, seen at the receiving end."""

    def pods(name: str, namespace: str) -> ObservedEndpoint:
        labels = (f"k8s:{CLUSTER_LABEL}={name}", f"k8s:{NAMESPACE_LABEL}={namespace}", "k8s:app=web")
        return ObservedEndpoint(labels)

    ends = (pods(source, "front"), pods(subject, "shop"))
    return ObservedFlow(*ends, "TCP", port, "ingress", verdict, 7, "2026-01-31T12:00:00Z")


ENTITY = {"ingress": [{"fromEntities": ["cluster"], "toPorts": PORTS}]}


def test_drops_seen_from_remote_pods_are_evidence_for_their_cluster() -> None:
    seen = replace(THREE, cross_cluster_drops=[drop("cluster-c")])
    done = fix_file(ENTITY, seen, configured(None), unsafe=False)
    assert done.only.applicability is Applicability.EVIDENT
    assert done.manifest["spec"]["ingress"][1]["fromEndpoints"] == [mesh_selector("cluster-c")]
    assert (
        "Hubble saw dropped: cluster-c/front/web → cluster-a/shop/web 443/TCP (7 times, last 2026-01-31T12:00:00Z)"
        in done.only.evidence
    )


@pytest.mark.parametrize(
    "flow",
    [
        drop("cluster-c", port=80),
        drop("cluster-x"),
        drop("cluster-c", subject="cluster-b"),
        drop("cluster-c", verdict="DENIED"),
    ],
    ids=["other port", "no member of the mesh", "dropped in another cluster", "by a deny rule"],
)
def test_other_drops_are_no_evidence(flow: ObservedFlow) -> None:
    seen = replace(THREE, cross_cluster_drops=[flow] if flow.crosses_clusters else [])
    assert fix_file(ENTITY, seen, configured(None), unsafe=False).only.applicability is Applicability.UNSAFE


def test_nobody_is_overruled_by_what_was_seen() -> None:
    seen = replace(THREE, cross_cluster_drops=[drop("cluster-c")])
    assert fix_file(ENTITY, seen, configured(())).findings == []
    names = fix_file(ENTITY, seen, configured(("cluster-b",))).manifest["spec"]["ingress"][1]["fromEndpoints"]
    assert names == [mesh_selector("cluster-b")]
    denying = fix_file({"ingressDeny": [{"fromEntities": ["cluster"]}]}, seen, configured(None))
    assert denying.only.applicability is Applicability.MANUAL
