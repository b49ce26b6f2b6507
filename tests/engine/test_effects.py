"""Proofs 3 and 5: a fix that is rejected, or does more than its finding declares, is not made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rewriter.cilium.policy import read_policy
from rewriter.cli import run
from rewriter.engine.run import fixer
from rewriter.evidence.context import Context
from rewriter.finding import Applicability, Finding, Fix, FlowClaim, Severity
from rewriter.passes.kit.registry import Pass

POLICY = """\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: web}}
  ingress:
  - fromEndpoints: [{matchLabels: {app: db}}]
"""
MESH = """\
[[clusters]]
name = "a"
local = ["**"]
[[clusters]]
name = "b"
"""


def a_pass(
    applicability: Applicability,
    operation: dict[str, Any],
    opens: tuple[FlowClaim, ...] = (),
    closes: tuple[FlowClaim, ...] = (),
) -> Pass:
    """A pass that does one thing, once."""

    def find(context: Context) -> Iterator[Finding]:
        if "labels" not in context.policy.raw["metadata"]:
            marked = {"op": "add", "path": f"{context.policy.route}/metadata/labels", "value": {"done": "yes"}}
            yield Finding(
                severity=Severity.ERROR,
                applicability=applicability,
                route=context.policy.route,
                message="wrong",
                fix=Fix((marked, {**operation, "path": f"{context.policy.route}{operation['path']}"})),
                opens=opens,
                closes=closes,
            )

    return Pass(code="CNP001", id="mixed-peers", title="wrong", function=find)


def add_rule(**rule: Any) -> dict[str, Any]:
    return {"op": "add", "path": "/spec/ingress/1", "value": rule}


WORLD = add_rule(fromEntities=["world"])
NARROW = {"op": "add", "path": "/spec/ingress/0/toPorts", "value": [{"ports": [{"port": "80"}]}]}
WORLD_ON_80 = {"fromEntities": ["world"], "toPorts": [{"ports": [{"port": "80", "protocol": "TCP"}]}]}
GETS = {"ports": [{"port": "80", "protocol": "TCP"}], "rules": {"http": [{"method": "GET"}]}}
WORLD_GETS = {"fromEntities": ["world"], "toPorts": [GETS]}
OTHER = read_policy(
    {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumNetworkPolicy",
        "metadata": {"name": "other", "namespace": "shop"},
        "spec": {"endpointSelector": {"matchLabels": {"app": "other"}}, "ingress": [{}]},
    }
)
ANYTHING = (FlowClaim("it"),)


def ingress(*rules: dict[str, Any], **more: Any) -> tuple[FlowClaim, ...]:
    """A declaration of what these rules say, with the policy's own subject."""
    return (FlowClaim("it", "ingress", "/spec", rules, **more),)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "cnpfix.toml").write_text("")
    return tmp_path


