from __future__ import annotations

import pytest

from rewriter.finding import Applicability, Severity
from rewriter.passes.authentication import find
from tests.passes.policies import ccnp, cnp
from tests.passes.support import Facts, cluster, run, version, words


@pytest.mark.parametrize(
    "rules",
    [
        "ingress: [{fromEndpoints: [{}]}]",
        "ingress: [{fromEndpoints: [{}], authentication: null}]",
        "ingress: [{fromEndpoints: [{}], authentication: {}}]",
        "ingress: [{fromEndpoints: [{}], authentication: {mode: disabled}}]",
        "ingress: [{fromEndpoints: [{}], authentication: {mode: test-always-fail}}]",
        "ingress: [{fromEndpoints: [{}], authentication: required}]",
        "ingressDeny: [{fromEndpoints: [{}], authentication: {mode: required}}]",
        "ingress: []",
    ],
)
def test_nothing_to_say(rules: str) -> None:
    assert run(find, cnp(rules)).findings == []


@pytest.mark.parametrize(
    ("before", "after", "runs"),
    [("1.17", "1.18", False), ("1.18", "1.19", True), ("1.15", "1.20", True), ("1.19", "1.20", True)],
)
def test_the_upgrades_that_it_concerns(before: str, after: str, runs: bool) -> None:
    assert find.concerns(version(before), version(after)) is runs


@pytest.mark.parametrize("manifest", [cnp, ccnp])
@pytest.mark.parametrize("direction", ["ingress", "egress"])
def test_a_note_that_asks_for_a_decision(manifest: object, direction: str) -> None:
    peers = "fromEndpoints" if direction == "ingress" else "toEndpoints"
    rule = f"{{{peers}: [{{}}], authentication: {{mode: required}}}}"
    only = run(find, manifest(f"{direction}: [{rule}]")).only  # type: ignore[operator]
    assert (only.severity, only.applicability, only.fix) == (Severity.NOTE, Applicability.MANUAL, None)
    assert only.route == f"/spec/{direction}/0/authentication/mode"
    assert "`authentication.enabled`" in only.advice
    assert [text for text in words(only.opens) if text.endswith("without mutual authentication")]
    assert only.candidate
    assert [dict(operation) for operation in only.candidate.operations] == [
        {"op": "remove", "path": f"/spec/{direction}/0/authentication"}
    ]


def test_each_rule_is_a_finding() -> None:
    rule = "{fromEndpoints: [{}], authentication: {mode: required}}"
    assert len(run(find, cnp(f"ingress: [{rule}, {{}}, {rule}]")).findings) == 2


def test_what_waits_for_agents_that_do_not_authenticate_is_dropped_until_the_upgrade() -> None:
    """Cilium Helm reference: with `authentication.enabled` false, requests that require it are still blocked."""
    rule = "{fromEndpoints: [{}], authentication: {mode: required}}"
    own = cluster("a", local=True, mutual_authentication=False)
    only = run(find, cnp(f"ingress: [{rule}]"), Facts(clusters=[own])).only
    assert only.message == "`authentication.mode: required` is not enforced from Cilium 1.19 on"
    assert "which Cilium drops today" in only.why
    assert [text for text in words(only.opens) if text.endswith("without mutual authentication")]
