"""Kustomizations: what a base, an overlay and a component make of a manifest, and what is told when they cannot."""

from __future__ import annotations

import pytest

from rewriter.inventory.delivery.patches import parse_patch, patched
from rewriter.inventory.facts.model import Source
from tests.inventory.support import (
    POLICY,
    inventory,
    kustomization,
    namespace_at,
    reason_at,
    service,
    workload,
)

OWN = POLICY.replace("name: p", "name: p, namespace: own")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({"p.yaml": POLICY}, None, id="unknown"),
        pytest.param({"p.yaml": OWN}, "own", id="its own"),
        pytest.param(
            {"p.yaml": OWN, "kustomization.yaml": kustomization(namespace="shop")}, "own", id="in no kustomization"
        ),
        pytest.param(
            {"p.yaml": OWN, "kustomization.yaml": kustomization(namespace="shop", resources=["./p.yaml"])},
            "shop",
            id="a kustomization overrides",
        ),
        pytest.param(
            {"a/p.yaml": OWN, "a/Kustomization": "namespace: shop\nresources: [p.yaml]\n"},
            "shop",
            id="a kustomization without apiVersion and kind",
        ),
        pytest.param(
            {
                "base/p.yaml": POLICY,
                "base/kustomization.yml": kustomization(namespace="base", resources=["p.yaml"]),
                "overlay/kustomization.yaml": kustomization(namespace="live", bases=["../base"]),
            },
            "live",
            id="the outermost wins",
        ),
        pytest.param(
            {
                "base/p.yaml": POLICY,
                "base/kustomization.yaml": kustomization(namespace="base", resources=["p.yaml"]),
                "overlay/kustomization.yaml": kustomization(resources=["../base"]),
            },
            "base",
            id="an overlay without namespace keeps it",
        ),
        pytest.param(
            {
                "base/p.yaml": POLICY,
                "base/kustomization.yaml": kustomization(resources=["p.yaml"]),
                "component/kustomization.yaml": kustomization(kind="Component", namespace="set"),
                "overlay/kustomization.yaml": kustomization(resources=["../base"], components=["../component"]),
            },
            "set",
            id="a component sets it for its siblings",
        ),
        pytest.param(
            {
                "a/p.yaml": POLICY,
                "a/kustomization.yaml": kustomization(
                    resources=["p.yaml"],
                    patches=[
                        {
                            "target": {"kind": "Cilium.*Policy"},
                            "patch": "- {op: add, path: /metadata/namespace, value: patched}",
                        }
                    ],
                ),
            },
            "patched",
            id="a patch sets it",
        ),
        pytest.param(
            {
                "a/p.yaml": POLICY,
                "a/kustomization.yaml": kustomization(
                    resources=["p.yaml", "missing.yaml", "https://git.example/x?ref=1"]
                )
                + "namespace: shop\n",
            },
            "shop",
            id="what is missing or remote does not disturb the rest",
        ),
    ],
)
def test_the_namespace_of_a_policy(files: dict[str, str], expected: str | None) -> None:
    path = next(path for path in files if path.endswith("p.yaml"))
    assert namespace_at(files, path) == expected


def test_two_overlays_are_told_with_both_sources() -> None:
    files = {
        "base/p.yaml": POLICY,
        "base/kustomization.yaml": kustomization(resources=["p.yaml"]),
        "blue/kustomization.yaml": kustomization(namespace="blue", resources=["../base"]),
        "green/kustomization.yaml": kustomization(namespace="green", resources=["../base"]),
    }
    assert namespace_at(files, "base/p.yaml") is None
    assert reason_at(files, "base/p.yaml") == (
        "it is applied to blue by blue/kustomization.yaml:1 and to green by green/kustomization.yaml:1"
    )


def test_two_overlays_of_one_namespace_agree() -> None:
    files = {
        "base/p.yaml": POLICY,
        "base/kustomization.yaml": kustomization(resources=["p.yaml"]),
        "blue/kustomization.yaml": kustomization(namespace="shop", resources=["../base"]),
        "green/kustomization.yaml": kustomization(namespace="shop", resources=["../base"], namePrefix="green-"),
    }
    assert namespace_at(files, "base/p.yaml") == "shop"


def test_a_file_that_its_folder_does_not_list_says_so() -> None:
    files = {"a/p.yaml": POLICY, "a/kustomization.yaml": kustomization(namespace="shop", resources=[])}
    assert "a/kustomization.yaml:1 does not list it" in reason_at(files, "a/p.yaml")


