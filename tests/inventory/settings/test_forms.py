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
    "Cluster API with kubeadm": ("c.yaml", "apiVersion: controlplane.cluster.x-k8s.io/v1beta1\n"
        "kind: KubeadmControlPlane\nmetadata: {name: default-control-plane}\nspec:\n  kubeadmConfigSpec:\n"
        f"    clusterConfiguration: {{networking: {{podSubnet: {PODS}, serviceSubnet: {SERVICES}}}}}\n"),
    "k3s": ("config.yaml", f"cluster-cidr: {PODS}\nservice-cidr: {SERVICES}\nflannel-backend: none\n"),
    "k3s, lists": ("config.yaml", f"cluster-cidr:\n  - {PODS}\nservice-cidr:\n  - {SERVICES}\n"),
    "k3s, arguments": ("cloud.yaml", "runcmd:\n"
        f"  - curl | sh -s - server --cluster-cidr {PODS} --service-cidr={SERVICES}\n"),
    "k3s, a script": ("install.sh", "#!/bin/sh\n# --cluster-cidr=10.1.0.0/16\ncurl -sfL https://get.k3s.io |\n"
        f'  INSTALL_K3S_EXEC="server --cluster-cidr {PODS} --service-cidr={SERVICES}" sh -\n'),
    "kubeadm, a script": ("bootstrap.sh", "kubeadm init \\\n"
        f"  --pod-network-cidr={PODS} \\\n  --service-cidr {SERVICES}\n"),
    "talhelper, without ranges of its own": ("talconfig.yaml", "clusterName: default\n"
        "endpoint: https://10.0.0.5:6443\nnodes: []\npatches:\n  - |-\n"
        f"    cluster:\n      network:\n        podSubnets: [{PODS}]\n        serviceSubnets: [{SERVICES}]\n"),
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
    "talos, JSON patch of the network": ("p.yaml", f"- op: add\n  path: /cluster/network\n"
        f"  value: {{podSubnets: [{PODS}], serviceSubnets: [{SERVICES}]}}\n"),
    "Omni": ("cluster.yaml", "kind: Cluster\nname: default\ntalos: {version: v1.8.0}\npatches:\n  - name: net\n"
        f"    inline:\n      cluster:\n        network:\n          podSubnets: [{PODS}]\n"
        f"          serviceSubnets: [{SERVICES}]\n"),
    "kOps": ("k.yaml", "apiVersion: kops.k8s.io/v1alpha2\nkind: Cluster\nmetadata: {name: default}\nspec:\n"
        f"  podCIDR: {PODS}\n  serviceClusterIPRange: {SERVICES}\n"),
    "RKE": ("cluster.yml", f"services:\n  kube-controller:\n    cluster_cidr: {PODS}\n"
        f"    service_cluster_ip_range: {SERVICES}\n"),
    "kubespray": ("inventory/home/group_vars/k8s_cluster/k8s-cluster.yml", f"kube_pods_subnet: {PODS}\n"
        f"kube_pods_subnet_ipv6: fd85:ee78:d8a6:8607::1:0000/112\nkube_service_addresses: {SERVICES}\n"),
    "variables of Ansible": ("ansible/group_vars/all.yml", f"cluster_cidr: {PODS}\nservice_cidr: {SERVICES}\n"),
    "rke2 of Ansible, texts": ("group_vars/all.yaml", "rke2_server_options:\n"
        f"  - 'cluster-cidr: {PODS}'\n  - 'service-cidr: {SERVICES}'\n"),
    "k3s of Ansible, a text": ("inventory.yml", "k3s_cluster:\n  vars:\n    server_config_yaml: |\n"
        f"      cluster-cidr: {PODS}\n      service-cidr: {SERVICES}\n"),
    "a playbook": ("site.yml", "- hosts: all\n  tasks:\n    - name: k3s\n"
        f"      ansible.builtin.command: k3s server --cluster-cidr={PODS} --service-cidr={SERVICES}\n"),
    "cloud-init with kubeadm": ("user-data.yaml", "write_files:\n  - path: /etc/kubeadm.yaml\n    content: |\n      "
        + KUBEADM.replace("\n", "\n      ").rstrip() + "\n"),
    "objects of one line": ("a.tf", f'locals {{\n  net = {{ pod_cidr = "{PODS}", service_cidr = "{SERVICES}" }}\n}}\n'),
    "pods and services beside each other": ("networking.hcl", f'locals {{\n  cidrs = {{\n    pods     = "{PODS}"\n'
        f'    services = "{SERVICES}"\n  }}\n}}\n'),
    "tfvars in JSON": ("terraform.tfvars.json", f'{{"pod_cidr": "{PODS}", "service_cidr": "{SERVICES}"}}'),
    "an object that is a default": ("variables.tf", 'variable "net" {\n  default = {\n'
        f'    pod_cidr     = "{PODS}"\n    service_cidr = "{SERVICES}"\n  }}\n}}\n'),
    "a heredoc of talos": ("a.tf", "locals {\n  patch = <<-EOT\n    cluster:\n      network:\n"
        f"        podSubnets: [{PODS}]\n        serviceSubnets: [{SERVICES}]\n  EOT\n}}\n"),
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
    "the control plane of another cluster": ("c.yaml", "apiVersion: controlplane.cluster.x-k8s.io/v1beta1\n"
        "kind: KubeadmControlPlane\nmetadata: {name: other-control-plane}\nspec:\n  kubeadmConfigSpec:\n"
        f"    clusterConfiguration: {{networking: {{podSubnet: {PODS}, serviceSubnet: {SERVICES}}}}}\n"),
    "no range": ("config.yaml", "cluster-cidr: 10.42.0.0\nflannel-backend: none\n"),
    "an expression": ("a.tf", 'locals {\n  pod_cidr = cidrsubnet("10.0.0.0/8", 8, 42)\n}\n'),
    "an interpolation": ("a.tf", 'locals {\n  pod_cidr = "${var.prefix}.0.0/16"\n}\n'),
    "a comment of several lines": ("a.tf", f'locals {{\n/*\n  pod_cidr = "{PODS}"\n*/\n}}\n'),
    "a comment": ("m.yaml", f"cluster:\n  network:\n    # podSubnets: [{PODS}]\n    dnsDomain: cluster.local\n"),
    "a placeholder": ("m.yaml", "cluster:\n  network:\n    podSubnets: ['<pods>']\n"),
    "a file to fill in": ("m.example.yaml", f"cluster:\n  network:\n    podSubnets: [{PODS}]\n"),
    "a script of a test": ("tests/up.sh", f"kubeadm init --pod-network-cidr={PODS}\n"),
    "a script that installs no cluster": ("run.sh", f"vpn --cluster-cidr={PODS}\n"),
    "a variable of a script": ("up.sh", f"PODS={PODS}\nkubeadm init --pod-network-cidr=$PODS\n"),
    "a sample": ("inventory/sample/group_vars/all.yml", f"kube_pods_subnet: {PODS}\n"),
    "addresses of a machine": ("m.yaml", "cluster: {}\n"
        f"machine: {{network: {{interfaces: [{{addresses: ['{PODS}']}}], podSubnets: ['{PODS}']}}}}\n"),
    "a virtual cluster": ("vcluster/values.yaml", f"vcluster:\n  extraArgs: [--cluster-cidr={PODS}]\n"),
    "a release that has arguments": ("r.yaml", "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n"
        "metadata: {name: inner, namespace: lab}\n"
        f"spec: {{values: {{controlPlane: {{extraArgs: [--cluster-cidr={PODS}]}}}}}}\n"),
    "a variable of another thing": ("values.yaml", f"vpn:\n  cluster_cidr: {PODS}\n"),
    "pods without services": ("networking.hcl", f'locals {{\n  routes = {{\n    pods = "{PODS}"\n  }}\n}}\n'),
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


