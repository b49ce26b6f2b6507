"""Patched policies in less common forms: components of appliers, texts within texts, patterns, Lists, variables."""

from __future__ import annotations

import pytest

from rewriter.inventory.delivery.substitution import substituted
from tests.engine.charts.support import FIXED, STAR, Repository
from tests.engine.overlays.test_overlays import (
    ADD,
    BASE,
    PLAIN,
    TARGET,
    TRANSFORMER,
    argo,
    fixed_at,
    flux,
    indented,
    inline,
    treat,
)

EMPTY = "- op: add\n  path: /spec/ingress\n  value: []\n"
REMOVE = "- op: remove\n  path: /spec/egress/1\n"
COMPONENT = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n  - path: patch.yaml\n" + TARGET
WITH = "  components: [../part]\n"
VARIABLE = STAR.replace("example.com", "${DOMAIN}")
SUBSTITUTE = "  postBuild: {substitute: {DOMAIN: example.org}}\n"
FROM_SECRET = "  postBuild: {substituteFrom: [{kind: Secret, name: settings}]}\n"


def transformer(text: str) -> str:
    """A kustomization with a transformer as text, which holds a patch as text."""
    return "resources: [../base]\ntransformers:\n  - |\n" + indented(TRANSFORMER + "patch: |\n" + indented(text, 2), 4)


def listed(kind: str, text: str) -> str:
    """A List of one policy."""
    return f"apiVersion: cilium.io/v2\nkind: {kind}\nitems:\n  - {indented(text, 4)[4:]}"


def aimed(target: str, patch: str) -> str:
    return inline(patch).replace("{kind: CiliumNetworkPolicy}", target)


