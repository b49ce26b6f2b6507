"""The contract of `cnpfix validate`: JSON, exit codes, places, and what is left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rewriter.cilium.version import SUPPORTED
from tests.cilium.test_validation import same_message
from tests.cilium.vectors import validation_entries
from tests.cli.support import cnpfix

GOOD = """apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: good, namespace: shop}
spec:
  endpointSelector: {}
  ingress:
    - fromEndpoints: [{}]
"""
BARE_ADDRESS = """# Nobody says which namespace.
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata:
  name: bare
specs:
  - endpointSelector: {}
    ingress: [{}]
  - endpointSelector: {}
    ingress:
      - fromCIDR:
          - 10.0.0.0/8
          - 198.51.100.7
"""
LIST = """apiVersion: v1
kind: List
items:
  - apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata: {name: blocked, namespace: shop}
    spec:
      podSelector: {}
      ingress:
        - from: [{ipBlock: {cidr: 10.0.0.0}}]
"""
EVERY = [str(version) for version in SUPPORTED]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answers(*arguments: str, code: int = 0) -> list[dict[str, Any]]:
    ran = cnpfix("validate", "--format", "json", *arguments)
    assert ran.code == code, ran.err
    found = json.loads(ran.out)
    assert isinstance(found, list)
    return found


def test_json_has_a_row_for_each_policy_and_release(tree: Path) -> None:
    (tree / "all.yaml").write_text(f"{GOOD}---\nkind: ConfigMap\napiVersion: v1\n---\n{BARE_ADDRESS}")
    good, bare = answers("all.yaml")
    assert good == {
        "file": "all.yaml",
        "document": 0,
        "kind": "CiliumNetworkPolicy",
        "namespace": "shop",
        "name": "good",
        "accepted": dict.fromkeys(EVERY, True),
        "errors": {},
        "schema": dict.fromkeys(EVERY, "ok"),
        "schema_errors": {},
    }
    assert (bare["document"], bare["namespace"], bare["name"]) == (2, "default", "bare")
    assert bare["accepted"] == {**dict.fromkeys(EVERY, True), "1.20": False}
    assert bare["errors"] == {
        "1.20": "Invalid CiliumNetworkPolicy specs: unable to parse CIDR: "
        "netip.ParsePrefix(\"198.51.100.7\"): no '/'"
    }  # fmt: skip


@pytest.mark.parametrize(("options", "code"), [((), 0), (("--to", "1.19"), 0), (("--to", "1.20"), 1)])
def test_exit_1_when_the_target_rejects_one(tree: Path, options: tuple[str, ...], code: int) -> None:
    (tree / "bare.yaml").write_text(BARE_ADDRESS)
    assert list(answers("--versions", "1.16,1.18", "--versions=1.16", *options, code=code)[0]["accepted"]) == [
        "1.16",
        "1.18",
    ]


def test_the_target_may_come_from_the_config(tree: Path) -> None:
    (tree / "bare.yaml").write_text(BARE_ADDRESS)
    (tree / "cnpfix.toml").write_text('to = "1.20"\n')
    answers(code=1)


def test_text_names_the_place_and_the_releases(tree: Path) -> None:
    (tree / "bare.yaml").write_text(BARE_ADDRESS)
    (tree / "list.yaml").write_text(LIST)
    ran = cnpfix("validate", "--to", "1.20")
    assert ran.code == 1
    assert max(map(len, ran.out.splitlines())) <= 80
    words = " ".join(ran.out.split())
    assert "default/bare yes yes yes yes yes no API server refuses refuses refuses refuses refuses refuses" in words
    assert "bare.yaml:13: ignored by the agent: Invalid CiliumNetworkPolicy specs: unable to parse CIDR" in words
    assert "no '/' (1.20)" in words
    assert "shop/blocked no no no no no no API server refuses refuses refuses" in words
    blocked = "list.yaml:10: refused by the API server: spec.ingress[0].from[0].ipBlock.cidr"
    assert words.count("spec.ingress[0].from[0].ipBlock.cidr") == 1 and blocked in words
    assert "(every release)" in words
    assert "2 policies; Cilium 1.20 rejects 2" in words


def test_two_judges_the_api_server_and_the_agent(tree: Path) -> None:
    """What kubectl is refused, what other clients lose, and what the policy then means; the agent judges the rest."""
    (tree / "x.yaml").write_text(GOOD.replace("[{}]", "[{}]\n      toPort: [{ports: [{port: '80'}]}]"))
    (row,) = answers("--versions", "1.18,1.19")
    assert row["accepted"] == {"1.18": True, "1.19": True} and row["errors"] == {}
    assert row["schema"] == {"1.18": "pruned", "1.19": "pruned"}
    (error,) = row["schema_errors"]["1.19"]
    assert error.startswith('x.yaml:8: unknown field "spec.ingress[0].toPort": strict validation refuses the field')
    assert error.endswith("then the rule allows every port of its peers")


@pytest.mark.parametrize(
    ("ports", "states"),
    [
        ("ports: [{port: '80', protocol: tcp}]", {"1.18": "strict", "1.19": "strict", "1.20": "strict"}),
        (
            "ports: [{port: '80'}]\n          serverNames: [pay-*.example.com]",
            {"1.17": "ok", "1.18": "strict", "1.20": "ok"},
        ),
        ("ports: [{protocol: VRRP}]", {"1.18": "strict", "1.19": "ok", "1.20": "ok"}),
        ("ports: [{port: '80', endPort: 90}]", {"1.15": "pruned", "1.16": "ok"}),
        ("ports: [{port: '80'}]\n          rules: {kafka: [{topic: x}]}", {"1.19": "ok", "1.20": "strict"}),
    ],
)  # fmt: skip
def test_the_schema_is_that_of_each_release(tree: Path, ports: str, states: dict[str, str]) -> None:
    (tree / "x.yaml").write_text(GOOD.replace("[{}]", f"[{{}}]\n      toPorts:\n        - {ports}"))
    ran = cnpfix("validate", "--format", "json", "--versions", ",".join(states))
    (row,) = json.loads(ran.out)
    assert row["schema"] == states


def test_one_reason_in_two_spellings_is_said_once(tree: Path) -> None:
    (tree / "x.yaml").write_text(GOOD.replace("[{}]", "[{}]\n      fromEntities: [all]"))
    words = " ".join(cnpfix("validate").out.split())
    assert words.count("is not supported yet") == 1
    assert "combining FromEndpoints and FromEntities is not supported yet (every release)" in words


def test_templates_and_bad_files_never_stop_the_others(tree: Path) -> None:
    (tree / "a.yaml").write_text(GOOD)
    (tree / "broken.yaml").write_text("apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: [\n")
    (tree / "chart.yaml").write_text(GOOD.replace("name: good", 'name: "{{ .Values.name }}"') + "---\n" + GOOD)
    ran = cnpfix("validate", "--format", "json", ".", "gone.yaml")
    assert ran.code == 2
    assert [(row["file"], row["document"]) for row in json.loads(ran.out)] == [("a.yaml", 0), ("chart.yaml", 1)]
    broken, gone, chart = sorted(ran.err.splitlines(), key=lambda line: "template" in line)
    assert broken.startswith("cnpfix: ") and gone.startswith("cnpfix: ")
    assert "broken.yaml" in ran.err and "gone.yaml" in ran.err
    assert chart == "cnpfix: chart.yaml:3: holds a policy in a template, which is left alone; render it"


def test_what_is_still_to_be_replaced_is_no_rejection(tree: Path) -> None:
    """`${VAR}` is filled in by Flux or envsubst: the release is left out, as nobody can tell."""
    (tree / "a.yaml").write_text(BARE_ADDRESS.replace("198.51.100.7", "${ROUTER}/32").replace("name: bare", "name: x"))
    (row,) = answers("--versions", "1.19,1.20")
    assert (row["accepted"], row["errors"]) == ({}, {})
    words = " ".join(cnpfix("validate", "--versions", "1.19,1.20").out.split())
    assert "default/x ? ? a.yaml:13: cannot be decided before ${ROUTER}/32 is replaced (every release)" in words
    assert "1 policy; Cilium 1.19 rejects none, 1 cannot be decided" in words


def test_stdin_and_nothing(tree: Path) -> None:
    assert cnpfix("validate").out == "no policies found\n"
    assert json.loads(cnpfix("validate", "--format", "json").out) == []


def test_a_wrong_release_is_one_line(tree: Path) -> None:
    ran = cnpfix("validate", "--versions", "1.19,1.7")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("cnpfix: --versions: Cilium version '1.7' is not known; use one of 1.15")


def test_names_of_untrusted_manifests_only_print(tree: Path) -> None:
    (tree / "a.yaml").write_text(GOOD.replace("name: good", 'name: "\\e[31m"'))
    assert "\x1b" not in cnpfix("validate", "--color", "never").out


def test_agrees_with_recorded_entries_through_the_command_line(tree: Path) -> None:
    entries = validation_entries()
    for index, entry in enumerate(entries):
        (tree / f"{index:03}.json").write_text(json.dumps(entry["manifest"]))
    rows = answers("--to", "1.20", code=1)
    assert len(rows) == len(entries)
    wrong = [
        (entry["name"], release)
        for entry, row in zip(entries, rows, strict=True)
        for release, accepted in entry["accepted"].items()
        if row["accepted"][release] != accepted
        or not same_message(row["errors"].get(release, ""), entry["error"].get(release, ""))
    ]
    assert wrong == []


GROUPS = """apiVersion: cilium.io/v2alpha1
kind: CiliumCIDRGroup
metadata: {name: old}
spec:
  externalCIDRs: [198.51.100.0/24, 198.51.100.7]