def report(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    code = run(["--write", "--format", "json", *arguments])
    return code, json.loads(capsys.readouterr().out)


def only(monkeypatch: pytest.MonkeyPatch, *passes: Pass) -> None:
    monkeypatch.setattr(fixer, "PASSES", passes)


@pytest.mark.parametrize(
    ("applicability", "operation", "declared", "said"),
    [
        (Applicability.SAFE, WORLD, {}, "a safe fix changes no flow"),
        (Applicability.SAFE, WORLD, {"opens": ANYTHING}, "a safe fix changes no flow"),
        (Applicability.SAFE, NARROW, {}, "a safe fix changes no flow"),
        (Applicability.EVIDENT, WORLD, {}, "the finding declares that it opens nothing"),
        (Applicability.EVIDENT, WORLD, {"closes": ANYTHING}, "the finding declares that it opens nothing"),
        (Applicability.EVIDENT, NARROW, {"opens": ANYTHING}, "the finding declares that it closes nothing"),
        (Applicability.UNSAFE, WORLD, {}, "the finding declares that it opens nothing"),
        (Applicability.UNSAFE, WORLD, {"opens": ingress({"fromEntities": ["host"]})}, "declares that it opens it"),
        (Applicability.UNSAFE, WORLD, {"opens": ingress(WORLD_ON_80)}, "declares that it opens it"),
        (Applicability.UNSAFE, WORLD, {"opens": ingress()}, "declares that it opens it"),
        (
            Applicability.UNSAFE,
            WORLD,
            {"opens": (FlowClaim("it", "ingress", "/spec", peers=()),)},
            "declares that it opens it",
        ),
        (Applicability.UNSAFE, WORLD, {"opens": (FlowClaim("it", "egress", "/spec"),)}, "declares that it opens it"),
        (
            Applicability.UNSAFE,
            WORLD,
            {"opens": (FlowClaim("it", "ingress", "/specs/0"),)},
            "declares that it opens it",
        ),
        (Applicability.UNSAFE, add_rule(**WORLD_ON_80), {"opens": ingress(WORLD_GETS)}, "declares that it opens it"),
        (
            Applicability.UNSAFE,
            WORLD,
            {"opens": ingress({"fromEntities": ["world"]}, policy=OTHER)},
            "declares that it opens it",
        ),
        (
            Applicability.EVIDENT,
            NARROW,
            {"closes": ingress({"fromEndpoints": [{"matchLabels": {"app": "cache"}}]})},
            "declares that it closes it",
        ),
    ],
)
def test_an_undeclared_effect_is_refused(
    repository: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    applicability: Applicability,
    operation: dict[str, Any],
    declared: dict[str, tuple[FlowClaim, ...]],
    said: str,
) -> None:
    only(monkeypatch, a_pass(applicability, operation, **declared))
    code, found = report(capsys, "--unsafe-fixes")
    assert code == 2
    assert (repository / "policy.yaml").read_text() == POLICY
    (finding,) = found["findings"]
    assert not finding["fixed"]
    assert finding["advice"].startswith("proof failed (only the declared effect): mixed-peers would ")
    assert finding["advice"].endswith(said)
    (error,) = found["errors"]
    assert error["message"] == finding["advice"]
    assert (error["file"], error["line"]) == ("policy.yaml", finding["line"])


#: Alone these policies show nothing of what is done to them: others deny by default, or allow.
BESIDE_OTHERS = {
    "an allow rule where the policy does not deny by default": (
        POLICY + "  enableDefaultDeny: {ingress: false}\n",
        WORLD,
    ),
    "a deny rule of the host": (
        "apiVersion: cilium.io/v2\nkind: CiliumClusterwideNetworkPolicy\nmetadata: {name: host}\n"
        "spec:\n  nodeSelector: {}\n  ingressDeny:\n  - fromEntities: [world]\n",
        {"op": "replace", "path": "/spec/ingressDeny/0/fromEntities", "value": ["unmanaged"]},
    ),
    "an allow rule with which the policy begins to deny by default": (
        POLICY + "  enableDefaultDeny: {ingress: false}\n",
        {
            "op": "replace",
            "path": "/spec",
            "value": {
                "endpointSelector": {"matchLabels": {"app": "web"}},
                "ingress": [{"fromEndpoints": [{"matchLabels": {"app": "db"}}]}, {"fromEntities": ["world"]}],
            },
        },
    ),
    "the only deny rule, which goes": (
        POLICY + "  ingressDeny:\n  - fromEntities: [world]\n",
        {"op": "remove", "path": "/spec/ingressDeny"},
    ),
}


@pytest.mark.parametrize("name", BESIDE_OTHERS)
def test_what_shows_beside_other_policies_only_is_refused(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    text, operation = BESIDE_OTHERS[name]
    (repository / "policy.yaml").write_text(text)
    only(monkeypatch, a_pass(Applicability.EVIDENT, operation, closes=ANYTHING))
    code, found = report(capsys)
    assert code == 2
    assert "would open ingress to " in found["errors"][0]["message"]
    assert (repository / "policy.yaml").read_text() == text


@pytest.mark.parametrize(
    ("operation", "verb", "flow"),
    [
        (WORLD, "opened", "ingress to pods with app=web of namespace shop from the world on every port"),
        (
            NARROW,
            "closed",
            "ingress to pods with app=web of namespace shop from pods with app=db of namespace shop on every port "
            "except 80",
        ),
    ],
)
def test_a_declared_effect_is_stated(
    repository: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    operation: dict[str, Any],
    verb: str,
    flow: str,
) -> None:
    declared = {
        "opens": ingress({"fromEntities": ["world"]}),
        "closes": ingress({"fromEndpoints": [{"matchLabels": {"app": "db"}}]}),
    }
    only(monkeypatch, a_pass(Applicability.EVIDENT, operation, **declared))
    code, found = report(capsys)
    assert code == 0
    (finding,) = found["findings"]
    expected = {"opened": [], "closed": [], "upgrade": {"opened": [], "closed": []}, verb: [flow]}
    assert finding["fixed"]
    assert finding["flows"] == expected
    assert (repository / "policy.yaml").read_text() != POLICY


def test_a_fix_that_the_target_rejects_is_refused(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mixed = add_rule(fromEntities=["world"], fromEndpoints=[{}])
    only(monkeypatch, a_pass(Applicability.EVIDENT, mixed, opens=ANYTHING, closes=ANYTHING))
    code, found = report(capsys)
    assert code == 2
    assert (repository / "policy.yaml").read_text() == POLICY
    assert found["findings"][0]["advice"].startswith(
        "proof failed (accepted): Cilium 1.19 would reject the result: Invalid CiliumNetworkPolicy spec: combining"
    )


def test_only_the_document_of_a_failed_proof_is_left_alone(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    safe = POLICY.replace("name: web", "name: other") + "  - fromEntities: [world]\n"
    (repository / "policy.yaml").write_text(POLICY + "---\n" + safe)
    only(monkeypatch, a_pass(Applicability.SAFE, WORLD))
    code, found = report(capsys)
    assert code == 2
    assert [finding["fixed"] for finding in found["findings"]] == [False, True]
    first, second = (repository / "policy.yaml").read_text().split("---\n")
    assert first == POLICY
    assert "done: " in second


def test_a_policy_that_stays_rejected_is_left_alone(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A fix of something else has no effect today, and one that nobody saw on the day the policy is mended."""
    mixed = "  - fromEntities: [world]\n    fromCIDR: [203.0.113.0/24]\n"
    (repository / "policy.yaml").write_text(POLICY + mixed)
    only(monkeypatch, a_pass(Applicability.SAFE, NARROW))
    code, found = report(capsys)
    assert code == 0
    (finding,) = found["findings"]
    assert not finding["fixed"]
    assert finding["advice"].startswith("not rewritten: Cilium 1.19 rejects the policy for another reason as well")
    assert (repository / "policy.yaml").read_text() == POLICY + mixed


def test_a_fix_shows_what_the_upgrade_does_without_it(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "cnpfix.toml").write_text(MESH)
    _, found = report(capsys)
    (finding,) = found["findings"]
    assert finding["applicability"] == "safe"
    assert finding["flows"] == {
        "opened": [],
        "closed": [],
        "upgrade": {
            "opened": [],
            "closed": [
                "ingress to pods with app=web of namespace shop from pods with app=db of namespace shop "
                "in other clusters on every port"
            ],
        },
    }


def test_a_fix_that_settles_for_what_the_upgrade_does_closes_it_too(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Against today, pinning the local cluster closes flows, though the upgrade would do so as well."""
    (repository / "cnpfix.toml").write_text(MESH + '[passes.implicit-cluster]\nscope = "local"\n')
    _, found = report(capsys)
    (finding,) = found["findings"]
    assert finding["fixed"]
    assert [text.partition(" from ")[2] for text in finding["flows"]["closed"]] == [
        "pods with app=db of namespace shop in other clusters on every port"
    ]
    assert finding["flows"]["closed"] == finding["flows"]["upgrade"]["closed"]


DIES = f"""\
{POLICY}\
    toPorts: [{{ports: [{{port: "9092", protocol: TCP}}], rules: {{kafka: [{{topic: a}}]}}}}]
  - fromCIDR: [198.51.100.7]
"""
DENIES = """\
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: deny, namespace: shop}
spec: {endpointSelector: {}, ingress: [{}]}
"""


@pytest.mark.parametrize(
    ("beside", "opened"),
    [("", []), (DENIES, ['pods with app=db of namespace shop on 9092/TCP, beyond kafka [{"topic":"a"}]'])],
)
def test_a_policy_that_lives_on_opens_what_others_would_deny(
    repository: Path, capsys: pytest.CaptureFixture[str], beside: str, opened: list[str]
) -> None:
    """Alone it opens nothing: without the fix the upgrade would open more."""
    (repository / "policy.yaml").write_text(DIES + beside)
    _, found = report(capsys, "--from", "1.19", "--to", "1.20", "--select", "bare-address")
    (finding,) = found["findings"]
    assert finding["fixed"]
    assert [text.partition(" from ")[2] for text in finding["flows"]["opened"]] == opened


def test_each_finding_states_its_own_effect(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "cnpfix.toml").write_text(MESH + '[passes.implicit-cluster]\nscope = "local"\n')
    (repository / "policy.yaml").write_text(POLICY + "  - fromEndpoints: [{matchLabels: {app: cart}}]\n")
    _, found = report(capsys)
    peers = [[text.partition(" from ")[2] for text in finding["flows"]["closed"]] for finding in found["findings"]]
    assert peers == [
        [f"pods with app={app} of namespace shop in other clusters on every port"] for app in ("db", "cart")
    ]


def test_an_unsafe_fix_shows_what_it_would_do(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "cnpfix.toml").write_text(MESH)
    (repository / "policy.yaml").write_text(
        POLICY.replace("fromEndpoints: [{matchLabels: {app: db}}]", "fromEntities: [cluster]")
    )
    _, found = report(capsys)
    (finding,) = found["findings"]
    assert (finding["fixed"], finding["applicability"]) == (False, "unsafe")
    assert finding["flows"]["opened"] == [
        "ingress to pods with app=web of namespace shop from any pod in b on every port"
    ]


def test_no_config_makes_a_change_of_flows_safe(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "cnpfix.toml").write_text(MESH + '[passes.cluster-entity]\napplicability = "safe"\n')
    (repository / "policy.yaml").write_text(
        POLICY.replace("fromEndpoints: [{matchLabels: {app: db}}]", "fromEntities: [cluster]")
    )
    code, found = report(capsys)
    (finding,) = found["findings"]
    assert (code, finding["fixed"], finding["applicability"]) == (0, True, "evident")
    assert finding["flows"]["opened"]
