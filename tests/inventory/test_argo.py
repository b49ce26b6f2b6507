"""Argo CD: Applications and ApplicationSets, with their destinations."""

from __future__ import annotations

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
        "set.yaml": application_set([{"clusters": {}}, {"matrix": {"generators": []}}], "apps", {"name": "{{name}}"}),
    }
    told = [str(problem) for problem in inventory(files).problems]
    assert namespace_at(files, "apps/p.yaml") is None
    assert told == [
        "set.yaml:1: ApplicationSet set: what its clusters generator makes",
        "set.yaml:1: ApplicationSet set: what its matrix generator makes",
    ]
