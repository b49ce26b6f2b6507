from __future__ import annotations

import pytest

from rewriter.finding import Applicability, Severity
from rewriter.passes.bare_address import find
from tests.passes.policies import ccnp, cnp
from tests.passes.support import Facts, cluster, run, version, words


@pytest.mark.parametrize(
    "rules",
    [
        "ingress: [{fromCIDR: [198.51.100.7/32]}]",
        "ingress: [{fromCIDR: ['2001:db8::/64']}]",
        "ingress: [{fromCIDR: []}]",
        "ingress: [{fromCIDR: null}]",
        "ingress: [{fromCIDR: [null, 7, {}, localhost, '']}]",
        "ingress: [{fromCIDR: [198.51.100.007]}]",
        "ingress: [{fromCIDR: ['fe80::1%eth0']}]",
        "ingress: [{fromCIDR: ['${OFFICE}']}]",
        "ingress: [{fromCIDRSet: [{cidr: 198.51.100.7}]}]",
        "ingress: [{toCIDR: [198.51.100.7]}]",
        "ingress: [{fromEntities: [world]}]",
    ],
)
def test_nothing_to_say(rules: str) -> None:
    assert run(find, cnp(rules), from_version="1.19", to_version="1.20").findings == []


@pytest.mark.parametrize(
    ("before", "after", "runs"),
    [("1.15", "1.19", False), ("1.19", "1.20", True), ("1.15", "1.20", True), ("1.20", "1.20", True)],
)
def test_the_upgrades_that_it_concerns(before: str, after: str, runs: bool) -> None:
    assert find.concerns(version(before), version(after)) is runs


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("198.51.100.7", "198.51.100.7/32"),
        ("0.0.0.0", "0.0.0.0/32"),
        ("2001:db8::7", "2001:db8::7/128"),
        ("2001:DB8::7", "2001:DB8::7/128"),
        ("::ffff:198.51.100.7", "::ffff:198.51.100.7/128"),
    ],
)
@pytest.mark.parametrize(
    ("direction", "field"), [("ingress", "fromCIDR"), ("egress", "toCIDR"), ("egressDeny", "toCIDR")]
)
def test_the_length_of_the_whole_address(direction: str, field: str, address: str, expected: str) -> None:
    manifest = ccnp(f"{direction}: [{{{field}: [203.0.113.0/24, '{address}']}}]")
    result = run(find, manifest, from_version="1.19", to_version="1.20")
    assert result.manifest["spec"][direction] == [{field: ["203.0.113.0/24", expected]}]
    assert (result.only.severity, result.only.applicability) == (Severity.ERROR, Applicability.SAFE)
    assert result.only.route == f"/spec/{direction}/0/{field}/1"
    assert (result.only.opens, result.only.closes) == ((), ())


def test_one_finding_a_rule() -> None:
    rules = "ingress: [{fromCIDR: [198.51.100.7, 198.51.100.8]}, {fromCIDR: [198.51.100.9]}]"
    found = run(find, cnp(rules), from_version="1.19", to_version="1.20").findings
    assert [finding.message.split(" without")[0] for finding in found] == [
        "`198.51.100.7` and `198.51.100.8`",
        "`198.51.100.9`",
    ]


@pytest.mark.parametrize(
    ("rules", "before"),
    [
        ("ingress: [{fromCIDR: [198.51.100.7]}]", "1.20"),
        ("ingress: [{fromCIDR: [198.51.100.7]}, {fromEntities: [everyone]}]", "1.19"),
    ],
)
def test_a_policy_that_is_dead_today_is_woken_only_on_request(rules: str, before: str) -> None:
    only = run(find, cnp(rules), from_version=before, to_version="1.20").only
    assert only.applicability is Applicability.UNSAFE
    assert words(only.closes) == ("all other ingress of pods app=web in shop",)
    assert "not enforced today" in only.why


READ = "the peers of the rule as Cilium 1.20 reads it"


@pytest.mark.parametrize(
    ("rules", "before", "opens"),
    [
        (
            "ingress: [{fromCIDR: [198.51.100.7], authentication: {mode: required}}]",
            "1.18",
            f"from {READ} to pods app=web in shop",
        ),
        (
            "ingress: [{fromCIDR: [198.51.100.7]}]\negress: [{toFQDNs: [{matchPattern: '**'}]}]",
            "1.18",
            f"from pods app=web in shop to {READ}",
        ),
    ],
)
def test_what_the_upgrade_widens_in_a_policy_that_stays_alive(rules: str, before: str, opens: str) -> None:
    only = run(find, cnp(rules), from_version=before, to_version="1.20").only
    assert only.applicability is Applicability.EVIDENT
    assert words(only.opens) == (opens,)
    assert only.closes == ()
    assert run(find, cnp(rules), from_version="1.19", to_version="1.20").only.applicability is Applicability.SAFE


@pytest.mark.parametrize(("list_name", "opens"), [("ingress", False), ("ingressDeny", True)])
def test_what_the_upgrade_narrows_in_a_policy_that_stays_alive(list_name: str, opens: bool) -> None:
    rules = {"egress": "- toCIDR: [198.51.100.7]", list_name: "- fromEndpoints: [{matchLabels: {app: db}}]"}
    policy = cnp("\n".join(f"{name}:\n{rule}" for name, rule in rules.items()))
    mesh = Facts(clusters=[cluster("a", local=True), cluster("b")])
    only = run(find, policy, mesh, from_version="1.18", to_version="1.20").only
    assert only.applicability is Applicability.EVIDENT
    assert bool(only.opens) is opens
    assert bool(only.closes) is not opens
    assert run(find, policy, from_version="1.18", to_version="1.20").only.applicability is Applicability.SAFE