#: By name: files, and the one of them in which `**` is found and fixed.
FOUND: dict[str, tuple[dict[str, str], str]] = {
    "a component of Flux beside its patches": (
        {"part/kustomization.yaml": COMPONENT, "part/patch.yaml": ADD, "base/policy.yaml": PLAIN}
        | {"clusters/shop.yaml": flux(EMPTY, WITH)},
        "part/patch.yaml",
    ),
    "a patch of Flux beside a component": (
        {"part/kustomization.yaml": COMPONENT, "part/patch.yaml": EMPTY, "base/policy.yaml": PLAIN}
        | {"clusters/shop.yaml": flux(ADD, WITH)},
        "clusters/shop.yaml",
    ),
    "a patch of Flux at the top of the tree": (
        {"policy.yaml": PLAIN, "kustomization.yaml": "resources: [policy.yaml]\n"}
        | {"shop/flux.yaml": flux(ADD).replace("path: ./base", "path: ./")},
        "shop/flux.yaml",
    ),
    "a component of Argo CD beside its patches": (
        {"part/kustomization.yaml": COMPONENT, "part/patch.yaml": ADD, "base/policy.yaml": PLAIN}
        | {"shop.yaml": argo(EMPTY).replace("      patches:", "      components: [../part]\n      patches:")},
        "part/patch.yaml",
    ),
    "a transformer as text": (
        {"base/policy.yaml": PLAIN, "top/kustomization.yaml": transformer(ADD)},
        "top/kustomization.yaml",
    ),
    "below a transformer as text": (
        {"base/policy.yaml": PLAIN + STAR, "top/kustomization.yaml": transformer(EMPTY)},
        "base/policy.yaml",
    ),
    "a target by a regular expression": (
        {"base/policy.yaml": PLAIN, "top/kustomization.yaml": aimed("{kind: Cilium.*, name: '^(web|api)$'}", ADD)},
        "top/kustomization.yaml",
    ),
    "a target by labels": (
        {
            "base/policy.yaml": PLAIN.replace("  name: web\n", "  name: web\n  labels: {part: edge}\n") + STAR,
            "top/kustomization.yaml": aimed("{labelSelector: 'part in (edge, core)'}", EMPTY),
        },
        "base/policy.yaml",
    ),
    "a List": (
        {"base/policy.yaml": listed("List", PLAIN + STAR), "top/kustomization.yaml": inline(EMPTY)},
        "base/policy.yaml",
    ),
    "a List of policies": (
        {"base/policy.yaml": listed("CiliumNetworkPolicyList", PLAIN + STAR), "top/kustomization.yaml": inline(EMPTY)},
        "base/policy.yaml",
    ),
    "a variable that is not known": (
        {"base/policy.yaml": PLAIN + VARIABLE, "clusters/shop.yaml": flux(EMPTY, FROM_SECRET)},
        "base/policy.yaml",
    ),
    "a variable that is known": (
        {"base/policy.yaml": PLAIN + VARIABLE, "clusters/shop.yaml": flux(EMPTY, SUBSTITUTE)},
        "base/policy.yaml",
    ),
    "a variable in a patch": (
        {"base/policy.yaml": PLAIN, "top/kustomization.yaml": inline(ADD.replace("example.com", "${DOMAIN}"))},
        "top/kustomization.yaml",
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_a_fix_goes_to_the_text_that_causes_the_finding(name: str, repository: Repository) -> None:
    files, where = FOUND[name]
    fixed_at(repository, files, where)


#: By name: files in which nothing is found, though a text alone says `**`.
SILENT: dict[str, dict[str, str]] = {
    "a component of Flux takes the rule away": {
        "part/kustomization.yaml": COMPONENT,
        "part/patch.yaml": REMOVE,
        "base/policy.yaml": PLAIN + STAR,
        "clusters/shop.yaml": flux(EMPTY, WITH),
    },
    "a component comes before what the kustomization does": {
        "part/kustomization.yaml": COMPONENT,
        "part/patch.yaml": ADD,
        "base/policy.yaml": PLAIN,
        "base/kustomization.yaml": "resources: [policy.yaml]\npatches:\n  -" + TARGET[3:] + "    patch: |\n"
        "      - op: remove\n        path: /spec/egress/1\n",
        "clusters/shop.yaml": flux(EMPTY, WITH),
    },
    "a transformer as text takes the rule away": {
        "base/policy.yaml": PLAIN + STAR,
        "top/kustomization.yaml": transformer(REMOVE),
    },
    "a patch by a regular expression takes the rule away": {
        "base/policy.yaml": PLAIN + STAR,
        "top/kustomization.yaml": aimed("{group: cilium.io, name: 'w[a-z]+'}", REMOVE),
    },
    "a patch takes a rule of a List away": {
        "base/policy.yaml": listed("List", PLAIN + STAR),
        "top/kustomization.yaml": inline(REMOVE),
    },
    "a variable makes it another pattern": {
        "base/policy.yaml": PLAIN + STAR.replace('"**.example', '"${STARS}.example'),
        "clusters/shop.yaml": flux(EMPTY, '  postBuild: {substitute: {STARS: "*"}}\n'),
    },
}


@pytest.mark.parametrize("name", SILENT)
def test_what_no_build_holds_is_no_finding(name: str, repository: Repository) -> None:
    found = treat(repository, SILENT[name])
    assert (found.findings, found.errors) == ([], [])
    assert found.after == {**BASE, **SILENT[name]}


def test_what_a_patch_in_a_list_writes_over_is_left(repository: Repository) -> None:
    files = {
        "base/policy.yaml": PLAIN + STAR,
        "top/kustomization.yaml": "resources: [../base]\npatches: [{path: patch.yaml}]\n",
        "top/patch.yaml": listed("CiliumNetworkPolicyList", PLAIN),
    }
    found = treat(repository, files)
    assert [each["fixed"] for each in found.findings] == [False]
    assert found.after == {**BASE, **files}


def test_an_escaped_variable_is_not_filled_in() -> None:
    assert substituted("**.$${DOMAIN}", {"DOMAIN": "example.org"}, True) == "**.$${DOMAIN}"


def test_a_variable_that_makes_the_mistake_is_left(repository: Repository) -> None:
    files = {
        "base/policy.yaml": PLAIN + STAR.replace('"**.example', '"${STARS}.example'),
        "clusters/shop.yaml": flux(EMPTY, '  postBuild: {substitute: {STARS: "**"}}\n'),
    }
    found = treat(repository, files)
    [finding] = found.findings
    assert (finding["file"], finding["fixed"]) == ("base/policy.yaml", False)
    assert "a variable that Flux fills in" in finding["advice"]
    assert found.after == {**BASE, **files}


def test_base_and_patch_are_fixed_in_one_run(repository: Repository) -> None:
    patch = inline(ADD.replace("example.com", "example.org"))
    found = treat(repository, {"base/policy.yaml": PLAIN + STAR, "top/kustomization.yaml": patch})
    assert [each["fixed"] for each in found.findings] == [True, True]
    assert found.after["base/policy.yaml"] == PLAIN + FIXED
    assert found.after["top/kustomization.yaml"] == patch.replace("**.", "*.")
