"""The facts of a namespace, and what hides, without a look at every workload: the same as with one, and sooner."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from rewriter.inventory.facts.model import Cluster, Source
from rewriter.inventory.tree.repository import TreeInventory
from tests.inventory.support import inventory, kustomization

POD = "spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: web}]}}}\n"
ARGO = """apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: web, namespace: argocd}
spec:
  source: {repoURL: https://git.example/shop, path: web}
  destination: {server: https://one.example, namespace: shop}
"""
FLUX = """apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: web, namespace: flux-system}
spec:
  path: ./web
  sourceRef: {kind: GitRepository, name: flux-system}
  targetNamespace: shop
  postBuild: {substitute: {PLACE: shop}}
"""
PATCH = "[{op: replace, path: /metadata/namespace, value: shop}]"
CONFIG = Source("cnpfix.toml", 1)
NAMESPACES = ("shop", "other", "shop-2", "absent")


def deployment(namespace: str, name: str = "web") -> str:
    place = f", namespace: {namespace}" if namespace else ""
    return f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}{place}}}\n{POD}"


def service(namespace: str) -> str:
    place = f", namespace: {namespace}" if namespace else ""
    return f"apiVersion: v1\nkind: Service\nmetadata: {{name: web{place}}}\nspec: {{selector: {{app: web}}}}\n"


TREES: Mapping[str, Mapping[str, str]] = {
    "as written": {"a.yaml": deployment("shop"), "b.yaml": deployment("other"), "c.yaml": service("shop")},
    "a longer name": {"a.yaml": deployment("shop-2"), "b.yaml": service("shop-2")},
    "quoted": {"a.yaml": deployment('"shop"'), "b.yaml": service("'shop'")},
    "two in a file": {"a.yaml": deployment("other") + "---\n" + deployment("shop", "api")},
    "a List": {
        "a.yaml": "{kind: List, items: [{apiVersion: v1, kind: Service, metadata: {name: a, namespace: shop}}]}"
    },
    "a kustomization": {
        "web/a.yaml": deployment("other"),
        "web/b.yaml": service(""),
        "web/kustomization.yaml": kustomization(namespace="shop", resources=["a.yaml", "b.yaml"]),
    },
    "a patch": {
        "web/a.yaml": deployment("other"),
        "web/kustomization.yaml": kustomization(
            resources=["a.yaml"], patches=[{"target": {"kind": "Deployment"}, "patch": PATCH}]
        ),
    },
    "a destination": {"app.yaml": ARGO, "web/a.yaml": deployment(""), "web/b.yaml": service("other")},
    "a target": {"web.yaml": FLUX, "web/a.yaml": deployment("other"), "web/b.yaml": service("")},
    "a variable": {
        "web.yaml": FLUX.replace("  targetNamespace: shop\n", ""),
        "web/a.yaml": deployment('"${PLACE}"'),
        "web/b.yaml": service('"${PLACE}-2"'),
    },
    "a target with a variable": {
        "web.yaml": FLUX,
        "web/a.yaml": deployment("other"),
        "web/kustomization.yaml": kustomization(namespace="${PLACE}", resources=["a.yaml"]),
    },
    "no namespace": {"a.yaml": deployment(""), "b.yaml": service("")},
}


def made(files: Mapping[str, str]) -> TreeInventory:
    return inventory(files, remotes=["https://git.example/shop"])


@pytest.mark.parametrize("files", TREES.values(), ids=TREES)
@pytest.mark.parametrize("namespaces", [*((each,) for each in NAMESPACES), NAMESPACES], ids=" ".join)
def test_facts_of_namespaces_are_those_of_all(files: Mapping[str, str], namespaces: tuple[str, ...]) -> None:
    every = made(files)
    workloads = [each for each in every.all_workloads() if each.namespace in namespaces]
    services = [each for each in every.all_services() if each.namespace in namespaces]
    for asked in (made(files), every):
        assert asked.workloads_in(namespaces) == workloads
        assert asked.services_in(namespaces) == services


def test_the_trees_put_something_into_the_namespace() -> None:
    empty = {name for name, files in TREES.items() if not (made(files).workloads_in(["shop"]))}
    assert empty == {"a longer name", "a List", "no namespace"}


def test_files_of_other_namespaces_are_not_read() -> None:
    found = inventory({"a.yaml": deployment("shop"), "b.yaml": deployment("other") + "\t: broken\n"})
    assert [str(each) for each in found.workloads_in(["shop"])] == ["Deployment shop/web"]
    assert not found.unreadable
    assert len(found.all_workloads()) == 1
    assert [each.path for each in found.unreadable] == ["b.yaml"]


@pytest.mark.parametrize("files", TREES.values(), ids=TREES)
@pytest.mark.parametrize("cluster", [None, "one", "two"])
@pytest.mark.parametrize("namespace", [None, "shop", "kube-system"])
def test_what_hides_at_first_sight_hides(files: Mapping[str, str], cluster: str | None, namespace: str | None) -> None:
    clusters = [Cluster("one", CONFIG), Cluster("two", CONFIG)] if cluster else []
    found = inventory(files, clusters=clusters, remotes=["https://git.example/shop"])
    soon = found.completeness(namespace, cluster, soon=True).hidden
    assert set(soon) <= set(found.completeness(namespace, cluster).hidden)


def test_a_cluster_that_no_file_is_applied_to_is_seen_before_a_workload_is_read() -> None:
    clusters = [Cluster("one", CONFIG, ("one/",)), Cluster("two", CONFIG)]
    files = {"one/a.yaml": deployment("shop"), "two/b.yaml": "\tbroken: kind: Deployment\n"}
    found = inventory(files, clusters=clusters, local={"one/": "one"})
    assert found.completeness("shop", "one", soon=True).complete
    assert found.completeness("shop", "two", soon=True).reasons == ("cluster two (none of its workloads is known)",)
    assert not found.unreadable
