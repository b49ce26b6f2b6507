"""Statements on ClusterNetworkPolicies against flow-by-flow verdicts, and beside which other policies they count."""

from __future__ import annotations

from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rewriter.cilium.settings import Settings
from rewriter.cilium.verdict import Engine
from rewriter.cilium.version import Version
from rewriter.reach.compare import reach
from rewriter.reach.pairs import Member, compare_mesh
from rewriter.reach.world import policy_world
from tests.reach.policies import IDENTITIES, cnp, policies, tcp
from tests.reach.test_reach import said

READ = Settings(Version(1, 20), local_cluster="a", cluster_network_policies=True)
SHOP = {"namespaces": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}}}
PODS = [each for each in IDENTITIES if "/" in each.name and each.name.startswith("a/")]
ASKED = [("TCP", 80), ("TCP", 443), ("UDP", 53)]

_PEERS = st.sampled_from(
    [
        {"namespaces": {}},
        {"pods": {"podSelector": {"matchLabels": {"app": "db"}}, "namespaceSelector": {}}},
        {"pods": {"podSelector": {"matchLabels": {"app": "web"}}, "namespaceSelector": {}}},
    ]
)
_BY_PORT = [{"tcp": {"destinationPort": {"number": 80}}}]
_PROTOCOLS: st.SearchStrategy[Any] = st.sampled_from([None, _BY_PORT, [{"udp": {}}]])


def _rules(side: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    def rule(action: str, peer: Any, protocols: Any) -> dict[str, Any]:
        return {"action": action, side: [peer], **({"protocols": protocols} if protocols else {})}

    return st.lists(st.builds(rule, st.sampled_from(["Accept", "Deny", "Pass"]), _PEERS, _PROTOCOLS), max_size=2)


def _tier(tier: str, priority: int, ingress: list[Any], egress: list[Any]) -> dict[str, Any]:
    spec = {"tier": tier, "priority": priority, "subject": SHOP, "ingress": ingress, "egress": egress}
    api = "policy.networking.k8s.io/v1alpha2"
    return {"apiVersion": api, "kind": "ClusterNetworkPolicy", "metadata": {"name": tier}, "spec": spec}


TIERS = st.builds(_tier, st.sampled_from(["Admin", "Baseline"]), st.integers(1, 2), _rules("from"), _rules("to"))
SETS = st.builds(lambda *parts: [m for part in parts for m in part], *([st.lists(TIERS, max_size=2)] * 2))


@given(SETS, st.lists(policies(), max_size=2))
@settings(max_examples=60, deadline=None)
def test_statements_and_pairs_agree_with_verdicts(tiers: list[Any], others: list[Any]) -> None:
    before, after = policy_world(others, READ), policy_world([*others, *tiers], READ)
    found = reach(before, after, IDENTITIES)
    pairs = compare_mesh([Member(before, after)], PODS).pairs
    old, new = (Engine(world.sets[0], IDENTITIES) for world in (before, after))
    for source, destination, (protocol, port) in product(PODS, PODS, ASKED):
        first, second = (engine.verdict(source.name, destination.name, protocol, port) for engine in (old, new))
        for direction in ("egress", "ingress"):
            was, now = getattr(first, direction).allowed, getattr(second, direction).allowed
            ends = (source.name, destination.name) if direction == "egress" else (destination.name, source.name)
            flow = (direction, *ends, protocol, port)
            assert said(found.opened, *flow) == (now and not was), flow
            assert said(found.closed, *flow) == (was and not now), flow
        changed = {
            pair.change
            for pair in pairs
            if source.name in pair.sources
            and destination.name in pair.destinations
            and (
                not pair.port_ranges
                or any(r.protocol == protocol and r.low <= port <= r.high and not r.name for r in pair.port_ranges)
            )
        }
        expected = {"opened"} if second.allowed and not first.allowed else set()
        expected |= {"closed"} if first.allowed and not second.allowed else set()
        assert changed == expected, (source.name, destination.name, protocol, port)


def test_what_an_admin_tier_denies_a_policy_does_not_open() -> None:
    web = {"podSelector": {"matchLabels": {"app": "db"}}, "namespaceSelector": {}}
    deny = _tier("Admin", 1, [{"action": "Deny", "from": [{"pods": web}]}], [])
    shut, lets = cnp(ingress=[{}]), cnp(ingress=[{"fromEndpoints": [{"matchLabels": {"app": "db"}}]}])
    assert reach(policy_world([shut], READ), policy_world([lets], READ)).opened
    assert not reach(policy_world([shut, deny], READ), policy_world([lets, deny], READ)).opened


def test_what_a_policy_lets_through_in_part_counts_beside_a_tier() -> None:
    worker = {"podSelector": {"matchLabels": {"app": "worker"}}, "namespaceSelector": {}}
    deny = _tier("Admin", 1, [{"action": "Deny", "from": [{"pods": worker}], "protocols": [{"udp": {}}]}], [])
    calls = {"fromEndpoints": [{}], "toPorts": tcp("80", rules={"http": [{"method": "GET"}]})}
    shut, lets = cnp(ingress=[{}]), cnp(ingress=[calls])
    found = reach(policy_world([shut, deny], READ), policy_world([lets, deny], READ)).opened
    assert [str(each) for each in found] == [
        "ingress to pods with app=web of namespace shop from any pod of namespace shop"
        ' on 80/TCP, subject to http [{"method":"GET"}]'
    ]
