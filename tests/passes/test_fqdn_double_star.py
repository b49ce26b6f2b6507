from __future__ import annotations

import pytest

from rewriter.finding import Applicability, Severity
from rewriter.passes.fqdn_double_star import find
from tests.passes.policies import ccnp, cnp
from tests.passes.support import run, version


@pytest.mark.parametrize(
    "rules",
    [
        "egress: [{toFQDNs: [{matchPattern: '*.example.com'}]}]",
        "egress: [{toFQDNs: [{matchPattern: '*'}]}]",
        "egress: [{toFQDNs: [{matchPattern: 'www.**.example.com'}]}]",
        "egress: [{toFQDNs: [{matchPattern: '**example.com'}]}]",
        "egress: [{toFQDNs: [{matchPattern: 'a**.example.com'}]}]",
        "egress: [{toFQDNs: [{matchName: example.com}]}]",
        "egress: [{toFQDNs: [{}]}]",
        "egress: [{toFQDNs: [{matchPattern: null}, null, 7, {matchPattern: 7}]}]",
        "egress: [{toFQDNs: null}]",
        "ingress: [{toFQDNs: [{matchPattern: '**.example.com'}]}]",
        "egressDeny: [{toFQDNs: [{matchPattern: '**.example.com'}]}]",
        "egress: [{toPorts: [{ports: [{port: '53'}], rules: {dns: [{matchPattern: '*.example.com'}]}}]}]",
        "egress: [{toPorts: [{rules: {http: [{path: '**.example.com'}]}}, null, {rules: null}, {rules: {dns: null}}]}]",
    ],
)
def test_nothing_to_say(rules: str) -> None:
    assert run(find, cnp(rules)).findings == []


@pytest.mark.parametrize(
    ("before", "after", "runs"),
    [("1.15", "1.18", False), ("1.18", "1.19", True), ("1.15", "1.20", True), ("1.19", "1.20", False)],
)
def test_the_upgrades_that_it_concerns(before: str, after: str, runs: bool) -> None:
    assert find.concerns(version(before), version(after)) is runs


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("**.example.com", "*.example.com"),
        ("***.example.com", "*.example.com"),
        ("**.a*.example.com", "*.a*.example.com"),
        ("**.*.example.com", "*.*.example.com"),
        ("**.example.com.", "*.example.com."),
        (" **.example.com", " *.example.com"),
    ],
)
def test_one_star_means_what_two_meant(pattern: str, expected: str) -> None:
    result = run(find, cnp(f"egress: [{{toFQDNs: [{{matchPattern: '{pattern}'}}]}}]"))
    assert result.manifest["spec"]["egress"] == [{"toFQDNs": [{"matchPattern": expected}]}]
    assert (result.only.severity, result.only.applicability) == (Severity.ERROR, Applicability.SAFE)
    assert result.only.route == "/spec/egress/0/toFQDNs/0/matchPattern"


def test_dns_rules_too_and_one_finding_a_rule() -> None:
    patterns = "[{matchPattern: '**.a.example.com'}, {matchName: b.example.com}, {matchPattern: '**.c.example.com'}]"
    result = run(find, ccnp(f"egress: [{{toPorts: [{{ports: [{{port: '53'}}], rules: {{dns: {patterns}}}}}]}}]"))
    assert result.manifest["spec"]["egress"][0]["toPorts"][0]["rules"]["dns"] == [
        {"matchPattern": "*.a.example.com"},
        {"matchName": "b.example.com"},
        {"matchPattern": "*.c.example.com"},
    ]
    assert "`**.a.example.com` and `**.c.example.com` match names" in result.only.message


@pytest.mark.parametrize("pattern", ["**", "***", "**."])
def test_every_name_is_left_to_a_person(pattern: str) -> None:
    only = run(find, cnp(f"egress: [{{toFQDNs: [{{matchPattern: '{pattern}'}}]}}]")).only
    assert (only.applicability, only.fix) == (Applicability.MANUAL, None)
    assert only.advice


def test_what_is_not_enforced_today_is_left_to_a_person() -> None:
    asleep = "{toServices: [{k8sService: {serviceName: a, namespace: b}}], toPorts: [{ports: [{port: '80'}]}]}"
    rules = cnp(f"egress: [{asleep}, {{toFQDNs: [{{matchPattern: '**.example.com'}}]}}]")
    dead, awake = (run(find, rules, from_version=before, to_version="1.19").only for before in ("1.16", "1.17"))
    assert (dead.applicability, awake.applicability) == (Applicability.MANUAL, Applicability.SAFE)
    assert dead.candidate == awake.fix
    assert "not enforced today" in dead.why
    assert [str(each) for each in dead.closes] == [
        "from pods app=web in shop to names of several labels under example.com"
    ]
