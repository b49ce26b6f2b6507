"""Rules that a fix leaves as they are keep their view, unless they stand elsewhere now."""

from __future__ import annotations

from typing import Any

from rewriter.cilium.by_identity import ByIdentity
from rewriter.cilium.policy import Policy, Rule, read_policy


def _policy(*items: object, known: ByIdentity[Any, Rule] | None = None) -> Policy:
    manifest = {"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": {"name": "x"}}
    return read_policy({**manifest, "spec": {"endpointSelector": {}, "ingress": list(items)}}, known=known)


def _rule(app: str) -> dict[str, object]:
    return {"fromEndpoints": [{"matchLabels": {"app": app}}]}


def test_a_rule_that_moves_has_its_new_route() -> None:
    known: ByIdentity[Any, Rule] = ByIdentity()
    first, second, new = _rule("a"), _rule("b"), _rule("new")
    before = list(_policy(first, second, known=known).rules())
    after = list(_policy(first, new, second, known=known).rules())
    assert after[0] is before[0]
    assert [rule.route for rule in after] == ["/spec/ingress/0", "/spec/ingress/1", "/spec/ingress/2"]
    assert [rule.raw for rule in after] == [first, new, second]


def test_only_mappings_and_nulls_are_rules() -> None:
    known: ByIdentity[Any, Rule] = ByIdentity()
    for _ in range(2):
        rules = list(_policy(None, "text", {}, _rule("a"), known=known).rules())
        assert [(rule.route, rule.raw) for rule in rules] == [
            ("/spec/ingress/0", {}),
            ("/spec/ingress/2", {}),
            ("/spec/ingress/3", _rule("a")),
        ]
