"""What machine configuration and Terraform say of clusters, and which cluster takes it."""

from __future__ import annotations

import pytest

from rewriter.inventory.facts.model import Cluster, Source
from rewriter.inventory.settings.machines import read_machines
from rewriter.inventory.settings.stated import StatedNode, StatedSetting
from rewriter.inventory.settings.terraform import read_terraform
from rewriter.inventory.tree.repository import TreeInventory

PODS, SERVICES = "kubernetes_pod_cidrs", "service_cidrs"
TALOS = """\
cluster:
  clusterName: prod
  network:
    podSubnets: [10.42.0.0/16, fd42::/56]
    serviceSubnets:
      - 10.43.0.0/16
  controlPlane:
    endpoint: https://10.0.0.5:6443
"""
CILIUM = """\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: cilium, namespace: kube-system}
spec:
  chart: {spec: {chart: cilium, version: 1.18.3}}
  values: %s
"""


def told(text: str) -> list[tuple[str, object, int | None]]:
    return [
        (each.field, each.value, each.source.line)
        for each in read_machines("c.yaml", text)
        if isinstance(each, StatedSetting)
    ]


OF_MINIJINJA = """\
version: v1alpha1
machine:
  install: {image: {{ ENV.INSTALLER }}}
  ca:
    {% if ENV.CONTROLPLANE %}
    key: {{ secret("key") }}
    {% endif %}
cluster:
  clusterName: {{ ENV.NAME }}
  controlPlane:
    endpoint: https://{{ ENV.VIP }}:6443
  network:
    podSubnets:
      - 10.42.0.0/16
    serviceSubnets:
      - {{ ENV.SERVICES }}
  {% if ENV.CONTROLPLANE %}
  allowSchedulingOnControlPlanes: true
  {% endif %}
"""


def test_a_template_of_minijinja_is_read_without_its_statements() -> None:
    found = [
        (each.field, each.value, each.source.line, each.cluster)
        for each in read_machines("talos/machineconfig.yaml.j2", OF_MINIJINJA)
        if isinstance(each, StatedSetting)
    ]
    assert found == [(PODS, ("10.42.0.0/16",), 14, None)]


@pytest.mark.parametrize(
    "text",
    [
        "cluster:\n  network:\n    {% for pods in ranges %}\n    podSubnets: [10.42.0.0/16]\n"
        "    {% else %}\n    podSubnets: [10.44.0.0/16]\n    {% endfor %}\n",
        "cluster: {% if a %}\n  network: {podSubnets: [10.42.0.0/16]}\n",
    ],
    ids=["two values", "a statement in a line of the text"],
)
def test_a_template_that_says_two_things_says_nothing(text: str) -> None:
    assert not list(read_machines("talos/machineconfig.yaml.j2", text))


