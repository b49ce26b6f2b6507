"""`verdict`, `impact` and `validate` judge policies as clusters get them: patched, filled in, in every namespace."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import cnpfix
from tests.programs import program

PODS = "\n---\n".join(
    f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{app: {name}}}}}\n"
    "spec: {containers: [{name: main, image: example.com/x}]}"
    for name in ("one", "two")
)
POLICY = """\
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata:
  name: web
spec:
  endpointSelector: {}
  ingress:
    - fromEndpoints:
        - matchLabels:
            app: one
"""
PATCH = "- op: replace\n  path: /spec/ingress/0/fromEndpoints/0/matchLabels/app\n  value: two\n"
PORT = "- op: add\n  path: /spec/ingress/0/toPorts\n  value: [{ports: [{port: 80}]}]\n"
BASE = "resources: [policy.yaml, pods.yaml]\n"


def indented(text: str, by: int) -> str:
    return "".join(f"{' ' * by}{line}\n" for line in text.rstrip("\n").split("\n"))


def overlay(namespace: str, patch: str = "") -> str:
    """A kustomization of the base that puts it into a namespace, and patches the policy."""
    head = f"resources: [../base]\nnamespace: {namespace}\n"
    return head + (
        f"patches:\n  - target: {{kind: CiliumNetworkPolicy}}\n    patch: |\n{indented(patch, 6)}" if patch else ""
    )


def flux(more: str) -> str:
    return (
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n"
        "metadata: {name: shop, namespace: flux-system}\nspec:\n  path: ./base\n  targetNamespace: shop\n"
        f"  sourceRef: {{kind: GitRepository, name: flux-system}}\n{more}"
    )


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def answered(source: str, destination: str) -> dict[str, Any]:
    ran = cnpfix("verdict", "--source", source, "--destination", destination, "--format", "json", ".")
    assert ran.out, ran.err
    answer: dict[str, Any] = json.loads(ran.out)
    return answer


#: By name: files, and flows with what is said of them.
FLOWS: dict[str, tuple[dict[str, str], dict[tuple[str, str], bool]]] = {
    "a base in two namespaces": (
        {"a/kustomization.yaml": overlay("a"), "b/kustomization.yaml": overlay("b")},
        {("a/one", "a/two"): True, ("a/two", "a/one"): False, ("b/two", "b/one"): False},
    ),
    "an overlay that patches": (
        {"a/kustomization.yaml": overlay("a"), "b/kustomization.yaml": overlay("b", PATCH)},
        {("a/one", "a/two"): True, ("b/one", "b/two"): False, ("b/two", "b/one"): True},
    ),
    "a patch of Flux": (
        {
            "flux.yaml": flux(
                f"  patches:\n    - target: {{kind: CiliumNetworkPolicy}}\n      patch: |\n{indented(PATCH, 8)}"
            )
        },
        {("shop/one", "shop/two"): False, ("shop/two", "shop/one"): True},
    ),
    "a variable of Flux": (
        {
            "flux.yaml": flux("  postBuild: {substitute: {CLIENT: two}}\n"),
            "base/policy.yaml": POLICY.replace("app: one", "app: ${CLIENT}"),
        },
        {("shop/one", "shop/two"): False, ("shop/two", "shop/one"): True},
    ),
    "a patch that deletes": (
        {"a/kustomization.yaml": overlay("a", "$patch: delete\n" + POLICY.partition("spec:")[0])},
        {("a/two", "a/one"): True},
    ),
    "a patched List": (
        {
            "a/kustomization.yaml": overlay("a", PATCH),
            "base/policy.yaml": "apiVersion: v1\nkind: List\nitems:\n  - " + indented(POLICY, 4).lstrip(),
        },
        {("a/one", "a/two"): False, ("a/two", "a/one"): True},
    ),
}


@pytest.mark.parametrize("name", FLOWS)
def test_a_verdict_is_that_of_the_policy_as_it_is_applied(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, expected = FLOWS[name]
    base = {"base/kustomization.yaml": BASE, "base/policy.yaml": POLICY, "base/pods.yaml": PODS}
    write(tmp_path, {**base, **files})
    monkeypatch.chdir(tmp_path)
    assert {ends: answered(*ends)["allowed"] for ends in expected} == expected


def test_a_rejection_stands_at_the_patch_that_causes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"base/kustomization.yaml": BASE, "base/policy.yaml": POLICY, "base/pods.yaml": PODS})
    write(tmp_path, {"a/kustomization.yaml": overlay("a", PORT)})
    monkeypatch.chdir(tmp_path)
    [row] = json.loads(cnpfix("validate", "--format", "json", ".").out)
    assert (row["file"], row["accepted"]["1.19"]) == ("base/policy.yaml", False)
    assert row["schema_errors"]["1.19"][0].startswith(
        "a/kustomization.yaml:8: spec.ingress[0].toPorts[0].ports[0].port"
    )


def test_an_impact_counts_what_a_patch_brings_and_a_fix_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    star = '- op: add\n  path: /spec/egress\n  value:\n    - toFQDNs:\n        - matchPattern: "**.example.com"\n'
    write(tmp_path, {"base/kustomization.yaml": BASE, "base/policy.yaml": POLICY, "base/pods.yaml": PODS})
    write(tmp_path, {"a/kustomization.yaml": overlay("a", star)})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(program('kubectl')).parent}:/usr/bin:/bin")
    found = json.loads(cnpfix("impact", "--from", "1.18", "--to", "1.19", "--format", "json", ".").out)
    [policy] = found["policies"]
    assert "fqdn-double-star" in json.dumps(policy)


def test_policies_in_quoted_text_are_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = (
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: shop}\n"
        f"spec:\n  values:\n    extraDeploy:\n      - {json.dumps(POLICY)}\n"
    )
    pods = PODS.replace("labels:", "namespace: shop, labels:")
    write(tmp_path, {"release.yaml": release, "pods.yaml": pods})
    monkeypatch.chdir(tmp_path)
    answer = answered("shop/two", "shop/one")
    assert answer["allowed"] is False
    assert answer["ingress"]["rules"] == [{"policy": "shop/web", "file": "release.yaml", "line": 7}]
    [row] = json.loads(cnpfix("validate", "--format", "json", ".").out)
    assert (row["file"], row["namespace"], row["name"]) == ("release.yaml", "shop", "web")


def compared(*names: str) -> dict[str, Any]:
    ran = cnpfix("impact", "--from", "1.18", "--to", "1.18", "--format", "json", "--before", *names)
    assert ran.code == 0, ran.err
    found: dict[str, Any] = json.loads(ran.out)
    return found


def test_a_rewrite_by_hand_of_a_patch_is_one_of_the_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = {"base/kustomization.yaml": BASE, "base/policy.yaml": POLICY, "base/pods.yaml": PODS}
    write(tmp_path / "old", {**base, "a/kustomization.yaml": overlay("a")})
    write(tmp_path / "new", {**base, "a/kustomization.yaml": overlay("a", PATCH)})
    monkeypatch.chdir(tmp_path)
    found = compared("old", "new")
    assert [pair["destinations"] for pair in found["fixed"]["pairs"]]
    [policy] = found["policies"]
    assert (policy["file"], policy["namespace"]) == ("new/base/policy.yaml", "a")
    assert any("app=two" in flow for flow in policy["fixed"]["opened"])
    assert any("app=one" in flow for flow in policy["fixed"]["closed"])


def test_a_base_that_is_compared_alone_is_patched_on_both_sides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The patch replaces what was rewritten: no flow changes."""
    base = {"base/kustomization.yaml": BASE, "base/policy.yaml": POLICY, "base/pods.yaml": PODS}
    write(tmp_path, {**base, "a/kustomization.yaml": overlay("a", PATCH), "cnpfix.toml": ""})
    write(tmp_path.parent / f"{tmp_path.name}-old", {"policy.yaml": POLICY.replace("app: one", "app: three")})
    monkeypatch.chdir(tmp_path)
    old = f"../{tmp_path.name}-old/policy.yaml"
    assert compared(old, "base/policy.yaml")["policies"] == []
    write(tmp_path, {"a/kustomization.yaml": overlay("a")})
    assert len(compared(old, "base/policy.yaml")["policies"]) == 1


