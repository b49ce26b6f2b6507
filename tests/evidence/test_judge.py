"""Which rules turn a verdict: those alike are judged once, and the answers are those of judging each."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rewriter.cilium.compile import compile_policy
from rewriter.cilium.identity import Identity
from rewriter.cilium.labels import K8S, Label
from rewriter.cilium.policy import EGRESS, INGRESS, read_policy
from rewriter.cilium.settings import Settings
from rewriter.cilium.version import parse_version
from rewriter.evidence.judge import Judge
from rewriter.evidence.policies import AppliedRule
from rewriter.inventory.facts.model import Source


def _identity(app: str) -> Identity:
    return Identity(app, frozenset({Label(K8S, "app", app), Label(K8S, "io.kubernetes.pod.namespace", "shop")}))


WEB, DB = _identity("web"), _identity("db")
_PEERS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {"Endpoints": [{"matchLabels": {"app": "web"}}]},
        {"Endpoints": [{"matchLabels": {"app": "other"}}]},
        {"Endpoints": [{}]},
        {"Entities": ["world"]},
        {"Requires": [{"matchLabels": {"tier": "front"}}], "Endpoints": [{}]},
    ]
)


@st.composite
def _rules(draw: st.DrawFn) -> list[AppliedRule]:
    direction = draw(st.sampled_from((INGRESS, EGRESS)))
    end = "from" if direction == INGRESS else "to"
    rule: dict[str, Any] = {end + name: value for name, value in draw(_PEERS).items()}
    if draw(st.booleans()):
        rule["toPorts"] = [{"ports": [{"port": draw(st.sampled_from(("80", "81"))), "protocol": "TCP"}]}]
    spec = {
        "endpointSelector": {},
        direction + draw(st.sampled_from(("", "Deny"))): [rule],
        "enableDefaultDeny": {"ingress": draw(st.booleans()), "egress": draw(st.booleans())},
    }
    policy = read_policy(
        {"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": {"name": "x"}, "spec": spec},
        namespace="shop",
    )
    entries = compile_policy(policy, _SETTINGS)
    return [AppliedRule(policy, Source("x.yaml", 1), entry, None) for entry in entries]


_SETTINGS = Settings(parse_version("1.18"))


@settings(max_examples=300)
@given(st.lists(_rules(), max_size=3), st.lists(_rules(), max_size=5), st.sampled_from((INGRESS, EGRESS)))
def test_the_first_rule_that_turns_a_verdict_is_found(
    rules: list[list[AppliedRule]], more: list[list[AppliedRule]], direction: str
) -> None:
    there = [rule for each in rules for rule in each]
    others = [rule for each in more for rule in each]
    judge = Judge(there, _SETTINGS, DB, WEB)
    allowed = judge.verdict(direction, "TCP", 80).allowed
    turning = (
        rule
        for rule in others
        if Judge([*there, rule], _SETTINGS, DB, WEB).verdict(direction, "TCP", 80).allowed is not allowed
    )
    assert judge.turned_by(others, direction, "TCP", 80) is next(turning, None)
