"""Other policies of the same pods, of which those that do the same are looked at once."""

from __future__ import annotations

from typing import Any

import pytest

from rewriter.cilium.policy import Policy, read_policy
from rewriter.cilium.settings import NO_FACTS
from rewriter.cilium.version import parse_version
from rewriter.engine.effects.of_fixes import Effects
from rewriter.engine.effects.worlds import world_beside, world_of
from rewriter.evidence.settings import settings_of
from tests.inventory.support import inventory

SETTINGS = settings_of(None, parse_version("1.19"))
_DB = {"fromEndpoints": [{"matchLabels": {"app": "db"}}]}


def _policy(name: str, **spec: Any) -> Policy:
    return read_policy(
        {
            "apiVersion": "cilium.io/v2",
            "kind": "CiliumNetworkPolicy",
            "metadata": {"name": name, "namespace": "shop"},
            "spec": {"endpointSelector": {"matchLabels": {"app": "web"}}, **spec},
        }
    )


def test_policies_that_do_the_same_are_in_the_world_once() -> None:
    alike = [_policy(f"p{number}", ingress=[_DB]) for number in range(200)]
    other = _policy("other", egress=[{"toEntities": ["world"]}])
    found = world_beside([*alike[:100], other, *alike[100:]], SETTINGS, NO_FACTS)
    every = world_of([*alike, other], SETTINGS, NO_FACTS)
    assert len(list(found.entries())) == 2
    assert {entry.content for entry in found.entries()} == {entry.content for entry in every.entries()}


@pytest.mark.parametrize(
    "spec",
    [
        {"ingress": [{**_DB, "toPorts": [{"ports": [{"port": "80"}]}]}]},
        {"ingress": [_DB], "enableDefaultDeny": {"ingress": False}},
        {"ingressDeny": [_DB]},
        {"ingress": [_DB], "endpointSelector": {"matchLabels": {"app": "api"}}},
    ],
)
def test_policies_that_differ_in_one_point_are_all_there(spec: dict[str, Any]) -> None:
    policies = [_policy(f"p{number}", ingress=[_DB]) for number in range(10)]
    found = world_beside([*policies, _policy("another", **spec)], SETTINGS, NO_FACTS)
    assert len(list(found.entries())) == 2


def test_a_policy_that_is_rejected_is_not_taken_for_one_without_rules() -> None:
    empty = _policy("none", ingress=[{}])
    bad = _policy("bad", ingress=[{"toPorts": [{"ports": [{"port": "x y"}]}]}])
    found = world_beside([empty, bad] * 3, SETTINGS, NO_FACTS)
    assert [why is None for why in found.rejections] == [True, False]


def test_a_step_beside_many_alike_is_what_it_is_beside_one_of_them() -> None:
    """An allow rule for everybody in the namespace, beside others that let one pod in."""
    before, after = _policy("own", ingress=[_DB]), _policy("own", ingress=[_DB, {"fromEndpoints": [{}]}])

    def flows(count: int) -> Any:
        others = [_policy(f"p{number}", ingress=[{"fromEntities": ["cluster"]}]) for number in range(count)]
        effects = Effects(SETTINGS, SETTINGS, inventory({}), others=lambda: others)
        step = effects.judge_step(before, after, None)
        assert step.among_others is not None
        assert len(step.among_others.others) == count
        return step.among_others.flows

    assert flows(1) == flows(50)