def test_a_template_of_another_kind_is_not_read() -> None:
    assert not list(read_machines("talos/machineconfig.yaml.tmpl", OF_MINIJINJA))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            TALOS,
            [
                (PODS, ("10.42.0.0/16", "fd42::/56"), 4),
                (SERVICES, ("10.43.0.0/16",), 6),
                ("api_server_host", "10.0.0.5", 8),
                ("api_server_port", 6443, 8),
            ],
        ),
        ("cluster:\n  network: {podSubnets: ['${PODS}']}\n", []),
        ("cluster:\n  controlPlane: {endpoint: 'https://{{ vip }}:6443'}\n", []),
        ("cluster:\n  controlPlane: {endpoint: 'https://127.0.0.1:7445'}\n", []),
        ("cluster:\n  controlPlane: {endpoint: 'https://api.example.com:443'}\n", [
            ("api_server_host", "api.example.com", 2), ("api_server_port", 6443, 2)]),
        ("cluster:\n  controlPlane: {endpoint: 'https://10.0.0.5:6443', localAPIServerPort: 7443}\n", [
            ("api_server_port", 7443, 2), ("api_server_host", "10.0.0.5", 2)]),
        ("https-listen-port: 7443\n", [("api_server_port", 7443, 1)]),
        ("args: --disable=traefik --https-listen-port=7443\n", [("api_server_port", 7443, 1)]),
        ("disable: [traefik]\nservice-cidr: 10.43.0.0/16\n", [
            ("api_server_port", 6443, 1), (SERVICES, ("10.43.0.0/16",), 2)]),
        ("apiVersion: cluster.x-k8s.io/v1beta1\nkind: Cluster\nmetadata: {name: prod}\nspec:\n"
         "  controlPlaneEndpoint: {host: 10.9.9.9, port: 443}\n", [("api_server_host", "10.9.9.9", 5)]),
        ("apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n"
         "  metadata: {name: kubeadm-config, namespace: kube-system}\n  data:\n    ClusterConfiguration: |\n"
         "      apiVersion: kubeadm.k8s.io/v1beta4\n      kind: ClusterConfiguration\n"
         "      networking: {serviceSubnet: 10.96.0.0/12}\n", [(SERVICES, ("10.96.0.0/12",), 8)]),
        ("clusterPodNets: ['10.1.0.0/16']\nclusterSvcNets: ['10.2.0.0/16']\n", [
            (PODS, ("10.1.0.0/16",), 1), (SERVICES, ("10.2.0.0/16",), 2)]),
        ("cluster-cidr: 10.42.0.0/16,fd00::/56\nservice-cidr: 10.43.0.0/16\n", [
            (PODS, ("10.42.0.0/16", "fd00::/56"), 1), (SERVICES, ("10.43.0.0/16",), 2)]),
        ("k3s_server:\n  args:\n    - --cluster-cidr=10.42.0.0/16\n", [(PODS, ("10.42.0.0/16",), 3)]),
        (
            "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"
            "controlPlaneEndpoint: api.example.com:6443\n"
            "networking: {podSubnet: 10.244.0.0/16, serviceSubnet: 10.96.0.0/12}\n",
            [
                (PODS, ("10.244.0.0/16",), 4),
                (SERVICES, ("10.96.0.0/12",), 4),
                ("api_server_host", "api.example.com", 3),
                ("api_server_port", 6443, 3),
            ],
        ),
        (
            "apiVersion: cluster.x-k8s.io/v1beta1\nkind: Cluster\nmetadata: {name: prod}\nspec:\n  clusterNetwork:\n"
            "    pods: {cidrBlocks: [10.0.0.0/14]}\n  controlPlaneEndpoint: {host: 10.9.9.9, port: 6443}\n",
            [
                (PODS, ("10.0.0.0/14",), 6),
                ("api_server_host", "10.9.9.9", 7),
                ("api_server_port", 6443, 7),
            ],
        ),
        ("apiVersion: kind.x-k8s.io/v1alpha4\nkind: Cluster\nnetworking: {podSubnet: 10.244.0.0/16}\n", []),
        ("cluster:\n  network: {podSubnets: 10.42\n", []),
    ],
)  # fmt: skip
def test_what_a_file_says(text: str, expected: list[tuple[str, object, int]]) -> None:
    assert told(text) == expected


def test_talhelper_names_the_machines() -> None:
    text = (
        "clusterName: prod\ntalosVersion: v1.11.0\nnodes:\n"
        "  - {hostname: a, ipAddress: 10.0.0.11, controlPlane: true}\n"
        "  - {hostname: b, ipAddress: '10.0.0.12,fd00::12'}\n"
    )
    assert [each for each in read_machines("t.yaml", text) if isinstance(each, StatedNode)] == [
        StatedNode("a", ("10.0.0.11",), True, Source("t.yaml", 4), "prod"),
        StatedNode("b", ("10.0.0.12", "fd00::12"), False, Source("t.yaml", 5), "prod"),
    ]


def test_terraform_literals_and_defaults() -> None:
    text = (
        'locals {\n  pod_cidr = "10.42.0.0/16" # pods\n  service_subnets = ["10.43.0.0/16"]\n'
        '  services_cidr = var.services\n  vpc_cidr = "10.0.0.0/8"\n}\n'
        'variable "cluster_cidr" {\n  default = "10.50.0.0/16"\n}\n'
    )
    assert [
        (each.field, each.value, each.source.line)
        for each in read_terraform("n.hcl", text)
        if isinstance(each, StatedSetting)
    ] == [
        (PODS, ("10.42.0.0/16",), 2),
        (SERVICES, ("10.43.0.0/16",), 3),
        (PODS, ("10.50.0.0/16",), 8),
    ]


