"""Where people write the ranges of a cluster: each form tells the same, and what looks like one tells nothing."""

from __future__ import annotations

import pytest

from tests.inventory.support import inventory

CILIUM = (
    "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: cilium, namespace: kube-system}\n"
    "spec: {chart: {spec: {chart: cilium, version: 1.18.3}}, values: {ipam: {mode: kubernetes}}}\n"
)
PODS, SERVICES = "10.42.0.0/16", "10.43.0.0/16"
KUBEADM = (
    "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n"
    f"networking: {{podSubnet: {PODS}, serviceSubnet: {SERVICES}}}\n"
)
FORMS = {
    "talos": ("m.yaml", f"cluster:\n  network:\n    podSubnets: [{PODS}]\n    serviceSubnets: [{SERVICES}]\n"),
    "talos, quoted keys": ("m.yaml", f'{{"cluster": {{"network": {{"podSubnets": ["{PODS}"], '
        f'"serviceSubnets": ["{SERVICES}"]}}}}}}'),
    "talos, several documents": ("m.yaml", "apiVersion: v1alpha1\nkind: HostnameConfig\nhostname: a\n---\n"
        f"cluster:\n  network:\n    podSubnets:\n      - {PODS}\n    serviceSubnets:\n      - {SERVICES}\n"),
    "talos, JSON patch": ("p.yaml", f"- {{op: add, path: /cluster/network/podSubnets, value: [{PODS}]}}\n"
        f"- {{op: replace, path: /cluster/network/serviceSubnets, value: [{SERVICES}]}}\n"),
    "talhelper": ("talconfig.yaml", "clusterName: default\n"
        f"clusterPodNets: [{PODS}]\nclusterSvcNets: [{SERVICES}]\n"),
    "talhelper, a patch that is a text": ("talconfig.yaml", "talosVersion: v1.9.0\npatches:\n  - |-\n"
        f"    cluster:\n      network:\n        podSubnets: [{PODS}]\n        serviceSubnets: [{SERVICES}]\n"),
    "talhelper, of the control plane": ("talconfig.yaml", "talosVersion: v1.9.0\n"
        "controlPlane:\n  patches:\n    - |-\n"
        f"      - op: add\n        path: /cluster/network/podSubnets\n        value: [{PODS}]\n"
        f"      - op: add\n        path: /cluster/network/serviceSubnets\n        value: [{SERVICES}]\n"),
    "kubeadm": ("kubeadm.yaml", KUBEADM),
    "kubeadm, beside other documents": ("kubeadm.yaml", "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n"
        f"---\n{KUBEADM}"),
    "kubeadm-config": ("cm.yaml", "apiVersion: v1\nkind: ConfigMap\n"
        "metadata: {name: kubeadm-config, namespace: kube-system}\ndata:\n"
        "  ClusterConfiguration: |\n    " + KUBEADM.replace("\n", "\n    ").rstrip() + "\n"),
    "Cluster API": ("c.yaml", "apiVersion: cluster.x-k8s.io/v1beta1\nkind: Cluster\n"
        "metadata: {name: default}\nspec:\n"
        f"  clusterNetwork:\n    pods: {{cidrBlocks: [{PODS}]}}\n    services: {{cidrBlocks: [{SERVICES}]}}\n"),
    "k3s": ("config.yaml", f"cluster-cidr: {PODS}\nservice-cidr: {SERVICES}\nflannel-backend: none\n"),
    "k3s, lists": ("config.yaml", f"cluster-cidr:\n  - {PODS}\nservice-cidr:\n  - {SERVICES}\n"),
    "k3s, arguments": ("cloud.yaml", "runcmd:\n"
        f"  - curl | sh -s - server --cluster-cidr {PODS} --service-cidr={SERVICES}\n"),
    "rke2 of Ansible": ("group_vars/all.yaml", "rke2_server_options:\n"
        f"  - --cluster-cidr={PODS}\n  - --service-cidr={SERVICES}\n"),
    "k0s": ("k0s.yaml", "apiVersion: k0s.k0sproject.io/v1beta1\nkind: ClusterConfig\nspec:\n  network:\n"
        f"    podCIDR: {PODS}\n    serviceCIDR: {SERVICES}\n"),
    "static pods": ("cp.yaml", "apiVersion: v1\nkind: Pod\n"
        "metadata: {name: kcm, namespace: kube-system}\nspec:\n  containers:\n"
        "    - name: kcm\n      image: kcm\n      command:\n        - kube-controller-manager\n"
        f"        - --cluster-cidr={PODS}\n        - --service-cluster-ip-range={SERVICES}\n"),
    "networking.hcl": ("networking.hcl", f'locals {{\n  pod_cidr     = "{PODS}" # pods\n'
        f'  service_cidr = "{SERVICES}"\n}}\n'),
    "tfvars": ("terraform.tfvars", f'pod_cidrs = ["{PODS}"]\nservice_cidrs = ["{SERVICES}"]\n'),
    "tfvars, lists of several lines": ("a.tfvars", f'pod_cidrs = [\n  "{PODS}", # pods\n]\n'
        f'service_cidrs = [\n  "{SERVICES}"\n]\n'),
    "defaults of variables": ("variables.tf", f'variable "pod_cidr" {{\n  type    = string\n'
        f'  default = "{PODS}"\n}}\n'
        f'variable "service_cidr" {{\n  default = "{SERVICES}"\n}}\n'),
    "talos in Terraform": ("talos.tf", "locals {\n  patch = yamlencode({ cluster = { network = {\n"
        f'    podSubnets     = ["{PODS}"]\n    serviceSubnets = ["{SERVICES}"]\n  }} }} }})\n}}\n'),
}  # fmt: skip
LOOKALIKES = {
    "a variable": ("m.yaml", "cluster:\n  network:\n    podSubnets: ['${PODS}']\n"),
    "a template": ("m.yaml", "cluster:\n  network:\n    podSubnets: ['{{ pods }}']\n"),
    "kind": ("kind.yaml", "apiVersion: kind.x-k8s.io/v1alpha4\nkind: Cluster\n"
        f"networking: {{podSubnet: {PODS}}}\n"),
    "an example": ("examples/m.yaml", f"cluster:\n  network:\n    podSubnets: [{PODS}]\n"),
    "another cluster": ("c.yaml", "apiVersion: cluster.x-k8s.io/v1beta1\nkind: Cluster\n"
        "metadata: {name: other}\nspec:\n"
        f"  clusterNetwork: {{pods: {{cidrBlocks: [{PODS}]}}}}\n"),
    "no range": ("config.yaml", "cluster-cidr: 10.42.0.0\nflannel-backend: none\n"),
    "an expression": ("a.tf", 'locals {\n  pod_cidr = cidrsubnet("10.0.0.0/8", 8, 42)\n}\n'),
    "an interpolation": ("a.tf", 'locals {\n  pod_cidr = "${var.prefix}.0.0/16"\n}\n'),
    "another name": ("a.tf", f'locals {{\n  vpc_cidr = "{PODS}"\n}}\n'),
    "an operation that removes": ("p.yaml", "- {op: remove, path: /cluster/network/podSubnets}\n"),
    "the range of a machine": ("m.yaml", "cluster: {}\n"
        f"machine: {{kubelet: {{nodeIP: {{validSubnets: [{PODS}]}}}}}}\n"),
}  # fmt: skip


