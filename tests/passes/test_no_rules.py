from __future__ import annotations

import pytest

from rewriter.finding import Applicability, Severity
from rewriter.passes.no_rules import find
from tests.passes.policies import cnp, other
from tests.passes.support import Facts, run, version, words, workload


@pytest.mark.parametrize(
    "rules",
    [
        "ingress: [{}]",
        "ingress: [null]",
        "ingress: []\negress: [{}]",
        "egressDeny: [{}]",
        "ingress: {}",
        "ingress: [{fromEndpoints: [{}], toPorts: []}]",
        "ingress: [{fromEndpoints: [{}], toPorts: [{ports: [{port: '80'}]}, {ports: []}]}]",
        "ingress: [{fromEndpoints: [], toPorts: [{ports: []}]}]",
        "ingress: [{toPorts: [{ports: []}]}]",
        "ingress: [{fromEndpoints: [{}], toPorts: [80]}]",
        "ingress: [{fromEndpoints: [{}], icmps: [{fields: [{type: 8}]}], toPorts: [{}]}]",
    ],
)
def test_nothing_to_say(rules: str) -> None:
    assert run(find, cnp(rules, name="default-deny")).findings == []


def test_a_spec_without_a_subject_is_another_matter() -> None:
    manifest = cnp("ingress: []")
    del manifest["spec"]["endpointSelector"]
    assert run(find, manifest).findings == []


@pytest.mark.parametrize(
    ("before", "after", "runs"), [("1.15", "1.16", False), ("1.16", "1.17", True), ("1.19", "1.20", True)]
)
def test_the_upgrades_that_it_concerns(before: str, after: str, runs: bool) -> None:
    assert find.concerns(version(before), version(after)) is runs


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("ingress: []", {"ingress": [{}]}),
        ("egress: []", {"egress": [{}]}),
        ("ingress: []\negress: []", {"ingress": [{}], "egress": [{}]}),
        ("ingress: null", {"ingress": [{}]}),
        ("", {"ingress": [{}]}),
        ("egressDeny: []", {"egressDeny": [], "egress": [{}]}),
        ("policyTypes: [Egress]", {"policyTypes": ["Egress"], "egress": [{}]}),
    ],
)
def test_default_deny_as_cilium_writes_it(rules: str, expected: object) -> None:
    manifest = cnp(rules, subject={}, name="default-deny")
    result = run(find, manifest)
    spec = {name: value for name, value in result.manifest["spec"].items() if name != "endpointSelector"}
    assert spec == expected
    assert (result.only.severity, result.only.applicability) == (Severity.ERROR, Applicability.UNSAFE)
    assert result.only.evidence == ("the name `default-deny`",)


@pytest.mark.parametrize("name", ["deny-all", "lockdown", "lock-down", "isolate-db", "isolation", "Default"])
def test_names_that_say_deny(name: str) -> None:
    assert run(find, cnp("ingress: []", name=name)).only.fix


def test_who_says_deny() -> None:
    described = run(find, cnp("ingress: []\ndescription: denies everything")).only
    assert described.evidence == ('the description "denies everything"',)
    manifest = cnp("ingress: []")
    manifest["metadata"]["annotations"] = {"note": "isolates the shop"}
    assert run(find, manifest).only.evidence == ('the description "isolates the shop"',)


def test_where_nobody_says_so_it_is_a_candidate() -> None:
    only = run(find, cnp("ingress: []", name="web")).only
    assert (only.applicability, only.fix) == (Applicability.MANUAL, None)
    assert only.candidate
    assert only.advice


@pytest.mark.parametrize(
    ("before", "words"), [("1.16", "does nothing on 1.16 and is rejected"), ("1.17", "is rejected (")]
)
def test_what_it_does_today(before: str, words: str) -> None:
    assert words in run(find, cnp("ingress: []"), from_version=before).only.message


def test_what_closes_is_said_with_the_workloads() -> None:
    facts = Facts(workloads=[workload("web", "shop", {"app": "web"})])
    only = run(find, cnp("ingress: []", name="deny"), facts).only
    assert words(only.closes) == ("all ingress of pods app=web in shop",)
    assert only.evidence[-1] == "applies to Deployment shop/web, facts.yaml:1"


def test_the_other_rule_sets_begin_to_be_enforced() -> None:
    manifest = cnp("ingress: []", name="deny", subject={})
    second = cnp("egress: [{toEntities: [host]}]")["spec"]
    manifest["specs"] = [second]
    beside = other(cnp("egress: [{}]"), "beside")
    today = run(find, manifest, from_version="1.18", others=[beside]).only
    assert words(today.closes) == ("all ingress of every pod in shop", "all other egress of pods app=web in shop")
    assert words(today.opens) == ("egress of pods app=web in shop that the rules of the policy allow",)
    before = run(find, manifest, from_version="1.16", others=[beside]).only
    assert words(before.closes) == ("all ingress of every pod in shop",)
    assert words(before.opens) == ()


@pytest.mark.parametrize(
    ("rules", "verb"),
    [
        ("ingress: [{fromEndpoints: [{}], toPorts: [{ports: []}]}]", "allows"),
        ("ingress: [{fromEndpoints: [{}], toPorts: [{}, null]}]", "allows"),
        ("egressDeny: [{toEntities: [world], toPorts: [{ports: null}]}]", "denies"),
    ],
)
def test_ports_without_a_port(rules: str, verb: str) -> None:
    only = run(find, cnp(rules)).only
    assert (only.severity, only.applicability, only.fix) == (Severity.NOTE, Applicability.MANUAL, None)
    assert f"{verb} nothing" in only.message
    assert bool(only.opens) is (verb == "allows")
    assert bool(only.closes) is (verb == "denies")
