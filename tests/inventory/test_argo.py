"""Argo CD: Applications and ApplicationSets, with their destinations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import yaml

from tests.inventory.support import (
    POLICY,
    application,
    application_set,
    inventory,
    kustomization,
    namespace_at,
)

URL = "https://git.example/shop/deploy"
OWN = POLICY.replace("name: p", "name: p, namespace: own")


def test_the_destination_is_for_manifests_without_namespace() -> None:
    files = {"shop/p.yaml": POLICY, "shop/own.yaml": OWN, "apps.yaml": application("shop", "shop", "shop")}
    assert namespace_at(files, "shop/p.yaml") == "shop"
    assert namespace_at(files, "shop/own.yaml") == "own"


def test_kustomize_of_an_application_overrides() -> None:
    files = {
        "shop/own.yaml": OWN,
        "shop/kustomization.yaml": kustomization(resources=["own.yaml"]),
        "apps.yaml": application("shop", "shop", "elsewhere", kustomize={"namespace": "forced"}),
    }
    assert namespace_at(files, "shop/own.yaml") == "forced"


def test_folders_below_only_with_recurse() -> None:
    files = {"shop/deep/p.yaml": POLICY, "apps.yaml": application("shop", "shop", "shop")}
    assert namespace_at(files, "shop/deep/p.yaml") is None
    files["apps.yaml"] = application("shop", "shop", "shop", directory={"recurse": True})
    assert namespace_at(files, "shop/deep/p.yaml") == "shop"


def test_an_application_of_applications() -> None:
    files = {
        "root.yaml": application("root", "apps", "argocd"),
        "apps/shop.yaml": application("shop", "shop", "shop"),
        "shop/p.yaml": POLICY,
    }
    assert namespace_at(files, "shop/p.yaml") == "shop"


def test_a_list_generator() -> None:
    files = {
        "shop/p.yaml": POLICY,
        "set.yaml": application_set(
            [{"list": {"elements": [{"app": "shop", "space": "retail"}]}}],
            "{{app}}",
            {"server": "https://kubernetes.default.svc", "namespace": "{{space}}"},
        ),
    }
    assert namespace_at(files, "shop/p.yaml") == "retail"


def test_a_git_generator_of_folders() -> None:
    directories = [{"path": "apps/*"}, {"path": "apps/skipped", "exclude": True}]
    for path, name in (("{{path}}", "{{path.basename}}"), ("{{.path.path}}", "{{ .path.basename }}")):
        files = {
            "apps/shop/p.yaml": POLICY,
            "apps/skipped/p.yaml": POLICY,
            "set.yaml": application_set(
                [{"git": {"repoURL": URL, "directories": directories}}], path, {"name": "in-cluster", "namespace": name}
            ),
        }
        assert namespace_at(files, "apps/shop/p.yaml") == "shop"
        assert namespace_at(files, "apps/skipped/p.yaml") is None


def test_a_git_generator_of_files() -> None:
    files = {
        "clusters/a/config.json": '{"cluster": {"name": "alpha"}, "space": "retail"}',
        "apps/p.yaml": POLICY,
        "set.yaml": application_set(
            [{"git": {"repoURL": URL, "files": [{"path": "clusters/**/config.json"}]}}],
            "apps",
            {"name": "{{cluster.name}}", "namespace": "{{space}}"},
        ),
    }
    assert namespace_at(files, "apps/p.yaml") == "retail"


def test_other_generators_are_told() -> None:
    files = {
        "apps/p.yaml": POLICY,
        "set.yaml": application_set(
            [{"scmProvider": {}}, {"matrix": {"generators": []}}], "apps", {"name": "{{name}}"}
        ),
    }
    told = [str(problem) for problem in inventory(files).problems]
    assert namespace_at(files, "apps/p.yaml") is None
    assert told == [
        "set.yaml:1: ApplicationSet set: what its scmProvider generator makes",
        "set.yaml:1: ApplicationSet set: what its matrix generator makes",
    ]


FOLDERS = {"git": {"repoURL": URL, "directories": [{"path": "apps/*"}]}}
SPACES = {"list": {"elements": [{"space": "retail"}, {"space": "trade"}]}}


def test_a_matrix_is_each_pair_and_the_second_uses_the_first() -> None:
    destination = {"name": "in-cluster", "namespace": "{{.path.basename}}-{{.space}}"}
    one = {"list": {"elements": [{"space": "retail"}]}}
    files = {
        "apps/shop/p.yaml": POLICY,
        "set.yaml": application_set([{"matrix": {"generators": [FOLDERS, one]}}], "{{.path.path}}", destination),
    }
    assert namespace_at(files, "apps/shop/p.yaml") == "shop-retail"
    files["set.yaml"] = application_set([{"matrix": {"generators": [FOLDERS, SPACES]}}], "{{.path.path}}", destination)
    assert namespace_at(files, "apps/shop/p.yaml") is None, "two namespaces"
    inner = {"git": {"repoURL": URL, "files": [{"path": "config/{{.env}}/*.json"}]}}
    first = {"list": {"elements": [{"env": "live"}]}}
    files = {
        "apps/p.yaml": POLICY,
        "config/live/a.json": '{"space": "retail"}',
        "config/test/b.json": '{"space": "test"}',
        "set.yaml": application_set(
            [{"matrix": {"generators": [first, inner]}}], "apps", {"name": "in-cluster", "namespace": "{{.space}}"}
        ),
    }
    assert namespace_at(files, "apps/p.yaml") == "retail"


def merged(*others: dict[str, Any], keys: Sequence[str] = ("path.basename",)) -> str:
    generators = [FOLDERS, *({"list": {"elements": [each]}} for each in others)]
    made = [{"merge": {"mergeKeys": list(keys), "generators": generators}}]
    return application_set(made, "{{.path.path}}", {"name": "in-cluster", "namespace": "{{.space}}"})


@pytest.mark.parametrize("keys", [5, True, "a", {"a": 1}, [5], [["a"]]])
def test_keys_of_a_merge_of_another_type_are_not_followed(keys: Any) -> None:
    made = [{"merge": {"mergeKeys": keys, "generators": [FOLDERS, {"list": {"elements": [{"a": [1]}]}}]}}]
    files = {"apps/shop/p.yaml": POLICY, "set.yaml": application_set(made, "{{.path.path}}", {"namespace": "{{.a}}"})}
    assert namespace_at(files, "apps/shop/p.yaml") is None


@pytest.mark.parametrize("value", [[1], {"a": 1}, True, None])
def test_elements_whose_key_is_no_text_are_not_merged(value: Any) -> None:
    files = {"apps/shop/p.yaml": POLICY, "set.yaml": merged({"path.basename": value, "space": "x"})}
    assert namespace_at(files, "apps/shop/p.yaml") is None


def test_a_merge_lays_the_elements_that_agree_over_those_of_the_first() -> None:
    files = {"apps/shop/p.yaml": POLICY, "apps/bank/q.yaml": POLICY}
    shop, bank = ({"path.basename": name, "space": f"{name}-live"} for name in ("shop", "bank"))
    files["set.yaml"] = merged(shop, bank)
    assert namespace_at(files, "apps/shop/p.yaml") == "shop-live"
    assert namespace_at(files, "apps/bank/q.yaml") == "bank-live"
    files["set.yaml"] = merged(shop, {"path.basename": "gone", "space": "x"}, {**shop, "space": "later"})
    assert namespace_at(files, "apps/shop/p.yaml") == "later"
    assert namespace_at(files, "apps/bank/q.yaml") is None, "no element gives its namespace"
    files["set.yaml"] = merged(shop, {"space": "x"})
    assert namespace_at(files, "apps/shop/p.yaml") is None, "an element without the key"
    files["set.yaml"] = merged(shop, keys=())
    assert any("merge generator" in str(problem) for problem in inventory(files).problems)


SECRET = (
    "apiVersion: v1\nkind: Secret\nmetadata: {name: c, labels: "
    "{argocd.argoproj.io/secret-type: cluster, env: live, space: retail}}\n"
    "stringData: {name: west, server: https://west.example.com}\n"
)


def test_clusters_are_those_that_the_tree_registers_and_others_are_told() -> None:
    live = {"clusters": {"selector": {"matchLabels": {"env": "live"}}}}
    destination = {"server": "{{.server}}", "namespace": "{{.metadata.labels.space}}"}
    files = {"apps/p.yaml": POLICY, "west.yaml": SECRET, "set.yaml": application_set([live], "apps", destination)}
    assert namespace_at(files, "apps/p.yaml") == "retail"
    assert [str(each) for each in inventory(files).problems] == [
        "set.yaml:1: ApplicationSet set: what it makes for clusters that are not registered in the tree"
    ]
    files["west.yaml"] = SECRET.replace("env: live", "env: test")
    assert namespace_at(files, "apps/p.yaml") is None
    files["set.yaml"] = application_set([{"clusters": {}}], "apps", {"name": "{{name}}", "namespace": "shop"})
    assert namespace_at({k: v for k, v in files.items() if k != "west.yaml"}, "apps/p.yaml") == "shop"


def test_a_selector_of_labels_chooses_elements() -> None:
    chosen = {**SPACES, "selector": {"matchLabels": {"space": "trade"}}}
    files = {
        "apps/p.yaml": POLICY,
        "set.yaml": application_set([chosen], "apps", {"name": "in-cluster", "namespace": "{{space}}"}),
    }
    assert namespace_at(files, "apps/p.yaml") == "trade"


def test_a_template_patch_of_plain_text_is_laid_over_each_application() -> None:
    text = application_set([SPACES], "apps/{{.space}}", {"name": "in-cluster", "namespace": "none"})
    plain = "  templatePatch: |\n    spec:\n      destination:\n        namespace: {{ .space }}\n"
    files = {"apps/trade/p.yaml": POLICY, "apps/retail/q.yaml": POLICY, "set.yaml": text + plain}
    assert namespace_at(files, "apps/trade/p.yaml") == "trade"
    assert not inventory(files).problems
    branch = plain.replace("{{ .space }}", "'{{ if .space }}a{{ end }}'")
    files["set.yaml"] = text + branch
    assert any("its templatePatch is not read" in str(each) for each in inventory(files).problems)


def _values_of_sources(reference: str) -> str:
    values = "image: {repository: registry.example.com/a}\n"
    sources: list[dict[str, Any]] = [
        {"repoURL": "https://charts.example.com", "chart": "app-template", "targetRevision": "3.7.3"},
        {"repoURL": reference, "targetRevision": "main", "ref": "values"},
        {"repoURL": URL, "path": "shop"},
    ]
    sources[0]["helm"] = {"valueFiles": ["$values/values/web.yaml"]}
    made = yaml.safe_load(application("web", "shop", "shop"))
    del made["spec"]["source"]
    made["spec"]["sources"] = sources
    files = {"apps.yaml": yaml.safe_dump(made), "shop/p.yaml": POLICY, "values/web.yaml": values}
    (release,) = [each.release for each in inventory(files).releases]
    return release.unread


def test_values_of_another_source_are_read_if_it_is_this_repository() -> None:
    assert _values_of_sources(URL) == ""
    assert _values_of_sources(URL + ".git") == ""
    assert _values_of_sources("https://git.example/other/values") == "$values/values/web.yaml"
