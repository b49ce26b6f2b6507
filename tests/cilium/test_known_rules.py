"""Rules that a fix leaves as they are keep their view, unless they stand elsewhere now."""

from __future__ import annotations

from typing import Any

from rewriter.cilium.by_identity import ByIdentity
from rewriter.cilium.peers import rule_terms
from rewriter.cilium.policy import Policy, Rule, read_policy
from rewriter.cilium.settings import NO_FACTS, Settings
from rewriter.cilium.version import Version


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


def test_rules_of_a_long_list_keep_their_routes_beside_what_is_no_rule() -> None:
    known: ByIdentity[Any, Rule] = ByIdentity()
    items: list[object] = [_rule(f"a{number}") if number % 5 else "text" for number in range(90)]
    before = _policy(*items, known=known)
    changed = [*items[:41], _rule("new"), *items[42:]]
    after = _policy(*changed, known=known)
    for policy, written in ((before, items), (after, changed)):
        assert [(rule.route, rule.raw) for rule in policy.rules()] == [
            (f"/spec/ingress/{number}", item) for number, item in enumerate(written) if number % 5
        ]
    shared = set(map(id, before.rules())) & set(map(id, after.rules()))
    assert len(shared) == len(list(before.rules())) - 1


def test_policies_that_name_the_same_peers_share_them() -> None:
    settings = Settings(version=Version(1, 19))
    policies = [_policy(_rule(app)) for app in ("a", "a", "b")]
    first, second, other = (
        rule_terms(rule, policy, None, settings, NO_FACTS) for policy in policies for rule in policy.rules()
    )
    assert first is second
    assert first != other
