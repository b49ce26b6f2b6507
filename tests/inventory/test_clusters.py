"""Clusters of a mesh from the tree alone: Cilium's values, and which folders go to which cluster."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from rewriter.inventory.facts.model import Cluster, Source
from rewriter.inventory.tree.repository import TreeInventory
from tests.inventory.support import POLICY, application, application_set, flux, inventory, kustomization

OWN = POLICY.replace("name: p", "name: p, namespace: shop")


def values(name: str, **more: Any) -> dict[str, Any]:
    return {"cluster": {"name": name, "id": 1}, **more}


def release(values: dict[str, Any], version: str = "1.18.2", **spec: Any) -> str:
    chart = {"spec": {"chart": "cilium", "version": version, "sourceRef": {"kind": "HelmRepository", "name": "cilium"}}}
    return yaml.safe_dump(
        {
            "apiVersion": "helm.toolkit.fluxcd.io/v2",
            "kind": "HelmRelease",
            "metadata": {"name": "cilium", "namespace": "kube-system"},
            "spec": {"chart": chart, "values": values, **spec},
        }
    )


def mesh(*names: str) -> dict[str, Any]:
    return {
        "clustermesh": {"useAPIServer": True, "config": {"enabled": True, "clusters": [{"name": n} for n in names]}}
    }


MESH = {
    "clusters/a/flux-system/gotk-sync.yaml": flux("flux-system", "./clusters/a"),
    "clusters/a/apps.yaml": flux("apps", "./apps/a", targetNamespace="shop"),
    "clusters/a/cilium.yaml": release(values("alpha", **mesh("alpha", "beta"))),
    "clusters/b/flux-system/gotk-sync.yaml": flux("flux-system", "./clusters/b"),
    "clusters/b/apps.yaml": flux("apps", "./apps/b", targetNamespace="shop"),
    "clusters/b/cilium.yaml": release(values("beta", **mesh("alpha", "beta")), "1.19.0"),
    "apps/a/p.yaml": POLICY,
    "apps/b/p.yaml": POLICY,
    "apps/both/p.yaml": POLICY,
}


def cluster_at(made: TreeInventory, path: str) -> str | None:
    cluster = made.cluster_of(path)
    return cluster.name if cluster else None


def test_a_mesh_is_recognised_without_a_config() -> None:
    made = inventory(MESH)
    assert [(c.name, c.meshed, c.version) for c in made.clusters] == [
        ("alpha", True, "1.18.2"),
        ("beta", True, "1.19.0"),
    ]
    assert made.clusters[0].source == Source("clusters/a/cilium.yaml", 1)
    assert cluster_at(made, "apps/a/p.yaml") == "alpha"
    assert cluster_at(made, "apps/b/p.yaml") == "beta"
    assert cluster_at(made, "apps/both/p.yaml") is None, "nothing applies it"


def test_globs_of_the_config_win() -> None:
    local = Cluster("beta", Source("cnpfix.toml"), local_paths=("apps/a/**",))
    made = inventory(MESH, clusters=[local, Cluster("alpha", Source("cnpfix.toml"))], local={"apps/a/": "beta"})
    assert cluster_at(made, "apps/a/p.yaml") == "beta"
    assert made.clusters[0].version == "1.19.0", "the tree completes what the config leaves open"


def test_a_policy_of_two_clusters_has_no_one_cluster() -> None:
    both = {f"clusters/{name}/both.yaml": flux("both", "./apps/both", targetNamespace="shop") for name in "ab"}
    made = inventory(MESH | both)
    assert cluster_at(made, "apps/both/p.yaml") is None
    assert [c.name for c in made.clusters_of("apps/both/p.yaml")] == ["alpha", "beta"]
    assert made.namespace_of("apps/both/p.yaml", yaml.safe_load(POLICY)).namespace == "shop"


def test_members_that_are_only_named_are_clusters_too() -> None:
    made = inventory({"cilium.yaml": release(values("alpha", **mesh("alpha", "gamma")))})
    assert [(c.name, c.meshed) for c in made.clusters] == [("alpha", True), ("gamma", True)]


def test_two_clusters_without_clustermesh_are_no_mesh() -> None:
    made = inventory({"a.yaml": release(values("alpha")), "b.yaml": release(values("beta"))})
    assert [c.meshed for c in made.clusters] == [False, False]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"ipam": {"operator": {"clusterPoolIPv4PodCIDRList": ["10.1.0.0/16"]}}}, {"pod_cidrs": ("10.1.0.0/16",)}),
        ({"ipam": {"operator": {"clusterPoolIPv4PodCIDRList": "10.1.0.0/16"}}}, {"pod_cidrs": ("10.1.0.0/16",)}),
        (
            {"ipam": {"mode": "kubernetes", "operator": {"clusterPoolIPv4PodCIDRList": ["10.1.0.0/16"]}}},
            {"pod_cidrs": None},
        ),
        ({"ipv4NativeRoutingCIDR": "10.0.0.0/8"}, {"pod_cidrs": None}),
        ({"ipam": {"operator": {"clusterPoolIPv4PodCIDRList": ["${POOL}"]}}}, {"pod_cidrs": None}),
        ({"clustermesh": {"policyDefaultLocalCluster": False}}, {"default_local_cluster": False}),
        ({"policyCIDRMatchMode": ["nodes"]}, {"cidr_match_nodes": True}),
        ({"kubeProxyReplacement": "strict"}, {"kube_proxy_replacement": True}),
        ({}, {"node_selector_labels": None}),
        ({"nodeSelectorLabels": True}, {"node_selector_labels": True}),
        ({"nodeSelectorLabels": False}, {"node_selector_labels": False}),
        ({"extraConfig": {"enable-node-selector-labels": "true"}}, {"node_selector_labels": True}),
        ({"policyCIDRMatchMode": "nodes"}, {"cidr_match_nodes": True}),
        ({"policyCIDRMatchMode": ""}, {"cidr_match_nodes": False}),
        ({"clustermesh": {"config": {"clusters": {"beta": {"port": 1}}}}}, {"meshed": True}),
    ],
)
def test_settings(more: dict[str, Any], expected: dict[str, Any]) -> None:
    cluster = inventory({"cilium.yaml": release(values("alpha", **more))}).clusters[0]
    assert {key: getattr(cluster, key) for key in expected} == expected


def test_a_name_is_default_only_where_all_values_are_read() -> None:
    assert [c.name for c in inventory({"cilium.yaml": release({})}).clusters] == ["default"]
    unread = release({}, valuesFrom=[{"kind": "Secret", "name": "values"}])
    assert inventory({"cilium.yaml": unread}).clusters == ()


def test_values_of_a_generated_config_map() -> None:
    made = inventory(
        {
            "a/cilium.yaml": release({}, valuesFrom=[{"kind": "ConfigMap", "name": "v", "valuesKey": "alpha.yaml"}]),
            "a/kustomization.yaml": kustomization(
                resources=["cilium.yaml"], configMapGenerator=[{"name": "v", "files": ["alpha.yaml=values/alpha.yaml"]}]
            ),
            "a/values/alpha.yaml": yaml.safe_dump(values("alpha")),
        }
    )
    assert [c.name for c in made.clusters] == ["alpha"]


@pytest.mark.parametrize(
    ("reference", "generators", "name"),
    [
        pytest.param({"targetPath": "cluster.name"}, [{"literals": ["key=alpha"]}], "alpha", id="literal"),
        pytest.param({"targetPath": "cluster.name"}, [{"envs": ["v.env"]}], None, id="env-file"),
        pytest.param(
            {"targetPath": "cluster.name"},
            [{"literals": ["key=alpha"]}, {"envs": ["v.env"], "behavior": "merge"}],
            None,
            id="env-file-over-a-literal",
        ),
        pytest.param({}, [{"literals": ["key=cluster: {name: alpha}"]}], "alpha", id="values-in-a-literal"),
        pytest.param({}, [{"literals": ["key=cluster: {name: alpha}"], "envs": ["v.env"]}], "alpha", id="of-one-line"),
        pytest.param({}, [{"files": ["key=values.properties"]}], None, id="file-not-at-hand"),
        pytest.param(
            {},
            [{"literals": ["key=cluster: {name: alpha}"]}, {"files": ["key=values.properties"]}],
            None,
            id="one-file-not-at-hand",
        ),
    ],
)
def test_values_of_a_config_map_some_of_which_is_not_at_hand(
    reference: dict[str, Any], generators: list[dict[str, Any]], name: str | None
) -> None:
    files = {
        "a/cilium.yaml": release({}, valuesFrom=[{"kind": "ConfigMap", "name": "v", "valuesKey": "key"} | reference])
    }
    for index, generator in enumerate(generators):
        files[f"a/{index}/kustomization.yaml"] = kustomization(configMapGenerator=[{"name": "v"} | generator])
    assert [c.name for c in inventory(files).clusters] == ([] if name is None else [name])


def test_one_release_substituted_for_two_clusters() -> None:
    files = {"base/cilium.yaml": release(values("${NAME}")), "base/p.yaml": OWN}
    for name in ("alpha", "beta"):
        files[f"clusters/{name}.yaml"] = flux("base", "./base", postBuild={"substitute": {"NAME": name}})
        files[f"{name}/p.yaml"] = OWN
        files[f"clusters/{name}.yaml"] += "---\n" + flux("own", f"./{name}")
    made = inventory(files)
    assert [c.name for c in made.clusters] == ["alpha", "beta"]
    assert cluster_at(made, "alpha/p.yaml") == "alpha"
    assert cluster_at(made, "base/p.yaml") is None


def test_overlays_that_patch_the_release() -> None:
    files = {
        "base/cilium.yaml": release(values("base")),
        "base/kustomization.yaml": kustomization(resources=["cilium.yaml"]),
    }
    for name in ("alpha", "beta"):
        patch = {"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": {"name": "cilium"}}
        patch["spec"] = {"values": {"cluster": {"name": name}}}
        files[f"{name}/kustomization.yaml"] = kustomization(
            resources=["../base", "p.yaml"], patches=[{"patch": yaml.safe_dump(patch)}]
        )
        files[f"{name}/p.yaml"] = OWN
    made = inventory(files)
    assert [c.name for c in made.clusters] == ["alpha", "beta"]
    assert cluster_at(made, "alpha/p.yaml") == "alpha"


def test_argo_cd_destinations_are_the_clusters_whose_cilium_goes_there() -> None:
    def cilium(name: str, server: str) -> str:
        helm = {"valuesObject": values(name), "parameters": [{"name": "cluster.id", "value": "2"}]}
        made = yaml.safe_load(application(f"cilium-{name}", "x", "kube-system", destination={"server": server}))
        made["spec"]["source"] = {"repoURL": "https://helm.cilium.io", "chart": "cilium", "helm": helm}
        made["spec"]["source"]["targetRevision"] = "1.18.0"
        return yaml.safe_dump(made)

    files = {"apps/p.yaml": OWN, "other/p.yaml": OWN}
    for name in ("alpha", "beta"):
        files[f"argo/{name}.yaml"] = cilium(name, f"https://{name}.example")
    files["argo/app.yaml"] = application("app", "apps", "shop", destination={"server": "https://beta.example"})
    files["argo/set.yaml"] = application_set(
        [{"list": {"elements": [{"at": "alpha"}]}}], "other", {"server": "https://{{at}}.example"}
    )
    made = inventory(files)
    assert [(c.name, c.version) for c in made.clusters] == [("alpha", "1.18.0"), ("beta", "1.18.0")]
    assert cluster_at(made, "apps/p.yaml") == "beta"
    assert cluster_at(made, "other/p.yaml") == "alpha"


def test_an_umbrella_chart_of_argo_cd() -> None:
    files = {
        "cilium/Chart.yaml": "name: x\ndependencies:\n- {name: cilium, version: 1.18.4, repository: https://helm.cilium.io}\n",
        "cilium/values.yaml": yaml.safe_dump({"cilium": {"cluster": {"id": 1}}}),
        "cilium/alpha.yaml": yaml.safe_dump({"cilium": {"cluster": {"name": "alpha"}}}),
        "argo.yaml": application("cilium", "cilium", "kube-system", helm={"valueFiles": ["alpha.yaml"]}),
    }
    assert [(c.name, c.version) for c in inventory(files).clusters] == [("alpha", "1.18.4")]


def test_a_kustomize_chart_and_a_loose_values_file() -> None:
    chart = {"name": "cilium", "version": "1.18.1", "valuesFile": "values.yaml", "valuesInline": {"cluster": {"id": 3}}}
    files = {
        "a/kustomization.yaml": kustomization(helmCharts=[chart]),
        "a/values.yaml": yaml.safe_dump(values("alpha")),
        "b/cilium-values.yaml": yaml.safe_dump(values("beta")),
    }
    assert [(c.name, c.version) for c in inventory(files).clusters] == [("alpha", "1.18.1"), ("beta", None)]


def test_the_config_map_of_the_agents() -> None:
    data = {
        "cluster-name": "alpha",
        "policy-default-local-cluster": "true",
        "policy-cidr-match-mode": "nodes",
        "enable-node-selector-labels": "false",
    }
    text = yaml.safe_dump(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cilium-config"}, "data": data}
    )
    (cluster,) = inventory({"cm.yaml": text}).clusters
    assert (cluster.name, cluster.default_local_cluster, cluster.cidr_match_nodes) == ("alpha", True, True)
    assert cluster.node_selector_labels is False


def test_what_two_installations_of_a_cluster_contradict_is_not_known() -> None:
    made = inventory({"a.yaml": release(values("alpha"), "1.18.0"), "b.yaml": release(values("alpha"), "1.17.0")})
    assert made.clusters[0].version is None
    assert [str(problem) for problem in made.problems] == [
        "a.yaml:1: the version of cluster alpha is stated twice: 1.18.0, a.yaml:1 and 1.17.0, b.yaml:1"
    ]


def test_globs_for_a_config() -> None:
    both = {f"clusters/{name}/both.yaml": flux("both", "./apps/both", targetNamespace="shop") for name in "ab"}
    assert inventory(MESH | both).local_globs(".") == {
        "alpha": ["apps/a/**", "clusters/a/**"],
        "beta": ["apps/b/**", "clusters/b/**"],
    }
