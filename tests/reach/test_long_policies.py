"""What a step does is the same whether stretches of rules are known from the last step or all are looked at anew."""

from __future__ import annotations

import random
from copy import deepcopy
from typing import Any

import pytest

from rewriter.cilium.policy import RULES, Policy, read_policy
from rewriter.cilium.settings import NO_FACTS, Settings
from rewriter.cilium.version import Version
from rewriter.engine.effects.worlds import world_of
from rewriter.reach.compare import step_effect

_SOURCE = Settings(Version(1, 18), local_cluster="here")
_TARGET = Settings(Version(1, 19), local_cluster="here", default_local_cluster=True)


def _rule(rng: random.Random, number: int) -> dict[str, Any]:
    peers: list[dict[str, Any]] = [
        {"fromEndpoints": [{"matchLabels": {"app": f"a{number}"}}]},
        {"fromEndpoints": [{"matchLabels": {"app": f"a{number}", "k8s:io.cilium.k8s.policy.cluster": "there"}}]},
        {"fromCIDR": [f"10.{number % 200}.0.0/16"]},
        {"fromEntities": ["cluster"]},
    ]
    rule = peers[min(rng.randrange(24), 3)] if rng.random() < 0.5 else peers[0]
    if rng.random() < 0.5:
        rule["toPorts"] = [{"ports": [{"port": rng.choice(("80", "443")), "protocol": "TCP"}]}]
    return rule


def _manifest(rules: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumNetworkPolicy",
        "metadata": {"name": "x", "namespace": "shop"},
        "spec": {"endpointSelector": {"matchLabels": {"app": "web"}}, "ingress": rules},
    }


def _effect(before: Policy, after: Policy) -> tuple[object, ...]:
    pairs = ((before, _SOURCE), (after, _TARGET), (before, _TARGET), (after, _SOURCE))
    found = step_effect(*(world_of([policy], settings, NO_FACTS) for policy, settings in pairs), narrow=True)
    return found.own, found.upgrade, found.undeclared


@pytest.mark.parametrize("seed", range(4))
def test_steps_of_a_long_policy_are_judged_as_if_each_were_the_first(seed: int) -> None:
    rng = random.Random(seed)
    rules = [_rule(rng, number) for number in range(rng.choice((20, 40, 260)))]
    for _ in range(5):
        changed = list(rules)
        place = rng.randrange(len(rules))
        if rng.random() < 0.3:
            changed.insert(place, _rule(rng, rng.randrange(300)))
        else:
            changed[place] = _rule(rng, rng.randrange(300))
        known = _effect(*(read_policy(_manifest(items), known=RULES) for items in (rules, changed)))
        anew = _effect(*(read_policy(_manifest(deepcopy(items))) for items in (rules, changed)))
        assert known == anew
        rules = changed
