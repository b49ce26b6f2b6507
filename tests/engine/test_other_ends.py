"""The policies of the pods that a policy names as peers: found once for all policies that name the same."""

from __future__ import annotations

from typing import Any

import pytest

from rewriter.cilium.policy import Policy, read_policy
from rewriter.cilium.settings import NO_FACTS
from rewriter.cilium.version import parse_version
from rewriter.engine.effects.other_ends import policies_at_peers
from rewriter.engine.effects.subjects import Subjects
from rewriter.engine.effects.worlds import world_of
from rewriter.evidence.settings import settings_of
from rewriter.passes.kit.sides.neighbours import Neighbours

SETTINGS = settings_of(None, parse_version("1.19"))


def _policy(namespace: str, subject: str, **spec: Any) -> Policy:
    return read_policy(
        {
            "apiVersion": "cilium.io/v2",
            "kind": "CiliumNetworkPolicy",
            "metadata": {"name": "own", "namespace": namespace},
            "spec": {"endpointSelector": {"matchLabels": {"app": subject}}, **spec},
        }
    )


def _of_any_namespace(app: str) -> Any:
    selector = {"matchLabels": {"app": app}}
    expression = {"key": "k8s:io.kubernetes.pod.namespace", "operator": "Exists"}
    return [{"fromEndpoints": [{**selector, "matchExpressions": [expression]}]}]


def _at_peers(policy: Policy, others: Neighbours) -> list[str | None]:
    def world(one: Policy) -> Any:
        return world_of([one], SETTINGS, NO_FACTS)

    found = policies_at_peers([world(policy)], others, SETTINGS, world, (), ())
    assert found is not None
    return [one.namespace for one in found]


def test_what_many_policies_name_is_looked_for_in_all_namespaces_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0
    places_met_by = Subjects.places_met_by

    def counted(subjects: Subjects, peer: Any) -> frozenset[int]:
        nonlocal asked
        asked += 1
        return places_met_by(subjects, peer)

    monkeypatch.setattr(Subjects, "places_met_by", counted)
    others = Neighbours(
        _policy(f"ns{number}", "db" if number == 7 else "cache", egress=[{"toEntities": ["world"]}])
        for number in range(40)
    )
    for number in range(40):
        assert _at_peers(_policy(f"ns{number}", "web", ingress=_of_any_namespace("db")), others) == ["ns7"]
    assert asked == 40


def test_what_another_policy_names_is_another_question() -> None:
    others = Neighbours(
        [
            _policy("one", "db", egress=[{"toEntities": ["world"]}]),
            _policy("two", "cache", egress=[{"toEntities": ["world"]}]),
        ]
    )
    assert _at_peers(_policy("shop", "web", ingress=_of_any_namespace("db")), others) == ["one"]
    assert _at_peers(_policy("shop", "web", ingress=_of_any_namespace("cache")), others) == ["two"]
    assert _at_peers(_policy("shop", "web", ingress=_of_any_namespace("none")), others) == []