def test_what_is_stated_goes_before_a_default() -> None:
    for default, stated in (
        (("variables.tf", 'variable "pod_cidr" {\n  default = "10.244.0.0/16"\n}\n'), "terraform.tfvars"),
        (("modules/net/variables.tf", 'variable "n" {\n  default = { pod_cidr = "10.244.0.0/16" }\n}\n'), "a.tf"),
    ):
        files = {"cilium.yaml": CILIUM, default[0]: default[1], stated: f'pod_cidr = "{PODS}"\n'}
        (cluster,) = inventory(files).clusters
        assert (cluster.pod_cidrs, cluster.source_of("pod_cidrs").path) == ((PODS,), stated)
    roles = "roles/kubespray_defaults/defaults/main.yml"
    files = {
        "cilium.yaml": CILIUM,
        roles: "kube_pods_subnet: 10.233.64.0/18\n",
        "group_vars/all.yml": f"kube_pods_subnet: {PODS}\n",
    }
    assert inventory(files).clusters[0].pod_cidrs == (PODS,)


def test_talhelper_fills_in_the_variables_of_its_talenv() -> None:
    config = (
        "clusterName: default\nclusterPodNets: ['${PODS}']\nclusterSvcNets: ['${SVC}']\nendpoint: https://${VIP}:6443\n"
    )
    files = {
        "cilium.yaml": CILIUM,
        "talos/talconfig.yaml": config,
        "talos/talenv.yaml": f"PODS: {PODS}\nVIP: 10.0.0.5\n",
    }
    files["talenv.yaml"] = f"SVC: {SERVICES}\n"
    (cluster,) = inventory(files).clusters
    assert (cluster.pod_cidrs, cluster.service_cidrs, cluster.api_server_host) == ((PODS,), None, "10.0.0.5")
    assert str(cluster.source_of("pod_cidrs")) == "talos/talconfig.yaml:2"


def test_the_line_within_a_text_is_the_line_of_the_file() -> None:
    text = FORMS["a heredoc of talos"][1]
    (cluster,) = inventory({"cilium.yaml": CILIUM, "a.tf": text}).clusters
    assert str(cluster.source_of("service_cidrs")) == "a.tf:6"
    text = FORMS["cloud-init with kubeadm"][1]
    (cluster,) = inventory({"cilium.yaml": CILIUM, "c.yaml": text}).clusters
    assert str(cluster.source_of("pod_cidrs")) == "c.yaml:6"


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
    "Cluster API with kubeadm": ("c.yaml", "apiVersion: controlplane.cluster.x-k8s.io/v1beta1\n"
        "kind: KubeadmControlPlane\nmetadata: {name: default}\n"
        "spec: {kubeadmConfigSpec: {clusterConfiguration: {controlPlaneEndpoint: '10.0.0.5:6443'}}}\n"),
    "Terraform": ("a.tfvars", 'cluster_endpoint = "https://10.0.0.5:6443"\n'),
    "Cilium": ("unused.yaml", "a: b\n"),
}  # fmt: skip


@pytest.mark.parametrize(("form", "path", "text"), [(form, *each) for form, each in ENDPOINTS.items()], ids=ENDPOINTS)
def test_each_form_tells_the_api_server(form: str, path: str, text: str) -> None:
    own = "{k8sServiceHost: 10.0.0.5, k8sServicePort: 6443}" if form == "Cilium" else "{}"
    cilium = CILIUM.replace("{ipam: {mode: kubernetes}}", own)
    (cluster,) = inventory({"cilium.yaml": cilium, path: text}).clusters
    assert (cluster.api_server_host, cluster.api_server_port) == ("10.0.0.5", 6443)
