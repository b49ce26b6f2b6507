"""What a step does is the same whether rules that it does not touch are set aside or looked at like the others."""

from __future__ import annotations

import random
from copy import deepcopy
from typing import Any

import pytest

from rewriter.cilium.policy_set import compile_policies
from rewriter.cilium.settings import Settings
from rewriter.cilium.version import Version
from rewriter.reach import compare
from rewriter.reach.compare import step_effect
from rewriter.reach.shared import common_rules, contents_of
from rewriter.reach.world import PolicyWorld

_SOURCE = Settings(Version(1, 18), local_cluster="here")
_TARGET = Settings(Version(1, 19), local_cluster="here", default_local_cluster=True)


def _rule(rng: random.Random) -> dict[str, Any]:
    rule: dict[str, Any] = {}
    if rng.random() < 0.8:
        labels = {"app": rng.choice("abc")}
        if rng.random() < 0.3:
            labels["k8s:io.cilium.k8s.policy.cluster"] = rng.choice(("here", "there"))
        rule["fromEndpoints"] = [{"matchLabels": labels}]
    else:
        rule["fromCIDR"] = [rng.choice(("10.0.0.0/8", "10.1.0.0/16", "192.0.2.0/24"))]
    if rng.random() < 0.5:
        rule["toPorts"] = [{"ports": [{"port": rng.choice(("80", "443")), "protocol": "TCP"}]}]
    return rule


def _manifest(rng: random.Random) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "endpointSelector": {"matchLabels": {"app": "web"}},
        "ingress": [_rule(rng) for _ in range(rng.randrange(1, 6))],
    }
    if rng.random() < 0.4:
        spec["ingressDeny"] = [_rule(rng)]
    if rng.random() < 0.3:
        spec["enableDefaultDeny"] = {"ingress": False}
    return {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumNetworkPolicy",
        "metadata": {"name": "x", "namespace": "shop"},
        "spec": spec,
    }


def _worlds(before: dict[str, Any], after: dict[str, Any]) -> list[PolicyWorld]:
    pairs = ((before, _SOURCE), (after, _TARGET), (before, _TARGET), (after, _SOURCE))
    return [PolicyWorld((compile_policies([manifest], settings),)) for manifest, settings in pairs]


@pytest.mark.parametrize("seed", range(60))
def test_rules_that_a_step_does_not_touch_may_be_set_aside(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(seed)
    before = _manifest(rng)
    after = deepcopy(before)
    rules = after["spec"]["ingress"]
    rules[rng.randrange(len(rules))] = _rule(rng)
    if rng.random() < 0.3:
        rules.append(_rule(rng))
    if rng.random() < 0.2:
        after["spec"].pop("enableDefaultDeny", None)
    worlds = _worlds(before, after)
    found = step_effect(*worlds)
    compared = compare.reach(worlds[0], worlds[1])
    beside = compare.reach(worlds[0], worlds[1], beside=worlds[2])

    monkeypatch.setattr(compare, "shared_rules", lambda _: [])

    every = step_effect(*worlds)
    assert (found.own, found.upgrade, found.undeclared) == (every.own, every.upgrade, every.undeclared)
    assert compared == compare.reach(worlds[0], worlds[1])
    assert beside == compare.reach(worlds[0], worlds[1], beside=worlds[2])


def test_what_every_world_has_is_common() -> None:
    def world(*entities: str) -> PolicyWorld:
        manifest = _manifest(random.Random(1))
        manifest["spec"] = {
            "endpointSelector": {"matchLabels": {"app": "web"}},
            "ingress": [{"fromEntities": [entity]} for entity in entities],
        }
        return PolicyWorld((compile_policies([manifest], _SOURCE),))

    def common(*worlds: PolicyWorld) -> int:
        found = common_rules(worlds)
        assert bool(found) is any(content in found for content in contents_of(worlds[0]))
        return sum(content in found for content in contents_of(worlds[0]))

    assert common(world("health"), world("health", "world")) == 1
    assert common(world("health", "world"), world("health")) == 1
    assert not common(world("health"), world("world"))