@pytest.mark.parametrize(("path", "text"), FORMS.values(), ids=FORMS)
def test_each_form_tells_the_ranges(path: str, text: str) -> None:
    (cluster,) = inventory({"cilium.yaml": CILIUM, path: text}).clusters
    assert (cluster.pod_cidrs, cluster.service_cidrs) == ((PODS,), (SERVICES,))
    for field in ("pod_cidrs", "service_cidrs"):
        source = cluster.source_of(field)
        assert source.path == path and source.line


@pytest.mark.parametrize(("path", "text"), FORMS.values(), ids=FORMS)
def test_the_range_of_pods_counts_only_where_cilium_takes_it(path: str, text: str) -> None:
    pool = CILIUM.replace("mode: kubernetes", "mode: cluster-pool")
    (cluster,) = inventory({"cilium.yaml": pool, path: text}).clusters
    assert (cluster.pod_cidrs, cluster.service_cidrs) == (None, (SERVICES,))


@pytest.mark.parametrize(("path", "text"), LOOKALIKES.values(), ids=LOOKALIKES)
def test_what_only_looks_like_a_range_tells_nothing(path: str, text: str) -> None:
    (cluster,) = inventory({"cilium.yaml": CILIUM, path: text}).clusters
    assert cluster.pod_cidrs is None


ENDPOINTS = {
    "talos": ("m.yaml", "cluster: {controlPlane: {endpoint: 'https://10.0.0.5:6443'}}\n"),
    "talhelper": ("talconfig.yaml", "talosVersion: v1.9.0\nendpoint: https://10.0.0.5:6443\n"),
    "kubeadm": ("k.yaml", KUBEADM + "controlPlaneEndpoint: 10.0.0.5:6443\n"),
    "Cluster API": ("c.yaml", "apiVersion: cluster.x-k8s.io/v1beta1\nkind: Cluster\nmetadata: {name: default}\n"
        "spec: {controlPlaneEndpoint: {host: 10.0.0.5, port: 6443}}\n"),
    "Terraform": ("a.tfvars", 'cluster_endpoint = "https://10.0.0.5:6443"\n'),
    "Cilium": ("unused.yaml", "a: b\n"),
}  # fmt: skip


@pytest.mark.parametrize(("form", "path", "text"), [(form, *each) for form, each in ENDPOINTS.items()], ids=ENDPOINTS)
def test_each_form_tells_the_api_server(form: str, path: str, text: str) -> None:
    own = "{k8sServiceHost: 10.0.0.5, k8sServicePort: 6443}" if form == "Cilium" else "{}"
    cilium = CILIUM.replace("{ipam: {mode: kubernetes}}", own)
    (cluster,) = inventory({"cilium.yaml": cilium, path: text}).clusters
    assert (cluster.api_server_host, cluster.api_server_port) == ("10.0.0.5", 6443)
