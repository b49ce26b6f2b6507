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
    "kOps, v1alpha3": ("k.yaml", "apiVersion: kops.k8s.io/v1alpha3\nkind: Cluster\nmetadata: {name: default}\nspec:\n"
        f"  networking:\n    podCIDR: {PODS}\n    serviceClusterIPRange: {SERVICES}\n"),
    "Talos, documents": ("talos/cluster.yaml.j2", "---\nversion: v1alpha1\ncluster:\n  clusterName: default\n---\n"
        "apiVersion: v1alpha1\nkind: KubeletConfig\nimage: kubelet:{{ version }}\n---\napiVersion: v1alpha1\n"
        f"kind: KubeNetworkConfig\npodSubnets:\n  - {PODS}\nserviceSubnets:\n  - {SERVICES}\n"),
    "cluster-template": ("cluster.yaml", "node_cidr: 192.168.1.0/24\ncluster_api_addr: 192.168.1.5\n"
        f"cluster_pod_cidr: {PODS}\ncluster_svc_cidr: {SERVICES}\n"),
    "cluster-template, before": ("config.yaml", f"cluster:\n  pod_network: {PODS}\n  service_network: {SERVICES}\n"
        "  endpoint_vip: 192.168.1.5\n"),
    "a module for hcloud": ("main.tf", 'module "k" {\n  source = "hcloud-k8s/kubernetes/hcloud"\n'
        f'  network_pod_ipv4_cidr     = "{PODS}"\n  network_service_ipv4_cidr = "{SERVICES}"\n}}\n'),
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
    "a network of something else": ("config.yaml", f"docker:\n  pod_network: {PODS}\n"),
    "a document of another kind": ("c.yaml", f"apiVersion: v1alpha1\nkind: VPNConfig\npodSubnets: [{PODS}]\n"),
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
    "k0s": ("k0s.yaml", "apiVersion: k0s.k0sproject.io/v1beta1\nkind: ClusterConfig\nspec:\n"
        "  api: {externalAddress: 10.0.0.5, port: 6443}\n  network: {podCIDR: 10.42.0.0/16}\n"),
    "k0sctl": ("k0sctl.yaml", "apiVersion: k0sctl.k0sproject.io/v1beta1\nkind: Cluster\nspec:\n  k0s:\n    config:\n"
        "      spec: {api: {externalAddress: 10.0.0.5, port: 6443}, network: {podCIDR: 10.42.0.0/16}}\n"),
    "k3s-ansible": ("group_vars/all.yml", "apiserver_endpoint: 10.0.0.5\nkube_apiserver_port: 6443\n"),
    "kubespray": ("inventory/a/group_vars/all/all.yml", "loadbalancer_apiserver:\n  address: 10.0.0.5\n"
        "kube_apiserver_port: 6443\n"),
    "Terraform, beside a release": ("a.tf", 'module "talos" {\n  cluster = {\n    name          = "talos"\n'
        '    endpoint      = "10.0.0.5:6443"\n    talos_version = "v1.8"\n  }\n}\n'),
    "Terraform, api_server": ("a.tfvars", 'api_server = "https://10.0.0.5:6443"\nk8s_version = "1.31"\n'),
    "Cilium": ("unused.yaml", "a: b\n"),
}  # fmt: skip


@pytest.mark.parametrize(("form", "path", "text"), [(form, *each) for form, each in ENDPOINTS.items()], ids=ENDPOINTS)
def test_each_form_tells_the_api_server(form: str, path: str, text: str) -> None:
    own = "{k8sServiceHost: 10.0.0.5, k8sServicePort: 6443}" if form == "Cilium" else "{}"
    cilium = CILIUM.replace("{ipam: {mode: kubernetes}}", own)
    (cluster,) = inventory({"cilium.yaml": cilium, path: text}).clusters
    assert (cluster.api_server_host, cluster.api_server_port) == ("10.0.0.5", 6443)