def test_workloads_and_services_as_they_are_applied() -> None:
    files = {
        "base/all.yaml": workload("web", {"app": "web"}) + "---\n" + service("web", {"app": "web"}),
        "base/kustomization.yaml": kustomization(resources=["all.yaml"], commonLabels={"team": "retail"}),
        "live/kustomization.yaml": kustomization(
            namespace="shop",
            namePrefix="live-",
            nameSuffix="-v2",
            resources=["../base"],
            labels=[
                {"pairs": {"color": "red"}},
                {"pairs": {"zone": "a"}, "includeTemplates": True},
                {"pairs": {"part": "b"}, "includeSelectors": True},
            ],
        ),
    }
    made = inventory(files)
    (pods,) = made.workloads_with({"team": "retail", "part": "b"})
    assert (pods.namespace, pods.name) == ("shop", "live-web-v2")
    assert pods.labels == {"app": "web", "team": "retail", "zone": "a", "part": "b"}
    assert pods.source == Source("base/all.yaml", 1)
    (found,) = made.services("live-web-v2", "shop")
    assert found.selector == {"app": "web", "team": "retail", "part": "b"}
    assert found.labels == {"team": "retail", "color": "red", "zone": "a", "part": "b"}
    assert made.services("web") == []


def test_a_base_of_two_overlays_is_two_services() -> None:
    files = {
        "base/s.yaml": service("db", {"app": "db"}),
        "base/kustomization.yaml": kustomization(resources=["s.yaml"]),
        "blue/kustomization.yaml": kustomization(namespace="blue", resources=["../base"]),
        "green/kustomization.yaml": kustomization(namespace="green", resources=["../base"]),
    }
    assert [found.namespace for found in inventory(files).services("db")] == ["blue", "green"]


def test_a_patch_file_is_no_manifest_of_its_own() -> None:
    files = {
        "a/s.yaml": service("db", {"app": "db"}, 80, "shop"),
        "a/patch.yaml": service("db", {"app": "other"}, 81, "shop"),
        "a/kustomization.yaml": kustomization(resources=["s.yaml"], patches=[{"path": "patch.yaml"}]),
    }
    (found,) = inventory(files).services("db")
    assert found.selector == {"app": "other"}
    assert [port.port for port in found.ports] == [80, 81], "ports are merged by their number"


def test_a_namespace_object_takes_the_name_of_the_namespace() -> None:
    files = {
        "a/ns.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: written, labels: {team: x}}\n",
        "a/kustomization.yaml": kustomization(namespace="shop", resources=["ns.yaml"]),
    }
    assert [found.name for found in inventory(files).namespaces()] == ["shop"]


def test_cycles_missing_paths_and_remote_bases_are_told() -> None:
    files = {
        "a/kustomization.yaml": kustomization(resources=["../b", "gone.yaml", "https://git.example/base?ref=v1"]),
        "b/kustomization.yaml": kustomization(resources=["../a", "p.yaml"], namespace="shop"),
        "b/p.yaml": POLICY,
    }
    made = inventory(files)
    assert namespace_at(files, "b/p.yaml") == "shop"
    told = "\n".join(map(str, made.problems))
    assert "the kustomization lists itself" in told
    assert "a/kustomization.yaml:1: lists a/gone.yaml, which is not there" in told
    assert "https://git.example/base?ref=v1 is remote and not read" in told


def test_broken_kustomizations_are_told() -> None:
    files = {"a/p.yaml": POLICY, "a/kustomization.yaml": "resources: [p.yaml\n"}
    made = inventory(files)
    assert made.namespace_of("a/p.yaml", {}).namespace is None
    assert [source.path for source in made.unreadable] == ["a/kustomization.yaml"]


def test_a_workload_of_unknown_namespace_is_no_fact() -> None:
    made = inventory({"w.yaml": workload("web", {"app": "web"})})
    assert made.workloads_with({"app": "web"}) == []


def test_what_one_operation_adds_and_the_next_changes_is_new_for_each_manifest() -> None:
    text = "[{op: add, path: /a, value: []}, {op: add, path: /a/-, value: 1}]"
    for _ in range(2):
        (patch,) = parse_patch(text, {}, Source("kustomization.yaml", 1))
        assert patched({}, patch) == patched({}, patch) == {"a": [1]}
