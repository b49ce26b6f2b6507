from __future__ import annotations

from typing import Any

import pytest

from rewriter.finding import Applicability, Severity
from rewriter.passes.requires import find
from tests.passes.policies import WEB, ccnp, cnp, other
from tests.passes.support import run, version, words

ENV = "{matchLabels: {env: prod}}"


@pytest.mark.parametrize(
    "rules",
    [
        "ingress: [{fromEndpoints: [{}]}]",
        "ingress: [{fromEndpoints: [{}], fromRequires: []}]",
        "ingress: [{fromEndpoints: [{}], fromRequires: null}]",
        "ingress: [{fromEndpoints: [{}], fromRequires: {a: b}}]",
        "ingress: [{toRequires: [{}]}]",
        "egress: [{fromRequires: [{}]}]",
        "ingress: [{}]",
        "ingress: []",
    ],
)
def test_nothing_to_say(rules: str) -> None:
    assert run(find, cnp(rules)).findings == []


@pytest.mark.parametrize(("before", "after", "runs"), [("1.15", "1.18", 0), ("1.18", "1.19", 1), ("1.19", "1.20", 1)])
def test_the_upgrades_that_it_concerns(before: str, after: str, runs: int) -> None:
    assert find.concerns(version(before), version(after)) == bool(runs)


@pytest.mark.parametrize(
    ("peer", "requirement", "expected"),
    [
        ("{}", ENV, {"matchLabels": {"env": "prod"}}),
        ("null", ENV, {"matchLabels": {"env": "prod"}}),
        ("{matchLabels: {app: web}}", ENV, {"matchLabels": {"app": "web", "env": "prod"}}),
        ("{matchLabels: null}", ENV, {"matchLabels": {"env": "prod"}}),
        ("{matchLabels: {env: prod}}", ENV, {"matchLabels": {"env": "prod"}}),
        (
            "{matchLabels: {env: dev}}",
            ENV,
            {
                "matchLabels": {"env": "dev"},
                "matchExpressions": [{"key": "env", "operator": "In", "values": ["prod"]}],
            },
        ),
        (
            "{matchExpressions: [{key: tier, operator: Exists}]}",
            "{matchExpressions: [{key: env, operator: NotIn, values: [dev]}]}",
            {
                "matchExpressions": [
                    {"key": "tier", "operator": "Exists"},
                    {"key": "env", "operator": "NotIn", "values": ["dev"]},
                ]
            },
        ),
        (
            "{matchLabels: {app: web}}",
            "{matchExpressions: [{key: env, operator: DoesNotExist}]}",
            {"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "env", "operator": "DoesNotExist"}]},
        ),
        ("{matchLabels: {app: web}}", "{}", {"matchLabels": {"app": "web"}}),
    ],
)
def test_the_requirement_goes_into_the_selector(peer: str, requirement: str, expected: dict[str, Any]) -> None:
    result = run(find, cnp(f"ingress: [{{fromRequires: [{requirement}], fromEndpoints: [{peer}]}}]"))
    assert result.manifest["spec"]["ingress"] == [{"fromEndpoints": [expected]}]
    assert (result.only.severity, result.only.applicability) == (Severity.ERROR, Applicability.SAFE)


def test_it_narrows_every_rule_of_its_direction_and_no_other() -> None:
    result = run(
        find,
        cnp(
            f"ingress: [{{fromRequires: [{ENV}]}}, {{fromEndpoints: [{{}}]}}, {{fromEntities: [host]}}]\n"
            "ingressDeny: [{fromEndpoints: [{}]}]\n"
            "egress: [{toEndpoints: [{}]}]"
        ),
    )
    assert result.manifest["spec"] == {
        "endpointSelector": WEB,
        "ingress": [{"fromEndpoints": [{"matchLabels": {"env": "prod"}}]}, {"fromEntities": ["host"]}],
        "ingressDeny": [{"fromEndpoints": [{}]}],
        "egress": [{"toEndpoints": [{}]}],
    }


def test_the_last_rule_stays_as_default_deny() -> None:
    result = run(find, cnp(f"ingress: [{{fromRequires: [{ENV}]}}, {{fromRequires: [{ENV}]}}]"))
    assert result.manifest["spec"]["ingress"] == [{}]


def test_two_requirements_both_hold() -> None:
    result = run(
        find, cnp(f"ingress: [{{fromRequires: [{ENV}, {{matchLabels: {{team: a}}}}], fromEndpoints: [{{}}]}}]")
    )
    assert result.manifest["spec"]["ingress"] == [{"fromEndpoints": [{"matchLabels": {"env": "prod", "team": "a"}}]}]


NAMESPACE = "k8s:io.kubernetes.pod.namespace"


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        (
            f"ingress: [{{fromRequires: [{ENV}], fromEndpoints: [{{matchLabels: {{'{NAMESPACE}': other}}}}]}}]",
            "mean different namespaces",
        ),
        (
            f"ingress: [{{fromRequires: [{ENV}], fromEndpoints: [{{matchLabels: {{'reserved:host': ''}}}}]}}]",
            "match no pod together",
        ),
        (f"ingress: [{{fromRequires: [{ENV}], toPorts: [{{ports: [{{port: '80'}}]}}]}}]", "allows any peer"),
        (f"ingress: [{{fromRequires: [{ENV}], fromEndpoints: [web]}}]", "malformed"),
        (f"ingress: [{{fromRequires: [{ENV}, web], fromEndpoints: [{{}}]}}]", "malformed"),
    ],
)
def test_what_is_left_to_a_person(rules: str, reason: str) -> None:
    only = run(find, cnp(rules)).only
    assert (only.applicability, only.fix) == (Applicability.MANUAL, None)
    assert reason in only.advice


