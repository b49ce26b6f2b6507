"""Comparisons that are answered by what is known of their form: to the letter what a comparison of their own finds."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from rewriter.cilium.identity import Identity, NamedPort
from rewriter.cilium.labels import pod_labels
from rewriter.cilium.settings import Settings
from rewriter.cilium.version import parse_version
from rewriter.reach.compare import reach
from rewriter.reach.difference import FlowStatement
from rewriter.reach.forms import Comparison
from rewriter.reach.simple import reach_among, reach_simple
from rewriter.reach.world import PolicyWorld, policy_world

TODAY = Settings(parse_version("1.18"), local_cluster="a")
LATER = Settings(parse_version("1.19"), local_cluster="a", default_local_cluster=True)
TIERED = Settings(parse_version("1.20"), local_cluster="a", cluster_network_policies=True)
CLUSTER = "io.cilium.k8s.policy.cluster"
NAMESPACE = "k8s:io.kubernetes.pod.namespace"

Manifest = Mapping[str, Any]
Worlds = tuple[PolicyWorld, PolicyWorld, PolicyWorld]


def _policy(app: str, direction: str, *rules: Manifest, namespace: str = "shop", deny: bool = False) -> Manifest:
    return {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumNetworkPolicy",
        "metadata": {"name": "x", "namespace": namespace},
        "spec": {
            "endpointSelector": {"matchLabels": {"app": app}} if app else {},
            direction + ("Deny" if deny else ""): list(rules),
        },
    }


def _from(app: str, namespace: str, port: str = "8080", **labels: str) -> Manifest:
    peer = {"matchLabels": {"app": app, NAMESPACE: namespace, **labels}}
    return {"fromEndpoints": [peer], "toPorts": [{"ports": [{"port": port, "protocol": "TCP"}]}]}


def _to(app: str, namespace: str) -> Manifest:
    return {"toEndpoints": [{"matchLabels": {"app": app, NAMESPACE: namespace}}]}


def _worlds(own: Manifest, others: Sequence[Manifest], new: Manifest | None = None) -> Worlds:
    """Today, then, and then with the policy as it is read today."""
    one = policy_world([own], TODAY), policy_world([own if new is None else new], LATER)
    rest = policy_world(others, TODAY), policy_world(others, LATER)
    return (
        PolicyWorld((*one[0].sets, *rest[0].sets)),
        PolicyWorld((*one[1].sets, *rest[1].sets)),
        PolicyWorld((*one[0].sets, *rest[1].sets)),
    )


def _same(
    worlds: Worlds,
    clusters: Sequence[str] = (),
    ends: tuple[PolicyWorld, PolicyWorld] | None = None,
    pods: Sequence[Identity] = (),
) -> bool:
    """Checks the answer against that of `reach`; whether it was found by the form."""
    before, after, beside = worlds
    comparison = Comparison(before, after, beside, ends)
    (found,) = reach_among([comparison], pods, clusters=clusters)
    real = reach(before, after, pods, beside, (), clusters, ends)
    if not pods:
        assert (found.opened, found.closed, found.exact) == (real.opened, real.closed, real.exact)
    for some, others in ((found.opened, real.opened), (found.closed, real.closed)):
        assert list(map(_told, some)) == list(map(_told, others))
        for one, other in zip(some, others, strict=True):
            assert set(one.subject_workloads) <= set(other.subject_workloads)
            assert set(one.peer_workloads) <= set(other.peer_workloads)
    back = Comparison(after, before, _first(worlds), ends and (ends[1], ends[0]))
    both = reach_among([comparison, back], pods, clusters=clusters)
    assert both == [found, *reach_among([back], pods, clusters=clusters)]
    return reach_simple([comparison], clusters, pods) != [None]


def _first(worlds: Worlds) -> PolicyWorld:
    """Today with the policy as it is read then."""
    before, after, _ = worlds
    return PolicyWorld((after.sets[0], *before.sets[1:]))


def _told(statement: FlowStatement) -> tuple[object, ...]:
    """A statement, and whether its ends are there; of pods that nothing tells apart one may stand for all."""
    subject, peers = bool(statement.subject_workloads), bool(statement.peer_workloads)
    there = (statement.subject_is_there, statement.peers_are_there)
    return replace(statement, subject_workloads=(), peer_workloads=()), subject, peers, there


def _pod(app: str, namespace: str, cluster: str, **labels: str) -> Identity:
    known = pod_labels(cluster=cluster, namespace=namespace, labels={"app": app, **labels})
    return Identity(f"{cluster}/{namespace}/{app}", known, named_ports=(NamedPort("http", 8080),))


def test_pods_that_are_known_are_named_whatever_the_names() -> None:
    for app, peer in (("web", "db"), ("zz", "aa")):
        worlds = _worlds(_policy(app, "ingress", _from(peer, "data")), [])
        pods = [
            _pod(app, "shop", "a", tier="x"),
            _pod(peer, "data", "b"),
            _pod(app, "data", "b"),
            _pod("y", "data", "c"),
        ]
        (found,) = reach_among([Comparison(*worlds)], pods, clusters=("a", "b"))
        assert [(each.subject_workloads, each.peer_workloads) for each in found.closed] == [
            ((f"a/shop/{app}",), (f"b/data/{peer}",))
        ]
        assert _same(worlds, ("a", "b"), pods=pods)
        host = Identity("a/shop/x", pod_labels(cluster="a", namespace="shop", labels={"app": app, "host": ""}))
        assert not _same(worlds, ("a", "b"), pods=[*pods, host])


def test_a_peer_of_another_cluster_is_closed_whatever_the_names() -> None:
    for app, peer, namespace in (("web", "db", "data"), ("zz", "aa", "mm"), ("web", "web", "shop")):
        worlds = _worlds(_policy(app, "ingress", _from(peer, namespace)), [_policy(app, "ingress", _from("x", "y"))])
        (found,) = reach_among([Comparison(*worlds)], clusters=("a", "b"))
        assert [str(each) for each in found.closed] == [
            f"ingress to pods with app={app} of namespace shop"
            f" from pods with app={peer} of namespace {namespace} in b on 8080/TCP"
        ]
        assert _same(worlds, ("a", "b"))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(_policy("web", "ingress", _from("db", "data")), id="the same once more"),
        pytest.param(_policy("web", "ingress", {"fromEntities": ["all"]}), id="everybody is let in"),
        pytest.param(_policy("", "ingress", {"fromEntities": ["cluster"]}), id="the cluster is let in"),
        pytest.param(_policy("web", "ingress", _from("db", "data", "9090")), id="another port"),
        pytest.param(_policy("", "ingress", _from("db", "data"), deny=True), id="what is denied"),
        pytest.param(_policy("web", "egress", {"toCIDR": ["192.0.2.0/24"]}), id="addresses the other way"),
        pytest.param(_policy("web", "ingress", {"fromCIDR": ["192.0.2.0/24"]}), id="addresses"),
        pytest.param(_policy("web", "ingress", {}), id="nobody"),
        pytest.param(_policy("web", "ingress", _from("db", "data", host="")), id="a label host"),
        pytest.param(_policy("web", "ingress", _from("db", "data", **{CLUSTER: "c"})), id="a third cluster"),
        pytest.param(_policy("web", "ingress", _from("mail", "data", **{CLUSTER: "c"})), id="a third one, elsewhere"),
        pytest.param(
            _policy(
                "web",
                "ingress",
                {"fromEndpoints": [{"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["db"]}]}]},
            ),
            id="all but one",
        ),
        pytest.param(
            _policy("web", "ingress", {**_from("db", "data"), "toPorts": [{"ports": [{"port": "http"}]}]}),
            id="a port by name",
        ),
        pytest.param(
            _policy(
                "web",
                "ingress",
                {
                    **_from("db", "data"),
                    "toPorts": [{"ports": [{"port": "8080"}], "rules": {"http": [{"method": "GET"}]}}],
                },
            ),
            id="a part of the requests",
        ),
    ],
)
def test_other_policies_count_as_in_a_comparison_of_their_own(other: Manifest) -> None:
    for clusters in ((), ("a", "b")):
        _same(_worlds(_policy("web", "ingress", _from("db", "data")), [other]), clusters)


NODES = {
    "apiVersion": "cilium.io/v2",
    "kind": "CiliumClusterwideNetworkPolicy",
    "metadata": {"name": "nodes"},
    "spec": {"nodeSelector": {"matchLabels": {"app": "web"}}, "ingress": [_from("db", "data")]},
}
TIER = {
    "apiVersion": "policy.networking.k8s.io/v1alpha2",
    "kind": "ClusterNetworkPolicy",
    "metadata": {"name": "tier"},
    "spec": {
        "tier": "Admin",
        "priority": 1,
        "subject": {"namespaces": {}},
        "ingress": [{"action": "Accept", "from": [{"namespaces": {}}]}],
    },
}


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(NODES, id="a policy for nodes"),
        pytest.param(
            _policy("web", "ingress", {"fromRequires": [{"matchLabels": {"tier": "x"}}], **_from("mail", "data")}),
            id="a requirement",
        ),
        pytest.param(TIER, id="a tier"),
    ],
)
def test_what_has_another_form_is_compared_by_itself(other: Manifest) -> None:
    """Read by one release throughout: 1.18 has requirements, and 1.20 has tiers."""
    rest = policy_world([other], TIERED if other is TIER else TODAY)
    worlds = _worlds(_policy("web", "ingress", _from("db", "data")), [])
    assert rest.rejections == (None,)
    before, after, beside = (PolicyWorld((*world.sets, *rest.sets)) for world in worlds)
    assert not _same((before, after, beside), ("a", "b"))


def test_policies_of_the_peers_count_as_in_a_comparison_of_their_own() -> None:
    worlds = _worlds(_policy("web", "ingress", _from("db", "data")), [_policy("web", "ingress", _from("x", "y"))])
    for there in (
        _policy("db", "egress", _to("web", "shop"), namespace="data"),
        _policy("db", "egress", _to("mail", "shop"), namespace="data"),
        _policy("db", "egress", {"toCIDR": ["192.0.2.0/24"]}, namespace="data"),
        _policy("db", "egress", {"toEndpoints": [{"matchLabels": {"app": "x", CLUSTER: "c"}}]}, namespace="data"),
        _policy("", "egress", {"toEntities": ["all"]}, namespace="data"),
        _policy("db", "egress", _to("web", "shop"), namespace="data", deny=True),
        _policy("", "egress", {}, namespace="data"),
    ):
        _same(worlds, ("a", "b"), (policy_world([there], TODAY), policy_world([there], LATER)))


def test_policies_of_the_peers_count_where_a_rule_lets_other_pods_in() -> None:
    worlds = _worlds(
        _policy("web", "ingress", _from("db", "data")),
        [_policy("web", "ingress", _from("x", "y"))],
        _policy("web", "ingress", _from("mail", "data")),
    )
    for app, found in (("web", 1), ("x", 0)):
        there = _policy("mail", "egress", _to(app, "shop"), namespace="data")
        ends = (policy_world([there], TODAY), policy_world([there], LATER))
        assert _same(worlds, (), ends)
        assert len(reach_among([Comparison(*worlds, ends)])[0].opened) == found


def test_many_combinations_are_as_a_comparison_of_their_own() -> None:
    chance = random.Random(7)
    simple = 0
    for _ in range(150):

        def some_policy(direction: str) -> Manifest:
            def rule() -> Manifest:
                draw = chance.random()
                if draw < 0.15:
                    kind = "from" if direction == "ingress" else "to"
                    return chance.choice(
                        ({f"{kind}CIDR": ["192.0.2.0/24"]}, {f"{kind}Entities": [chance.choice(("all", "cluster"))]})
                    )
                app, namespace = chance.choice(("web", "db", "mail")), chance.choice(("shop", "data"))
                if direction == "egress":
                    return _to(app, namespace)
                return _from(app, namespace, chance.choice(("8080", "8080", "9090")))

            rules = [rule() for _ in range(chance.choice((1, 1, 2)))]
            app, namespace = chance.choice(("web", "web", "db", "")), chance.choice(("shop", "shop", "data"))
            return _policy(app, direction, *rules, namespace=namespace, deny=chance.random() < 0.1)

        def some(most: int) -> list[Manifest]:
            return [
                some_policy("ingress" if chance.random() < 0.6 else "egress") for _ in range(chance.randrange(most))
            ]

        own, others, there = some_policy("ingress"), some(4), some(3)
        ends = (policy_world(there, TODAY), policy_world(there, LATER)) if there else None
        new = some_policy("ingress") if chance.random() < 0.2 else None
        worlds, clusters = _worlds(own, others, new), chance.choice(((), ("a", "b")))
        simple += _same(worlds, clusters, ends)
        pods = [
            _pod(app, namespace, cluster)
            for app in ("web", "db", "other")
            for namespace in ("shop", "data", "elsewhere")
            for cluster in ("a", "b", "c")
            if chance.random() < 0.3
        ]
        _same(worlds, clusters, ends, pods)
    assert simple > 50
