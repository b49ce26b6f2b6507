"""Flux: what Kustomizations apply, with which namespace and variables, and what is not followed."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.inventory.support import (
    POLICY,
    flux,
    git_repository,
    inventory,
    kustomization,
    manifest,
    namespace_at,
    reason_at,
    service,
    workload,
)

VARIABLE = POLICY.replace("name: p", 'name: p, namespace: "${WHERE}"')


def test_target_namespace_overrides() -> None:
    files = {
        "apps/shop/p.yaml": POLICY,
        "apps/shop/kustomization.yaml": kustomization(namespace="written", resources=["p.yaml"]),
        "clusters/a/shop.yaml": flux("shop", "./apps/shop", targetNamespace="shop"),
    }
    assert namespace_at(files, "apps/shop/p.yaml") == "shop"
    assert reason_at(files, "apps/shop/p.yaml") == "clusters/a/shop.yaml:1"


def test_a_folder_without_kustomization_is_applied_with_what_is_below() -> None:
    files = {
        "apps/shop/deep/p.yaml": POLICY,
        "apps/shop/own/p.yaml": POLICY,
        "apps/shop/own/kustomization.yaml": kustomization(resources=[]),
        "clusters/a/shop.yaml": flux("shop", "apps/shop", targetNamespace="shop"),
    }
    assert namespace_at(files, "apps/shop/deep/p.yaml") == "shop"
    assert namespace_at(files, "apps/shop/own/p.yaml") is None, "its kustomization does not list it"


def test_a_kustomization_applied_by_another_is_patched_and_substituted() -> None:
    """Parents often give their children source, namespace and variables (fluxcd/flux2-multi-tenancy)."""
    child = flux("shop", "./apps/${CLUSTER}/shop").replace("sourceRef", "ignored")
    patch = """
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: not-used}
spec:
  targetNamespace: shop
  sourceRef: {kind: GitRepository, name: flux-system}