def test_a_policy_in_two_namespaces_is_compared_in_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = {"base/kustomization.yaml": BASE, "base/policy.yaml": POLICY, "base/pods.yaml": PODS}
    write(tmp_path / "old", {**base, "a/kustomization.yaml": overlay("a"), "b/kustomization.yaml": overlay("b")})
    write(tmp_path / "new", {**base, "a/kustomization.yaml": overlay("a"), "b/kustomization.yaml": overlay("b", PATCH)})
    monkeypatch.chdir(tmp_path)
    found = compared("old", "new")
    assert [policy["namespace"] for policy in found["policies"]] == ["b"]


TIER = """\
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: guard}
spec:
  tier: Admin
  priority: 10
  subject: {namespaces: {matchLabels: {kubernetes.io/metadata.name: a}}}
  ingress:
    - action: Deny
      from: [{namespaces: {}}]
"""
ACCEPTING = (
    "resources: [base, tier.yaml]\nnamespace: a\npatches:\n  - target: {kind: ClusterNetworkPolicy}\n    patch: |\n"
    '      [{"op": "replace", "path": "/spec/ingress/0/action", "value": "Accept"}]\n'
)
READ = '[[clusters]]\nname = "one"\nlocal = ["**"]\ncluster_network_policies = true\n'


def test_a_patched_tier_counts_as_it_is_applied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = {"base/kustomization.yaml": BASE, "base/policy.yaml": POLICY, "base/pods.yaml": PODS, "cnpfix.toml": READ}
    plain = "resources: [base, tier.yaml]\nnamespace: a\n"
    write(tmp_path / "old", {**base, "tier.yaml": TIER, "kustomization.yaml": plain})
    write(tmp_path / "new", {**base, "tier.yaml": TIER, "kustomization.yaml": ACCEPTING})
    monkeypatch.chdir(tmp_path)
    answers = {}
    for folder in ("old", "new"):
        arguments = ("--source", "a/two", "--destination", "a/one", "--to", "1.20", "--format", "json")
        answers[folder] = json.loads(cnpfix("verdict", *arguments, folder).out)["allowed"]
    assert answers == {"old": False, "new": True}
    ran = cnpfix("impact", "--from", "1.20", "--to", "1.20", "--format", "json", "--before", "old", "new")
    found = json.loads(ran.out)
    assert [(each["kind"], bool(each["fixed"]["opened"])) for each in found["policies"]] == [
        ("ClusterNetworkPolicy", True)
    ]