def test_a_rule_whose_list_of_peers_is_empty_selects_none_with_ports_too() -> None:
    rules = f"ingress: [{{fromRequires: [{ENV}], fromEndpoints: [], toPorts: [{{ports: [{{port: '80'}}]}}]}}]"
    result = run(find, cnp(rules))
    assert result.manifest["spec"]["ingress"] == [{"fromEndpoints": [], "toPorts": [{"ports": [{"port": "80"}]}]}]


def test_the_own_namespace_may_be_written_out() -> None:
    rules = f"ingress: [{{fromRequires: [{ENV}], fromEndpoints: [{{matchLabels: {{'{NAMESPACE}': shop}}}}]}}]"
    assert run(find, cnp(rules)).only.fix


def test_clusterwide_policies() -> None:
    result = run(find, ccnp(f"ingress: [{{fromRequires: [{ENV}], fromEndpoints: [{{}}]}}]"))
    assert result.manifest["spec"]["ingress"] == [{"fromEndpoints": [{"matchLabels": {"env": "prod"}}]}]


REQUIRING = cnp(f"ingress: [{{fromRequires: [{ENV}], fromEndpoints: [{{}}]}}]")


@pytest.mark.parametrize(
    ("rules", "subject", "loses"),
    [
        ("ingress: [{fromEndpoints: [{}]}]", {}, True),
        ("ingress: [{fromEndpoints: [{}]}]", {"matchLabels": {"tier": "front"}}, True),
        ("ingress: [{fromEndpoints: [{}]}]", {"matchLabels": {"app": "db"}}, False),
        ("ingress: [{fromEntities: [host]}]", {}, False),
        ("ingress: [{fromEndpoints: []}]", {}, False),
        ("ingressDeny: [{fromEndpoints: [{}]}]", {}, False),
        ("egress: [{toEndpoints: [{}]}]", {}, False),
    ],
)
def test_other_policies_of_the_same_pods_are_listed(rules: str, subject: dict[str, Any], loses: bool) -> None:
    only = run(find, REQUIRING, others=[other(cnp(rules, subject=subject), "other")]).only
    assert bool(only.evidence) is loses
    assert only.applicability is (Applicability.EVIDENT if loses else Applicability.SAFE)
    assert bool(only.opens) is loses


def test_a_namespace_of_the_subject_tells_no_pods_apart() -> None:
    """Cilium writes the policy's own namespace over it: both policies are for the same pods."""
    rules = f"ingress: [{{fromRequires: [{ENV}], fromEndpoints: [{{}}]}}]"
    own = cnp(rules, subject={"matchLabels": {"app": "web", NAMESPACE: "shop"}})
    others = [other(cnp("ingress: [{fromEndpoints: [{}]}]", subject={"matchLabels": {NAMESPACE: "till"}}), "other")]
    assert run(find, own, others=others).only.applicability is Applicability.EVIDENT


def test_a_policy_that_is_dead_today_is_woken_only_on_request() -> None:
    only = run(find, REQUIRING, from_version="1.19", to_version="1.20").only
    assert only.applicability is Applicability.UNSAFE
    assert words(only.closes) == ("all other ingress of pods app=web in shop",)


def _rule_sets(*specs: dict[str, Any]) -> dict[str, Any]:
    manifest = {**REQUIRING, "specs": list(specs)}
    del manifest["spec"]
    return manifest


RULE_SETS = [
    (WEB, {"fromEndpoints": [{"matchLabels": {"env": "prod"}}]}, Applicability.SAFE),
    ({"matchLabels": {"app": "db"}}, {"fromEndpoints": [{}]}, Applicability.SAFE),
    ({}, None, Applicability.MANUAL),
]


@pytest.mark.parametrize(("subject", "expected", "trust"), RULE_SETS)
def test_rule_sets_of_the_same_pods(
    subject: dict[str, Any], expected: dict[str, Any] | None, trust: Applicability
) -> None:
    second = {"endpointSelector": subject, "ingress": [{"fromEndpoints": [{}]}]}
    result = run(find, _rule_sets(REQUIRING["spec"], second))
    assert result.only.applicability is trust
    if expected:
        assert result.manifest["specs"][1]["ingress"] == [expected]


def test_the_evidence_names_at_most_five_other_policies() -> None:
    others = [other(cnp("ingress: [{fromEndpoints: [{matchLabels: {app: b}}]}]"), f"o{number}") for number in range(8)]
    evidence = run(find, REQUIRING, others=others).only.evidence
    assert sum("may apply to the same pods" in line for line in evidence) == 5
    assert "and 3 more policies" in evidence
