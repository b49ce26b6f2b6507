from __future__ import annotations

from typing import Any

import pytest

from rewriter.cilium.policy import read_policy
from rewriter.finding import Applicability, Severity
from rewriter.passes.removed_l7 import find
from tests.passes.policies import cnp
from tests.passes.support import run, version, words


def port_rule(rules: str) -> str:
    return (
        f"ingress: [{{fromEndpoints: [{{}}], toPorts: [{{ports: [{{port: '9092', protocol: TCP}}], rules: {rules}}}]}}]"
    )


@pytest.mark.parametrize(
    "rules",
    [
        port_rule("{http: [{method: GET}]}"),
        port_rule("{kafka: null, l7: null, l7proto: null}"),
        port_rule("{}"),
        port_rule("null"),
        port_rule("[kafka]"),
        "ingress: [{toPorts: [{ports: [{port: '9092'}]}, null]}]",
        "ingress: [{toPorts: {rules: {kafka: []}}}]",
        "ingressDeny: [{toPorts: [{ports: [{port: '9092'}], rules: {kafka: [{}]}}]}]",
        "egress: [{toPorts: [{ports: [{port: '53'}], rules: {dns: [{matchPattern: '*'}]}}]}]",
    ],
)
def test_nothing_to_say(rules: str) -> None:
    assert run(find, cnp(rules), from_version="1.19", to_version="1.20").findings == []


@pytest.mark.parametrize(
    ("before", "after", "runs"),
    [("1.18", "1.19", False), ("1.18", "1.20", True), ("1.19", "1.20", True), ("1.20", "1.20", False)],
)
def test_the_upgrades_that_it_concerns(before: str, after: str, runs: bool) -> None:
    assert find.concerns(version(before), version(after)) is runs


@pytest.mark.parametrize(
    ("rules", "names", "removed"),
    [
        ("{kafka: [{topic: a}]}", "Cilium 1.20 drops `kafka`", ["/rules"]),
        ("{l7proto: r2d2}", "Cilium 1.20 drops `l7proto`", ["/rules"]),
        ("{l7proto: r2d2, l7: [{cmd: READ}]}", "Cilium 1.20 drops `l7proto` and `l7`", ["/rules"]),
        ("{http: [{}], kafka: [{topic: a}]}", "Cilium 1.20 drops `kafka`", ["/rules/kafka"]),
    ],
)
def test_the_candidate_is_what_1_20_makes_of_it(rules: str, names: str, removed: list[str]) -> None:
    only = run(find, cnp(port_rule(rules)), from_version="1.19", to_version="1.20").only
    assert (only.severity, only.applicability, only.fix) == (Severity.ERROR, Applicability.MANUAL, None)
    assert names in only.message
    assert only.candidate
    base = "/spec/ingress/0/toPorts/0"
    assert [dict(operation) for operation in only.candidate.operations] == [
        {"op": "remove", "path": base + route} for route in removed
    ]


def test_it_says_what_opens() -> None:
    only = run(find, cnp(port_rule("{kafka: [{topic: a}]}")), from_version="1.19", to_version="1.20").only
    assert words(only.opens) == (
        "all traffic from the peers of the rule to pods app=web in shop on 9092/TCP that the L7 rule holds back today",
    )
    assert words(only.closes) == ()


def test_a_policy_that_the_source_rejects_is_switched_on() -> None:
    rules = port_rule("{l7: [{cmd: READ}]}")
    only = run(find, cnp(rules), from_version="1.19", to_version="1.20").only
    assert words(only.opens) == ()
    assert words(only.closes) == ("all other ingress of pods app=web in shop",)
    assert "1.19 rejects the policy" in only.why


@pytest.mark.parametrize(
    ("types", "denies"), [({}, True), ({"policyTypes": []}, True), ({"policyTypes": ["Egress"]}, False)]
)
def test_a_network_policy_of_the_same_pods_may_deny_them_already(types: dict[str, Any], denies: bool) -> None:
    """Without types, or with none in the list, one denies ingress."""
    beside = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "shut", "namespace": "shop"},
        "spec": {"podSelector": {}, **types},
    }
    policy = cnp(port_rule("{l7: [{cmd: READ}]}"))
    only = run(find, policy, from_version="1.19", to_version="1.20", others=[read_policy(beside)]).only
    assert bool(only.opens) is denies


def test_each_item_of_to_ports_is_a_finding() -> None:
    item = "{ports: [{port: '9092'}], rules: {kafka: [{topic: a}]}}"
    found = run(find, cnp(f"egress: [{{toPorts: [{item}, {item}]}}]"), from_version="1.19", to_version="1.20").findings
    assert [finding.route for finding in found] == [f"/spec/egress/0/toPorts/{index}/rules/kafka" for index in range(2)]
