"""Comparisons that are answered by what is known of their form: to the letter what a comparison of their own finds."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from rewriter.cilium.settings import Settings
from rewriter.cilium.version import parse_version
from rewriter.reach.compare import reach
from rewriter.reach.simple import reach_among, reach_simple
from rewriter.reach.world import PolicyWorld, policy_world

TODAY = Settings(parse_version("1.18"), local_cluster="a")
LATER = Settings(parse_version("1.19"), local_cluster="a", default_local_cluster=True)
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
) -> bool:
    """Checks the answer against that of `reach`; whether it was found by the form."""
    before, after, beside = worlds
    found = reach_among(before, after, beside, clusters=clusters, ends=ends)
    real = reach(before, after, (), beside, (), clusters, ends)
    assert (found.opened, found.closed, found.exact) == (real.opened, real.closed, real.exact)
    return reach_simple(before, after, beside, clusters, ends) is not None


def test_a_peer_of_another_cluster_is_closed_whatever_the_names() -> None:
    for app, peer, namespace in (("web", "db", "data"), ("zz", "aa", "mm"), ("web", "web", "shop")):
        worlds = _worlds(_policy(app, "ingress", _from(peer, namespace)), [_policy(app, "ingress", _from("x", "y"))])
        found = reach_among(*worlds, clusters=("a", "b"))
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
        assert len(reach_among(*worlds, ends=ends).opened) == found


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
        simple += _same(_worlds(own, others, new), chance.choice(((), ("a", "b"))), ends)
    assert simple > 50