---
apiVersion: v1
kind: List
items:
  - apiVersion: cilium.io/v2
    kind: CiliumCIDRGroup
    metadata: {name: new}
    spec:
      externalCIDRs: [198.51.100.0/24]
  - apiVersion: cilium.io/v2
    kind: CiliumCIDRGroup
    metadata: {name: typo}
    spec:
      externalCIDR: [198.51.100.0/24]
"""


def test_groups_of_cidrs_are_judged_per_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("groups.yaml").write_text(GROUPS)
    found = {each["name"]: each for each in json.loads(cnpfix("validate", "--format", "json", ".").out)}
    assert set(found["old"]["schema"].values()) == {"strict"}
    assert found["old"]["schema_errors"]["1.19"][0].startswith("groups.yaml:5: ")
    assert found["new"]["schema"] == {str(version): "ok" if version >= (1, 18) else "strict" for version in SUPPORTED}
    assert "served from 1.18 on" in found["new"]["schema_errors"]["1.17"][0]
    assert any("externalCIDR" in error and ":19:" in error for error in found["typo"]["schema_errors"]["1.20"])


@pytest.mark.parametrize(
    ("manifest", "served"),
    [
        (GOOD.replace("cilium.io/v2", "cilium.io/v2alpha1"), "cilium.io/v2"),
        (GOOD.replace("cilium.io/v2", "cilium.io/v1"), "cilium.io/v2"),
        (
            "apiVersion: extensions/v1beta1\nkind: NetworkPolicy\nmetadata: {name: old, namespace: shop}\n"
            "spec: {podSelector: {}}\n",
            "networking.k8s.io/v1",
        ),
        (
            "apiVersion: policy.networking.k8s.io/v1alpha1\nkind: ClusterNetworkPolicy\nmetadata: {name: guard}\n"
            "spec: {tier: Admin, priority: 1, subject: {namespaces: {}}}\n",
            "policy.networking.k8s.io/v1alpha2",
        ),
        (GOOD, ""),
    ],
)
def test_a_version_that_no_api_server_has_is_refused(manifest: str, served: str, tree: Path) -> None:
    (tree / "policy.yaml").write_text(manifest)
    [row] = json.loads(cnpfix("validate", "--format", "json", "policy.yaml").out)
    assert set(row["schema"].values()) == ({"strict"} if served else {"ok"})
    if served:
        [error] = row["schema_errors"]["1.19"]
        assert error.startswith("policy.yaml:1: no matches for kind") and error.endswith(f"served in {served}")
