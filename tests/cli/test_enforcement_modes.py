"""What a run says where `policyEnforcementMode` or audit mode decides whether policies count."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import cnpfix

VALUES = """\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {{name: cilium, namespace: kube-system}}
spec:
  chart: {{spec: {{chart: cilium, version: 1.18.5, sourceRef: {{kind: HelmRepository, name: cilium}}}}}}
  values:
    cluster: {{name: prod}}
    ipam: {{operator: {{clusterPoolIPv4PodCIDRList: [10.244.0.0/16]}}}}
    {setting}
"""
NEVER, AUDIT = "policyEnforcementMode is never (cilium.yaml:9)", "policyAuditMode is on (cilium.yaml:9)"
WEB = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: web}]}}}
"""
POLICY = """\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: web}}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "web.yaml").write_text(WEB)
    return tmp_path


def written(here: Path, setting: str, rules: str) -> None:
    (here / "cilium.yaml").write_text(VALUES.format(setting=setting))
    (here / "policy.yaml").write_text(POLICY + rules)


def report(*arguments: str) -> dict[str, Any]:
    return dict(json.loads(cnpfix("--format", "json", *arguments).out))


@pytest.mark.parametrize(
    ("setting", "why", "severity"),
    [
        ("policyEnforcementMode: never", NEVER, "note"),
        ("policyAuditMode: true", AUDIT, "note"),
        ("policyEnforcementMode: default", "", "warning"),
        ("policyEnforcementMode: always", "", "warning"),
    ],
)
def test_where_no_policy_is_enforced_nothing_is_said_to_be_dropped_now(
    here: Path, setting: str, why: str, severity: str
) -> None:
    written(here, setting, "  ingress: [{fromCIDR: [10.244.0.0/16]}]\n")
    (finding,) = report()["findings"]
    assert (finding["id"], finding["severity"]) == ("internal-cidr", severity)
    assert (f"as long as {why}, no policy drops anything" in finding["why"]) is bool(why)
    assert ("as long as" in finding["why"]) is bool(why)
    told = [line for line in cnpfix().err.splitlines() if "no policy is enforced" in line]
    assert told == [f"cnpfix: no policy is enforced in prod: {why}; findings say what holds once policies are"] * bool(
        why
    )


@pytest.mark.parametrize("setting", ["policyEnforcementMode: never", "policyAuditMode: true"])
def test_a_fix_is_proved_for_the_day_when_policies_are_enforced(here: Path, setting: str) -> None:
    written(here, setting, "  ingress: [{fromCIDR: [10.244.0.0/16]}]\n")
    (finding,) = report()["findings"]
    assert finding["flows"]["opened"] == ["ingress to pods with app=web of namespace shop from any pod on every port"]


@pytest.mark.parametrize("setting", ["policyEnforcementMode: never", "policyAuditMode: true"])
def test_the_upgrade_changes_no_flow_where_no_policy_is_enforced(here: Path, setting: str) -> None:
    written(here, setting, "  ingress: [{fromRequires: [{matchLabels: {app: web}}], fromEndpoints: [{}]}]\n")
    done = cnpfix("impact", "--from", "1.18", "--to", "1.19", "--format", "json")
    found = json.loads(done.out)
    assert found["summary"]["undone"]["policies_changed"] == 0
    assert found["not_enforced"] == [f"prod: {NEVER if 'never' in setting else AUDIT}"]
    text = " ".join(cnpfix("impact", "--from", "1.18", "--to", "1.19").out.split())
    assert "No policy is enforced in prod:" in text
    assert "No policy is enforced in prod:" in cnpfix("impact", "--format", "markdown").out.replace("\\", "")


@pytest.mark.parametrize(("setting", "found"), [("policyEnforcementMode: always", 0), ("policyAuditMode: false", 1)])
def test_deny_rules_shut_nothing_more_where_every_pod_is_in_default_deny(here: Path, setting: str, found: int) -> None:
    written(here, setting, "  ingressDeny: [{fromEntities: [world]}]\n")
    assert [finding["id"] for finding in report()["findings"]] == ["deny-only"] * found