SHARED = {
    "Talos": "machine:\n  network:\n    interfaces:\n      - interface: eth0\n        vip: {ip: 10.0.0.5}\n",
    "Talos, of a VLAN": "machine: {network: {interfaces: [{vlans: [{vlanId: 2, vip: {ip: 10.0.0.5}}]}]}}\n",
    "Talos, with the cluster": "cluster: {}\nmachine: {network: {interfaces: [{vip: {ip: 10.0.0.5}}]}}\n",
    "Talos, documents": "apiVersion: v1alpha1\nkind: Layer2VIPConfig\nname: 10.0.0.5\nlink: eth0\n",
    "cluster-template": "node_cidr: 10.0.0.0/24\ncluster_api_addr: 10.0.0.5\n",
}


@pytest.mark.parametrize("text", SHARED.values(), ids=SHARED)
def test_the_address_that_control_planes_share_is_that_of_the_api_server(text: str) -> None:
    (cluster,) = inventory({"cilium.yaml": CILIUM, "talos/m.yaml": text}).clusters
    assert cluster.api_server_host == "10.0.0.5"
    assert cluster.source_of("api_server_host").path == "talos/m.yaml"


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ('cluster_vip = "10.0.0.5"\n', "10.0.0.5"),
        ('variable "talos_cluster_vip" {\n  default = "10.0.0.5"\n}\n', "10.0.0.5"),
        ('cluster = {\n  vip = "10.0.0.5"\n  kubernetes_version = "v1.33.3"\n}\n', "10.0.0.5"),
        ('router = {\n  vip = "10.0.0.5"\n}\n', None),
        ('ingress_vip = "10.0.0.5"\n', None),
        ('provider "cohesity" {\n  cluster_vip = "10.0.0.5"\n}\n', None),
        ('backend = {\n  endpoint = "s3.example.com"\n  k8s_version = "1.31"\n}\n', None),
        ('cluster_vip = var.vip\n', None),
    ],
)  # fmt: skip
def test_terraform_names_the_address_of_the_api_server(text: str, host: str | None) -> None:
    (cluster,) = inventory({"cilium.yaml": CILIUM, "a.tf": text}).clusters
    assert cluster.api_server_host == host


INTERFACES = "interfaces: [{interface: eth0, vip: {ip: 192.168.1.9}}]"
NAMED = "https://kube.home.lan:6443"


@pytest.mark.parametrize(
    ("endpoint", "second", "host"),
    [
        (NAMED, "192.168.1.9", "192.168.1.9"),
        ("https://192.168.1.8:6443", "192.168.1.9", "192.168.1.8"),
        (NAMED, "192.168.1.7", "kube.home.lan"),
    ],
    ids=["a name", "an address", "two shared addresses"],
)
def test_of_an_endpoint_that_is_a_name_the_shared_address_is_taken(endpoint: str, second: str, host: str) -> None:
    nodes = "".join(
        f"  - hostname: n{number}\n    ipAddress: 192.168.1.1{number}\n    controlPlane: true\n"
        f"    networkInterfaces: [{{interface: eth0, vip: {{ip: {vip}}}}}]\n"
        for number, vip in enumerate(("192.168.1.9", second))
    )
    text = f"clusterName: default\nendpoint: {endpoint}\nnodes:\n{nodes}"
    (cluster,) = inventory({"cilium.yaml": CILIUM, "talconfig.yaml": text}).clusters
    assert (cluster.api_server_host, cluster.api_server_port) == (host, 6443)
    if second == "192.168.1.9":
        plain = f"machine: {{network: {{{INTERFACES}}}}}\ncluster: {{controlPlane: {{endpoint: '{endpoint}'}}}}\n"
        (cluster,) = inventory({"cilium.yaml": CILIUM, "talos.yaml": plain}).clusters
        assert cluster.api_server_host == host


def test_an_endpoint_goes_before_an_address_that_control_planes_share() -> None:
    files = {
        "cilium.yaml": CILIUM,
        "a.yaml": SHARED["Talos"],
        "b.yaml": "cluster: {controlPlane: {endpoint: 'https://api.internal:6443'}}\n",
    }
    tree = inventory(files)
    assert tree.clusters[0].api_server_host == "api.internal"
    assert not any("api_server_host" in str(problem) for problem in tree.problems)