def inventory(files: dict[str, str], clusters: tuple[Cluster, ...] = ()) -> TreeInventory:
    found = TreeInventory(clusters, local_to=lambda cluster, path: path.startswith(cluster.local_paths))
    for path, text in files.items():
        found.offer(path, text.encode())
    return found


@pytest.mark.parametrize(
    ("values", "pods", "within"),
    [
        ("{ipam: {mode: kubernetes}}", ("10.42.0.0/16", "fd42::/56"), None),
        ("{ipam: {mode: kubernetes}, ipv4NativeRoutingCIDR: 10.40.0.0/13}", ("10.42.0.0/16", "fd42::/56"),
         ("10.40.0.0/13",)),
        ("{}", None, ("10.0.0.0/8",)),
        ("{ipam: {mode: multi-pool}}", None, None),
        ("{ipam: {operator: {clusterPoolIPv4PodCIDRList: [10.60.0.0/16]}}}", ("10.60.0.0/16",), None),
    ],
)  # fmt: skip
def test_pods_are_where_ciliums_ipam_takes_them_from(
    values: str, pods: tuple[str, ...] | None, within: tuple[str, ...] | None
) -> None:
    [cluster] = inventory({"c/cilium.yaml": CILIUM % values, "talos/c.yaml": TALOS}).clusters
    assert (cluster.pod_cidrs, cluster.pods_within) == (pods, within)
    assert cluster.service_cidrs == ("10.43.0.0/16",)
    assert cluster.source_of("service_cidrs") == Source("talos/c.yaml", 6)
    assert (cluster.api_server_host, cluster.api_server_port) == ("10.0.0.5", 6443)


def test_two_files_that_disagree_tell_nothing() -> None:
    files = {"c/cilium.yaml": CILIUM % "{}", "t/a.yaml": TALOS, "t/b.yaml": TALOS.replace("10.43", "10.53")}
    tree = inventory(files)
    [cluster] = tree.clusters
    assert cluster.service_cidrs is None
    assert any("service_cidrs" in str(problem) for problem in tree.problems)


def test_of_several_clusters_each_takes_its_own() -> None:
    clusters = (Cluster("a", Source("cnpfix.toml"), ("a/",)), Cluster("b", Source("cnpfix.toml"), ("b/",)))
    files = {"b/talos.yaml": TALOS, "x/talos.yaml": TALOS.replace("10.43", "10.53"), "examples/a.yaml": TALOS}
    assert [each.service_cidrs for each in inventory(files, clusters).clusters] == [None, ("10.43.0.0/16",)]


def test_a_tree_without_cilium_is_one_cluster() -> None:
    [cluster] = inventory({"talos/c.yaml": TALOS}).clusters
    assert (cluster.name, cluster.pod_cidrs, cluster.meshed) == ("prod", None, False)
    assert cluster.service_cidrs == ("10.43.0.0/16",)


RANCHER = """\
apiVersion: provisioning.cattle.io/v1
kind: Cluster
metadata: {name: prod, namespace: fleet-default}
spec:
  rkeConfig:
    machineGlobalConfig:
      cni: cilium
      cluster-cidr: 10.44.0.0/16
      service-cidr: 10.45.0.0/16
      https-listen-port: 6444
"""


def test_a_cluster_that_rancher_makes() -> None:
    found = [each for each in read_machines("c.yaml", RANCHER) if isinstance(each, StatedSetting)]
    assert [(each.field, each.value, each.source.line) for each in found] == [
        (PODS, ("10.44.0.0/16",), 8),
        (SERVICES, ("10.45.0.0/16",), 9),
        ("api_server_port", 6444, 10),
    ]
    assert all(each.cluster == "prod" and each.by_name for each in found)


def test_a_cluster_of_rancher_without_ranges_says_nothing() -> None:
    assert told(RANCHER.replace("machineGlobalConfig", "machinePools")) == []
