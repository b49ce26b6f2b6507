"""Policies that are text in literal blocks of other manifests: read, and fixed with their indentation and chomping."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from tests.cli.support import cnpfix
from tests.engine.charts.support import Repository

POLICY = """\
# who may ask
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata:
  name: web
  namespace: shop
spec:
  endpointSelector: {}
  egress:
    - toEndpoints:
        - matchLabels:
            k8s:io.kubernetes.pod.namespace: kube-system
            k8s:k8s-app: kube-dns
      toPorts:
        - ports: [{port: "53", protocol: ANY}]
          rules: {dns: [{matchPattern: "*"}]}
    - toFQDNs:
        - matchPattern: "**.example.com" # keep
"""
HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: manifests\n  namespace: shop\ndata:\n"
TAIL = "  other: |\n    text\n"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    root = tmp_path / "repository"
    root.mkdir()
    return Repository(root, monkeypatch)


def block(header: str, text: str = POLICY, indent: int = 4) -> str:
    return HEAD + f"  policy.yaml: {header}\n" + textwrap.indent(text, " " * indent) + TAIL


@pytest.mark.parametrize(
    "before",
    [
        block("|"),
        block("|-"),
        block("|+", POLICY + "\n\n"),
        block("|6", POLICY, 8),
        block("|-4 # comment", POLICY, 6),
        block("|", "\n" + POLICY),
        block("|", "---\n" + POLICY),
        block("|", "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n---\n" + POLICY),
        block("|").replace("\n", "\r\n"),
        block("|").removesuffix(TAIL).removesuffix("\n"),
    ],
    ids=["clip", "strip", "keep", "indent", "both", "blank-first", "marker", "second", "crlf", "no-newline"],
)
def test_a_block_keeps_its_form(repository: Repository, before: str) -> None:
    found = repository.treat({"map.yaml": before}, programs=())
    assert found.after["map.yaml"] == before.replace('"**.', '"*.')
    [finding] = found.findings
    lines = before.splitlines()
    assert '"**.' in lines[finding["line"] - 1]
    assert finding["column"] == lines[finding["line"] - 1].index('"**.') + 1
    assert not found.errors


def test_a_second_run_changes_nothing(repository: Repository) -> None:
    fixed = repository.treat({"map.yaml": block("|")}, programs=()).after
    again = repository.treat(fixed, programs=())
    assert (again.findings, again.after) == ([], fixed)


def test_lines_that_a_fix_adds_stand_with_the_others(repository: Repository) -> None:
    rule = "    - toCIDR:\n        - 192.0.2.0/24\n      toEntities:\n        - host\n"
    before = block("|", POLICY.replace("**", "*") + rule)
    found = repository.treat({"map.yaml": before}, "--unsafe-fixes", programs=())
    assert found.after["map.yaml"] == before.replace("          toEntities:", "        - toEntities:")


@pytest.mark.parametrize(
    "text",
    [
        block(">"),
        HEAD + "  a: 'kind: CiliumNetworkPolicy'\n",
        block("|").replace("kind: CiliumNetworkPolicy", "kind: Deployment"),
        block("|", POLICY.replace("**", "*")),
        block("|", "# " + POLICY.replace("\n", "\n# ")),
    ],
    ids=["folded", "a-word", "another-kind", "right", "comment"],
)
def test_what_stays_as_it_is(repository: Repository, text: str) -> None:
    found = repository.treat({"map.yaml": text}, programs=())
    assert found.after["map.yaml"] == text
    assert {each["id"] for each in found.findings} <= {"embedded-policy"}


def test_a_block_that_kustomize_patches_is_left(repository: Repository) -> None:
    kustomization = (
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [map.yaml]\npatches:\n"
        "  - target: {kind: ConfigMap}\n"
        "    patch: |\n      - {op: replace, path: /data/policy.yaml, value: gone}\n"
    )
    files = {"map.yaml": block("|"), "kustomization.yaml": kustomization}
    found = repository.treat(files, programs=())
    assert found.after["map.yaml"] == files["map.yaml"]
    assert [each["fixed"] for each in found.findings] == [False]


def test_markup_in_a_block_leaves_the_finding(repository: Repository) -> None:
    before = block("|", POLICY.replace("name: web", 'name: "{{ .Release.Name }}"'))
    found = repository.treat({"map.yaml": before}, programs=())
    assert found.after["map.yaml"] == before
    assert [(each["id"], each["fixed"]) for each in found.findings] == [("fqdn-double-star", False)]


def test_a_comment_in_a_block_silences(repository: Repository) -> None:
    before = block("|", POLICY.replace("# keep", "# cnpfix: ignore[fqdn-double-star]"))
    found = repository.treat({"map.yaml": before}, programs=())
    assert not found.of("fqdn-double-star")
    assert not found.of("unused-suppression")


def test_a_policy_in_values_and_one_in_a_block_of_them(repository: Repository) -> None:
    release = (
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: shop}\nspec:\n"
        "  values:\n    extraObjects:\n      -\n"
        + textwrap.indent(POLICY, " " * 8).replace("name: web", "name: first")
        + "      - |\n"
        + textwrap.indent(POLICY, " " * 8)
    )
    found = repository.treat({"release.yaml": release}, programs=())
    assert found.after["release.yaml"] == release.replace("**", "*")
    assert [each["name"] for each in found.findings] == ["first", "web"]


MISTAKE = "{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: web, namespace: shop}, "
MISTAKE += "spec: {endpointSelector: {}, egress: [{toCIDR: [192.0.2.0/24], toEntities: [host]}]}}"


FIXED = MISTAKE.replace("192.0.2.0/24], toEntities", "192.0.2.0/24]}, {toEntities")
IN_LINES = [each.replace(", kind", ",\n    kind") for each in (MISTAKE, FIXED)]
ESCAPED = [each.replace("web", "w\\u0065b") for each in (MISTAKE, FIXED)]
DOUBLED = [each.replace("name: web", "name: ''web''") for each in (MISTAKE, FIXED)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"'{MISTAKE}' # quoted", f"'{FIXED}' # quoted"),
        (f">-\n    {MISTAKE}", f">-\n    {FIXED}"),
        (f">\n    {IN_LINES[0]}\n", f">\n    {IN_LINES[1]}\n"),
        (f'"{ESCAPED[0]}"', f'"{ESCAPED[1]}"'),
        (f"'{DOUBLED[0]}'", f"'{DOUBLED[1]}'"),
    ],
    ids=["single", "folded", "folded-lines", "double-escape", "single-escape"],
)
def test_quoted_and_folded_text_is_fixed_where_its_characters_stand(
    repository: Repository, before: str, after: str
) -> None:
    text = HEAD + f"  policy.yaml: {before}\n" + TAIL
    found = repository.treat({"map.yaml": text}, "--unsafe-fixes")
    [finding] = found.findings
    assert (finding["fixed"], finding["name"]) == (True, "web")
    line = text.split("\n")[finding["line"] - 1]
    assert line[finding["column"] - 1 :].startswith("toEntities")
    assert found.after == {"map.yaml": HEAD + f"  policy.yaml: {after}\n" + TAIL}
    assert repository.treat(found.after, "--unsafe-fixes").findings == []


def test_lines_of_escaped_text_are_fixed(repository: Repository) -> None:
    escaped = POLICY.replace('"', '\\"').replace("\n", "\\n")
    before = HEAD + f'  policy.yaml: "{escaped}"\n' + TAIL
    found = repository.treat({"map.yaml": before})
    assert [(each["line"], each["fixed"]) for each in found.findings] == [(7, True)]
    assert found.after == {"map.yaml": before.replace("**", "*")}
    as_json = (
        '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"},\n "data": {"p": "' + escaped + '"}}\n'
    )
    assert repository.treat({"map.json": as_json}).after["map.json"] == as_json.replace("**", "*")


def test_folded_text_that_cannot_hold_a_fix_says_so(repository: Repository) -> None:
    lines = MISTAKE.replace("spec:", "\n    spec:").replace("toEntities", "\n       toEntities")
    before = HEAD + f"  policy.yaml: >-\n    {lines}\n" + TAIL
    found = repository.treat({"map.yaml": before}, "--unsafe-fixes")
    [finding] = found.findings
    assert not finding["fixed"]
    assert "cannot hold what the fix writes" in finding["advice"]
    assert found.after == {"map.yaml": before}


def test_a_text_that_only_speaks_of_a_policy_is_none(repository: Repository) -> None:
    before = HEAD + '  policy.yaml: "{kind: of CiliumNetworkPolicy}"\n  note: "[CiliumNetworkPolicy"\n' + TAIL
    assert repository.treat({"map.yaml": before}).findings == []


APPLICATION = (
    "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: web, namespace: argocd}\n"
    "spec:\n  destination: {namespace: shop, server: https://kubernetes.default.svc}\n"
    "  source:\n    repoURL: https://example.com\n    chart: web\n    helm:\n      values: |\n"
)


def test_a_text_within_a_text_is_fixed_in_place(repository: Repository) -> None:
    policy = POLICY.replace("  namespace: shop\n", "")
    before = APPLICATION + "        extraObjects:\n          - |\n" + textwrap.indent(policy, " " * 12)
    found = repository.treat({"web.yaml": before})
    [finding] = found.findings
    assert (finding["id"], finding["namespace"], finding["fixed"]) == ("fqdn-double-star", "shop", True)
    assert before.split("\n")[finding["line"] - 1].strip() == '- matchPattern: "**.example.com" # keep'
    assert found.after == {"web.yaml": before.replace("**", "*")}


def test_policies_in_literal_text_are_policies_for_the_other_commands(repository: Repository) -> None:
    rejected = POLICY.replace("    - toFQDNs:\n", "    - toEntities: [host]\n      toFQDNs:\n")
    repository.treat(
        {"web.yaml": APPLICATION + "        extraObjects:\n          - |\n" + textwrap.indent(rejected, " " * 12)}
    )
    repository.treat({"map.yaml": block("|", rejected.replace("name: web", "name: of-the-map"))})
    told = cnpfix("validate", ".")
    assert "shop/of-the-map" in told.out
    assert "shop/web" in told.out
    line = block("|", rejected)[: block("|", rejected).index('matchPattern: "**')].count("\n") + 1
    assert f"map.yaml:{line}:" in told.out