NODES = {
    "cluster-template": ("cluster.yaml", "cluster_api_addr: 192.168.1.5\nnode_cidr: 192.168.1.0/24\n", 2),
    "cluster-template, before": ("config.yaml", "cluster:\n  pod_network: 10.69.0.0/16\n  service_network: ''\n"
        "  endpoint_vip: 192.168.1.5\n  nodes:\n    host_network: 192.168.1.0/24\n", 6),
    "Terraform": ("a.tf", 'locals {\n  node_cidr = "192.168.1.0/24"\n}\n', 2),
    "a module for hcloud": ("a.tf", 'module "k" {\n  network_node_ipv4_cidr = "192.168.1.0/24"\n}\n', 2),
    "Ansible": ("group_vars/all.yml", "node_subnet: 192.168.1.0/24\n", 1),
    "kOps": ("k.yaml", "apiVersion: kops.k8s.io/v1alpha2\nkind: Cluster\nmetadata: {name: default}\nspec:\n"
        "  subnets:\n  - {cidr: 192.168.1.0/24, name: a}\n", 6),
    "eksctl": ("e.yaml", "apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\nmetadata: {name: default}\n"
        "vpc:\n  cidr: 192.168.1.0/24\n", 5),
}  # fmt: skip


@pytest.mark.parametrize(("path", "text", "line"), NODES.values(), ids=NODES)
def test_each_form_tells_within_which_range_the_nodes_are(path: str, text: str, line: int) -> None:
    (cluster,) = inventory({"cilium.yaml": CILIUM, path: text}).clusters
    assert (cluster.nodes_within, cluster.node_cidrs) == (("192.168.1.0/24",), None)
    assert str(cluster.source_of("nodes_within")) == f"{path}:{line}"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.tf", 'white_list_node_cidr = "192.168.1.0/24"\n'),
        ("values.yaml", "node_cidr: 192.168.1.0/24\n"),
        ("e.yaml", "apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\nmetadata: {name: default}\n"
            "vpc: {cidr: 192.168.1.0/24, extraCIDRs: [100.64.0.0/16]}\n"),
        ("k.yaml", "apiVersion: kops.k8s.io/v1alpha2\nkind: Cluster\nmetadata: {name: default}\nspec:\n"
            "  subnets: [{cidr: 192.168.1.0/24}, {id: subnet-1}]\n"),
    ],
    ids=["another list", "no variables", "more ranges of the VPC", "a subnet without a range"],
)  # fmt: skip
def test_what_does_not_hold_every_node_is_not_read(path: str, text: str) -> None:
    (cluster,) = inventory({"cilium.yaml": CILIUM, path: text}).clusters
    assert cluster.nodes_within is None


def test_the_services_of_eksctl() -> None:
    text = (
        "apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\nmetadata: {name: default}\n"
        f"kubernetesNetworkConfig:\n  serviceIPv4CIDR: {SERVICES}\n"
    )
    (cluster,) = inventory({"cilium.yaml": CILIUM, "e.yaml": text}).clusters
    assert cluster.service_cidrs == (SERVICES,)
    assert str(cluster.source_of("service_cidrs")) == "e.yaml:5"


def _kops(spec: str) -> str:
    return f"apiVersion: kops.k8s.io/v1alpha2\nkind: Cluster\nmetadata: {{name: default}}\nspec:\n  {spec}\n"


def test_what_kops_does_not_masquerade_holds_every_pod() -> None:
    text = _kops("nonMasqueradeCIDR: 100.64.0.0/10")
    (cluster,) = inventory({"cilium.yaml": CILIUM, "k.yaml": text}).clusters
    assert (cluster.pod_cidrs, cluster.pods_within) == (None, ("100.64.0.0/10",))
    assert str(cluster.source_of("pods_within")) == "k.yaml:5"
    pool = CILIUM.replace("mode: kubernetes", "mode: eni")
    assert inventory({"cilium.yaml": pool, "k.yaml": text}).clusters[0].pods_within is None
    anywhere = _kops("nonMasqueradeCIDR: '::/0'")
    assert inventory({"cilium.yaml": CILIUM, "k.yaml": anywhere}).clusters[0].pods_within is None


