"""The DNS that a distribution installs: a fact where its own configuration tells of it, and the tree brings none."""

from __future__ import annotations

import pytest

from tests.inventory.support import inventory

TALOS = "machine: {type: controlplane}\ncluster:\n  network: {podSubnets: [10.1.0.0/16]}\n"
DOCUMENTS = "apiVersion: v1alpha1\nkind: KubeNetworkConfig\npodSubnets: [10.1.0.0/16]\n"
TALCONFIG = "clusterName: home\ntalosVersion: v1.9.0\nendpoint: https://10.0.0.1:6443\n"
UPGRADE = "apiVersion: tuppr.home-operations.com/v1alpha1\nkind: TalosUpgrade\nmetadata: {name: talos}\nspec: {}\n"
KUBEADM = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nnetworking: {podSubnet: 10.1.0.0/16}\n"
KUBEADM_PHASES = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nskipPhases: [addon/coredns]\n"
PLANE = (
    "apiVersion: controlplane.cluster.x-k8s.io/v1beta1\nkind: KubeadmControlPlane\n"
    "metadata: {name: home, labels: {cluster.x-k8s.io/cluster-name: home}}\nspec: {kubeadmConfigSpec: {}}\n"
)
K3S = "cluster-cidr: 10.1.0.0/16\nflannel-backend: none\ndisable: [traefik]\n"
RELEASE = (
    "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: coredns, namespace: kube-system}\n"
    "spec: {chart: {spec: {chart: coredns, version: 1.36.1}}}\n"
)
DEPLOYMENT = (
    (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: dns, namespace: kube-system}\n"
        "spec: {template: {metadata: {labels: {k8s-app: kube-dns}}, spec: {containers: [{name: c, image: coredns}]}}}\n"
    )
    .replace("{k8s-app: kube-dns}", "\n          k8s-app: kube-dns\n      ")
    .replace("{template:", "\n  template:")
)
CILIUM = (
    "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: cilium, namespace: kube-system}\n"
    "spec: {chart: {spec: {chart: cilium, version: 1.18.3}}, values: {cluster: {name: home}}}\n"
)


def dns(files: dict[str, str]) -> list[str]:
    found = inventory(files).workloads_with({"k8s-app": "kube-dns"})
    return [str(each.source) for each in found if each.name == "coredns"]


@pytest.mark.parametrize(
    ("path", "text", "name"),
    [
        ("talos/machine.yaml", TALOS, "Talos"),
        ("talos/talconfig.yaml", TALCONFIG, "Talos"),
        ("talos/network.yaml", DOCUMENTS, "Talos"),
        ("upgrade.yaml", UPGRADE, "Talos"),
        ("kubeadm.yaml", KUBEADM, "kubeadm"),
        ("k3s/config.yaml", K3S, "k3s"),
    ],
)
def test_the_configuration_of_a_distribution_tells_of_its_dns(path: str, text: str, name: str) -> None:
    sources = dns({path: text})
    assert len(sources) == 1
    assert sources[0].startswith(f"{path}:") and f"the CoreDNS that {name} installs" in sources[0]
    assert dns({path: text, "cilium.yaml": CILIUM}), "with a cluster that has a name too"


def test_the_control_plane_of_cluster_api_is_about_the_cluster_that_it_names() -> None:
    assert dns({"plane.yaml": PLANE, "cilium.yaml": CILIUM})
    assert not dns({"plane.yaml": PLANE, "cilium.yaml": CILIUM.replace("name: home", "name: other")})


@pytest.mark.parametrize(
    "files",
    [
        {"m.yaml": TALOS + "  coreDNS:\n    disabled: true\n"},
        {"m.yaml": TALOS, "patch.yaml": "cluster:\n  coreDNS: {disabled: true}\n"},
        {"talconfig.yaml": TALCONFIG + "patches:\n  - |-\n    cluster:\n      coreDNS:\n        disabled: true\n"},
        {"m.yaml": DOCUMENTS + "---\napiVersion: v1alpha1\nkind: KubeCoreDNSConfig\nenabled: false\n"},
        {"k.yaml": KUBEADM + "dns: {disabled: true}\n"},
        {"k.yaml": KUBEADM + "---\n" + KUBEADM_PHASES},
        {"c.yaml": K3S.replace("[traefik]", "[traefik, coredns]")},
        {"c.yaml": K3S.replace("[traefik]", "traefik,coredns")},
        {"m.yaml": TALOS, "coredns.yaml": RELEASE},
        {"m.yaml": TALOS, "dns.yaml": DEPLOYMENT},
        {"docs/m.yaml": TALOS},
        {"args.yaml": "cluster-cidr: 10.1.0.0/16\n"},
        {"values.yaml": "cluster: {name: home}\n"},
    ],
)
def test_no_dns_is_told_where_it_is_off_or_the_tree_brings_it(files: dict[str, str]) -> None:
    assert not dns(files)


def test_its_service_is_a_fact_and_what_else_the_distribution_installs_hides() -> None:
    found = inventory({"talos/machine.yaml": TALOS})
    (service,) = found.services("kube-dns", "kube-system")
    assert service.selector == {"k8s-app": "kube-dns"}
    assert [(port.port, port.protocol) for port in service.ports] == [(53, "UDP"), (53, "TCP"), (9153, "TCP")]
    assert "what Talos itself installs, talos/machine.yaml:3" in found.completeness("kube-system").reasons
    assert not found.doubts(found.workloads_with({"k8s-app": "kube-dns"})[0])