"""
    files = {
        "clusters/a/root.yaml": flux(
            "root",
            "./clusters/a/apps",
            postBuild={"substitute": {"CLUSTER": "alpha"}},
            patches=[{"patch": patch, "target": {"kind": "Kustomization", "labelSelector": "plain notin (true)"}}],
        ),
        "clusters/a/apps/shop.yaml": child,
        "apps/alpha/shop/p.yaml": POLICY,
    }
    assert namespace_at(files, "apps/alpha/shop/p.yaml") == "shop"


def test_variables_are_replaced_where_the_tree_tells_them() -> None:
    files = {"a/p.yaml": VARIABLE, "flux.yaml": flux("a", "./a", postBuild={"substitute": {"WHERE": "shop"}})}
    assert namespace_at(files, "a/p.yaml") == "shop"


def test_variables_of_secrets_are_unknown() -> None:
    build = {"substitute": {}, "substituteFrom": [{"kind": "Secret", "name": "vars"}]}
    files = {"a/p.yaml": VARIABLE.replace("${WHERE}", "${WHERE:=shop}"), "flux.yaml": flux("a", "./a", postBuild=build)}
    assert namespace_at(files, "a/p.yaml") is None


def source(name: str, kind: str = "ConfigMap", namespace: str = "flux-system", **data: str) -> str:
    metadata = {"name": name, "namespace": namespace}
    return yaml.safe_dump({"apiVersion": "v1", "kind": kind, "metadata": metadata, "data": data})


def build(*names: str, **inline: str) -> dict[str, Any]:
    """A postBuild with variables from ConfigMaps, and Secrets for names that end with `!`."""
    kinds = {False: "ConfigMap", True: "Secret"}
    listed = [{"kind": kinds[name.endswith("!")], "name": name.rstrip("!")} for name in names]
    return {"postBuild": {"substituteFrom": listed, "substitute": inline}}


@pytest.mark.parametrize(
    ("sources", "variables", "expected"),
    [
        pytest.param([source("one", WHERE="shop")], build("one"), "shop", id="a ConfigMap"),
        pytest.param([source("one", WHERE="shop\n")], build("one"), "shop", id="line ends go"),
        pytest.param([source("one", WHERE="shop")], build("one", WHERE="inline"), "inline", id="inline counts most"),
        pytest.param([source("one", WHERE="1st"), source("two", WHERE="2nd")], build("one", "two"), "2nd", id="later"),
        pytest.param([source("one", WHERE="1st"), source("two", WHERE="2nd")], build("two", "one"), "1st", id="order"),
        pytest.param([source("one", WHERE="shop")], build("one", "absent"), None, id="an unknown one counts more"),
        pytest.param([source("one", WHERE="shop")], build("absent", "one"), "shop", id="an unknown one counts less"),
        pytest.param([source("one", WHERE="shop")], build("one", "absent!"), None, id="an unknown Secret"),
        pytest.param(
            [source("one", WHERE="shop"), source("two", "Secret", WHERE="ENC[AES256]")],
            build("one", "two!"),
            None,
            id="a Secret that has it too",
        ),
        pytest.param(
            [source("one", WHERE="shop"), source("two", "Secret", TOKEN="ENC[AES256]")],
            build("one", "two!"),
            "shop",
            id="a Secret without it",
        ),
        pytest.param(
            [source("one", "Secret", WHERE="ENC"), source("two", WHERE="shop")], build("one!", "two"), "shop", id="over"
        ),
        pytest.param([source("one", namespace="shop", WHERE="shop")], build("one"), None, id="of another namespace"),
        pytest.param([source("one", WHERE="a"), source("one", WHERE="b")], build("one"), None, id="two of a name"),
        pytest.param([source("one", WHERE="${OTHER}")], build("one"), None, id="a variable itself"),
    ],
)
def test_variables_of_sources(sources: list[str], variables: Any, expected: str | None) -> None:
    files = {
        "apps/p.yaml": VARIABLE,
        "flux/sync.yaml": flux("apps", "./apps", **variables) + "---\n" + flux("settings", "./settings"),
        "settings/sources.yaml": "---\n".join(sources),
    }
    assert namespace_at(files, "apps/p.yaml") == expected


def test_variables_of_a_source_that_nothing_applies_are_not_known() -> None:
    files = {
        "apps/p.yaml": VARIABLE,
        "flux/sync.yaml": flux("apps", "./apps", **build("vars")),
        "examples/vars.yaml": source("vars", WHERE="staging"),
    }
    assert namespace_at(files, "apps/p.yaml") is None


def test_defaults_do_not_hold_beside_what_a_secret_may_hold() -> None:
    settings = "---\n" + flux("settings", "./settings")
    files = {
        "a/p.yaml": VARIABLE.replace("${WHERE}", "${WHERE:=shop}"),
        "flux.yaml": flux("a", "./a", **build("one")) + settings,
        "settings/one.yaml": source("one", OTHER="x"),
    }
    assert namespace_at(files, "a/p.yaml") == "shop"
    files["flux.yaml"] = flux("a", "./a", **build("one", "two!")) + settings
    assert namespace_at(files, "a/p.yaml") is None


def test_each_cluster_has_variables_of_its_own() -> None:
    """The same name on each, as templates of repositories have it; a path is among what they tell."""
    files = {"apps/blue/p.yaml": VARIABLE, "apps/green/p.yaml": VARIABLE, "base/p.yaml": VARIABLE}
    for name in ("blue", "green"):
        files |= {
            f"clusters/{name}/sync.yaml": flux("sync", f"./clusters/{name}/all"),
            f"clusters/{name}/all/settings.yaml": source("settings", WHERE=f"{name}-shop", COLOR=name),
            f"clusters/{name}/all/apps.yaml": flux("apps", f"./clusters/{name}/apps", **build("settings")),
            f"clusters/{name}/apps/own.yaml": flux("own", "./apps/${COLOR}", **build("settings")),
            f"clusters/{name}/apps/base.yaml": flux("base", "./base", **build("settings")),
        }
    made = inventory(files)
    assert made.namespace_of("apps/blue/p.yaml", manifest(VARIABLE)).namespace == "blue-shop"
    assert made.namespace_of("apps/green/p.yaml", manifest(VARIABLE)).namespace == "green-shop"
    told = made.namespace_of("base/p.yaml", manifest(VARIABLE))
    assert told.namespace is None
    assert "blue-shop by " in told.source and "green-shop by " in told.source
    assert not made.problems


def test_a_source_is_read_as_it_is_applied() -> None:
    """By a kustomization that moves and patches it, and by a Kustomization that substitutes in it."""
    patch = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {WHERE: '${CLUSTER}-shop'}\n"
    files = {
        "apps/p.yaml": VARIABLE,
        "flux.yaml": flux("apps", "./apps", **build("one"))
        + "---\n"
        + flux("settings", "./settings", postBuild={"substitute": {"CLUSTER": "blue"}}),
        "settings/one.yaml": source("one", namespace="elsewhere", WHERE="old"),
        "settings/kustomization.yaml": kustomization(
            namespace="flux-system", resources=["one.yaml"], patches=[{"patch": patch}]
        ),
    }
    assert namespace_at(files, "apps/p.yaml") == "blue-shop"
    unread = [{"path": "gone.yaml", "target": {"kind": "ConfigMap"}}]
    files["settings/kustomization.yaml"] = kustomization(
        namespace="flux-system", resources=["one.yaml"], patches=unread
    )
    assert namespace_at(files, "apps/p.yaml") is None


def test_a_default_holds_where_every_variable_is_told() -> None:
    default = VARIABLE.replace("${WHERE}", "${WHERE:=shop}")
    files = {"a/p.yaml": default, "flux.yaml": flux("a", "./a", postBuild={"substitute": {"OTHER": "x"}})}
    assert namespace_at(files, "a/p.yaml") == "shop"


@pytest.mark.parametrize(
    ("variables", "namespace"),
    [({"APP": "shop"}, "shop"), ({"APP": "shop", "WHERE": "blue"}, "blue"), ({}, None)],
)
def test_a_default_may_be_another_variable(variables: dict[str, str], namespace: str | None) -> None:
    """`${CLAIM:=${APP}}` is what components of many repositories say."""
    nested = VARIABLE.replace("${WHERE}", "${WHERE:=${APP}}")
    files = {"a/p.yaml": nested, "flux.yaml": flux("a", "./a", postBuild={"substitute": {"OTHER": "x", **variables}})}
    assert namespace_at(files, "a/p.yaml") == namespace


def test_one_base_for_two_targets() -> None:
    files = {
        "base/p.yaml": POLICY,
        "flux.yaml": flux("blue", "./base", targetNamespace="blue")
        + "---\n"
        + flux("green", "./base", targetNamespace="green"),
    }
    assert namespace_at(files, "base/p.yaml") is None
    assert "to blue by flux.yaml:1 and to green by flux.yaml:" in reason_at(files, "base/p.yaml")


def test_a_foreign_repository_is_not_this_one() -> None:
    files = {
        "a/p.yaml": POLICY,
        "flux.yaml": flux("own", "./a", targetNamespace="shop"),
        "foreign.yaml": flux("foreign", "./", targetNamespace="elsewhere").replace(
            "name: flux-system", "name: podinfo"
        ),
        "repositories.yaml": git_repository("ssh://git@git.example/shop/deploy.git")
        + "---\n"
        + git_repository("https://git.example/podinfo", "podinfo"),
    }
    for remotes in ([], ["git@git.example:shop/deploy"], ["https://token@git.example/Shop/Deploy.git"]):
        assert namespace_at(files, "a/p.yaml", remotes=remotes) == "shop"
    told = [str(problem) for problem in inventory(files).problems]
    assert told == [
        "foreign.yaml:1: Kustomization foreign: applies ./ of https://git.example/podinfo, which is not this repository"
    ]


def test_sources_other_than_git_and_missing_paths_are_told() -> None:
    files = {
        "a/p.yaml": POLICY,
        "flux.yaml": flux("a", "./a") + "---\n" + flux("gone", "./gone"),
        "oci.yaml": flux("oci", "./a").replace("kind: GitRepository", "kind: Bucket"),
    }
    told = "\n".join(map(str, inventory(files, remotes=["x"]).problems))
    assert "Kustomization oci: has the source Bucket flux-system, not a Git repository" in told


def test_a_bootstrap_that_applies_itself() -> None:
    files = {
        "clusters/a/flux-system/gotk-sync.yaml": flux("flux-system", "./clusters/a"),
        "clusters/a/apps.yaml": flux("apps", "./apps", targetNamespace="shop"),
        "apps/p.yaml": POLICY,
    }
    assert namespace_at(files, "apps/p.yaml") == "shop"


def test_labels_of_common_metadata_are_for_objects_only() -> None:
    files = {
        "a/all.yaml": workload("w", {"app": "w"}) + "---\n" + service("s", {"app": "w"}),
        "flux.yaml": flux("a", "./a", targetNamespace="shop", commonMetadata={"labels": {"team": "x"}}),
    }
    made = inventory(files)
    assert [pods.labels for pods in made.all_workloads()] == [{"app": "w"}]
    assert [found.labels for found in made.services_by_labels({"team": "x"})] == [{"team": "x"}]