MACHINES = {
    "cluster-template": ("nodes.yaml", "nodes:\n  - name: k8s-0\n    address: 192.168.1.10\n    controller: true\n"
        "    disk: /dev/sda\n    mac_addr: aa:bb\n    schematic_id: abc\n", 3),
    "Terraform for Talos": ("a.tf", 'module "talos" {\n  nodes = {\n    "k8s-0" = {\n'
        '      machine_type = "controlplane"\n      ip           = "192.168.1.10"\n    }\n  }\n}\n', 5),
    "a machine of Talos": ("cp.yaml", "machine:\n  type: controlplane\n  network:\n    hostname: k8s-0\n"
        "    interfaces: [{interface: eth0, addresses: [192.168.1.10/24], vip: {ip: 192.168.1.9}}]\n", 4),
    "the network of Talos that kubelet takes": ("cp.yaml", "machine:\n  type: controlplane\n"
        "  kubelet: {nodeIP: {validSubnets: [192.168.1.0/24, '!192.168.1.9/32']}}\n  network:\n    hostname: k8s-0\n"
        "    interfaces:\n      - addresses: [192.168.1.10/24]\n        vlans: [{vlanId: 9, addresses: [10.9.0.1/8]}]\n"
        "cluster: {controlPlane: {}}\n", 5),
    "a host of k0sctl": ("k0sctl.yaml", "apiVersion: k0sctl.k0sproject.io/v1beta1\nkind: Cluster\nspec:\n  hosts:\n"
        "    - role: controller+worker\n      hostname: k8s-0\n      ssh: {address: 192.168.1.10}\n", 5),
    "the address of a host of k0sctl": ("k0sctl.yaml", "apiVersion: k0sctl.k0sproject.io/v1beta1\nkind: Cluster\n"
        "spec:\n  hosts:\n    - role: controller\n      hostname: k8s-0\n      privateAddress: 192.168.1.10\n"
        "      openSSH: {address: 203.0.113.5}\n", 5),
}  # fmt: skip


@pytest.mark.parametrize(("path", "text", "line"), MACHINES.values(), ids=MACHINES)
def test_machines_are_nodes(path: str, text: str, line: int) -> None:
    (node,) = inventory({"cilium.yaml": CILIUM, path: text}).nodes()
    assert (node.name, node.addresses, str(node.source)) == ("k8s-0", ("192.168.1.10",), f"{path}:{line}")
    assert "node-role.kubernetes.io/control-plane" in node.labels


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("nodes.yaml", "nodes:\n  - {name: a, address: 192.168.1.10, controller: true}\n# schematic_id\n"),
        ("nodes.yaml", "nodes:\n  - {name: a, address: '', controller: true, disk: /dev/sda, schematic_id: b}\n"),
        ("a.tf", 'vm = {\n  "a" = {\n    machine_type = "q35"\n    ip = "192.168.1.10"\n  }\n}\n'),
        ("talconfig.yaml", "clusterName: a\nnodes: [{hostname: iso, ipAddress: 127.0.0.1}]\n"),
        ("t.yaml", "machine: {network: {hostname: a, interfaces: [{addresses: [192.168.1.10/24]}]}}\n"),
        ("t.yaml", "machine:\n  type: worker\n  network: {hostname: a, interfaces: [{dhcp: true}]}\n"),
        (
            "t.yaml",
            "machine:\n  type: worker\n  network:\n    hostname: a\n"
            "    interfaces: [{addresses: [192.168.1.10/24]}, {addresses: [10.9.0.1/24]}]\n",
        ),
        ("t.yaml", "machine:\n  type: worker\n  network: {hostname: a, interfaces: [{addresses: ['${IP}/24']}]}\n"),
        (
            "k0sctl.yaml",
            "apiVersion: k0sctl.k0sproject.io/v1beta1\nkind: Cluster\nspec:\n  hosts:\n"
            "    - {role: worker, ssh: {address: 203.0.113.5}}\n    - {role: worker, ssh: {address: a.example.com}}\n"
            "    - {role: worker, ssh: {address: 192.168.1.10}, privateInterface: eth1}\n",
        ),
    ],
    ids=[
        "no machine of the template",
        "not filled in",
        "a machine of another kind",
        "a machine that only an image is made for",
        "a patch of Talos for several machines",
        "an address of DHCP",
        "one of two addresses",
        "a variable",
        "hosts of k0sctl that SSH reaches otherwise",
    ],
)
def test_what_only_looks_like_a_machine_is_no_node(path: str, text: str) -> None:
    assert not inventory({"cilium.yaml": CILIUM, path: text}).nodes()
