"""Where a tree tells of its installation of Cilium: every form in which people keep its Helm values."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from rewriter.inventory.facts.model import Cluster, Source
from tests.inventory.support import inventory

POOL = "ipam: {mode: cluster-pool, operator: {clusterPoolIPv4PodCIDRList: [10.42.0.0/16]}}"
_APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: cilium, namespace: argocd}
spec:
  destination: {server: https://kubernetes.default.svc, namespace: kube-system}
  source:
    repoURL: https://helm.cilium.io
    chart: cilium
    targetRevision: 1.18.3
    helm:
"""
_RELEASE = """\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: cilium, namespace: kube-system}
spec:
  chart: {spec: {chart: cilium, version: 1.18.3, sourceRef: {kind: HelmRepository, name: cilium}}}
"""
_UMBRELLA = """\
apiVersion: v2
name: cni
version: 1.0.0
dependencies: [{name: cilium, version: 1.18.3, repository: https://helm.cilium.io}]
"""
FORMS: dict[str, Mapping[str, str]] = {
    "HelmRelease": {"a.yaml": f"{_RELEASE}  values: {{{POOL}}}\n"},
    "valuesFrom a ConfigMap": {
        "a.yaml": f"{_RELEASE}  valuesFrom: [{{kind: ConfigMap, name: values}}]\n",
        "b.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: values, namespace: kube-system}\n"
        f"data:\n  values.yaml: |\n    {POOL}\n",
    },
    "valuesFrom one value": {
        "a.yaml": f"{_RELEASE}  valuesFrom:\n    - {{kind: ConfigMap, name: values, valuesKey: pool,"
        " targetPath: 'ipam.operator.clusterPoolIPv4PodCIDRList[0]'}\n",
        "b.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: values, namespace: kube-system}\n"
        "data: {pool: 10.42.0.0/16}\n",
    },
    "Application, values": {"a.yaml": f"{_APPLICATION}      values: |\n        {POOL}\n"},
    "Application, valuesObject": {"a.yaml": f"{_APPLICATION}      valuesObject: {{{POOL}}}\n"},
    "Application, parameters": {
        "a.yaml": f"{_APPLICATION}      parameters:\n"
        "        - {name: 'ipam.operator.clusterPoolIPv4PodCIDRList[0]', value: 10.42.0.0/16}\n"
    },
    "HelmChart": {
        "a.yaml": "apiVersion: helm.cattle.io/v1\nkind: HelmChart\nmetadata: {name: cilium, namespace: kube-system}\n"
        "spec:\n  repo: https://helm.cilium.io\n  chart: cilium\n  version: 1.18.3\n"
        f"  valuesContent: |-\n    {POOL}\n"
    },
    "HelmChart with a HelmChartConfig": {
        "a.yaml": "apiVersion: helm.cattle.io/v1\nkind: HelmChart\nmetadata: {name: cilium, namespace: kube-system}\n"
        "spec:\n  repo: https://helm.cilium.io\n  chart: cilium\n  version: 1.18.3\n",
        "b.yaml": "apiVersion: helm.cattle.io/v1\nkind: HelmChartConfig\n"
        f"metadata: {{name: cilium, namespace: kube-system}}\nspec:\n  valuesContent: |-\n    {POOL}\n",
    },
    "helmfile": {
        "helmfile.yaml": "releases:\n  - {name: cilium, namespace: kube-system, chart: cilium/cilium,"
        " version: 1.18.3, values: [cni.yaml]}\n",
        "cni.yaml": f"{POOL}\n",
    },
    "helmfile, set": {
        "helmfile.d/10-cni.yaml": "releases:\n  - name: cilium\n    chart: cilium/cilium\n    version: 1.18.3\n"
        "    set: [{name: 'ipam.operator.clusterPoolIPv4PodCIDRList', value: '{10.42.0.0/16}'}]\n"
    },
    "helmfile, a list of set": {
        "helmfile.yaml.gotmpl": "releases:\n  - name: cilium\n    chart: cilium/cilium\n    version: 1.18.3\n"
        "    set: [{name: ipam.operator.clusterPoolIPv4PodCIDRList, values: [10.42.0.0/16]}]\n"
    },
    "k0s": {
        "k0s.yaml": "apiVersion: k0s.k0sproject.io/v1beta1\nkind: ClusterConfig\nmetadata: {name: k0s}\nspec:\n"
        "  extensions:\n    helm:\n      charts:\n        - name: cilium\n          chartname: cilium/cilium\n"
        f"          version: 1.18.3\n          namespace: kube-system\n          values: |\n            {POOL}\n"
    },
    "Terraform, a list of set": {
        "main.tf": 'resource "helm_release" "cilium" {\n  name = "cilium"\n  chart = "cilium"\n  version = "1.18.3"\n'
        '  set_list {\n    name  = "ipam.operator.clusterPoolIPv4PodCIDRList"\n'
        '    value = ["10.42.0.0/16"]\n  }\n}\n'
    },
    "Terraform, a template": {
        "main.tf": 'data "helm_template" "cilium" {\n  name = "cilium"\n  chart = "cilium"\n  version = "1.18.3"\n'
        f"  values = [<<-EOT\n    {POOL}\n    EOT\n  ]\n}}\n"
    },
    "Terraform": {
        "main.tf": 'resource "helm_release" "cilium" {\n  name = "cilium"\n  chart = "cilium"\n  version = "1.18.3"\n'
        f"  values = [<<-EOT\n    {POOL}\n    EOT\n  ]\n}}\n"
    },
    "Kustomize helmCharts": {
        "cni/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nhelmCharts:\n"
        "  - {name: cilium, repo: 'https://helm.cilium.io', version: 1.18.3, releaseName: cilium,"
        f" namespace: kube-system, valuesInline: {{{POOL}}}}}\n"
    },
    "ApplicationSet": {
        "a.yaml": "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: cni, namespace: argocd}\n"
        "spec:\n  goTemplate: true\n  generators: [{list: {elements: [{pool: 10.42.0.0/16}]}}]\n  template:\n"
        "    metadata: {name: cilium}\n    spec:\n"
        "      destination: {server: https://kubernetes.default.svc, namespace: kube-system}\n"
        "      source:\n        repoURL: https://helm.cilium.io\n        chart: cilium\n"
        "        targetRevision: 1.18.3\n        helm:\n          valuesObject:\n"
        "            ipam:\n              operator:\n"
        "                clusterPoolIPv4PodCIDRList: ['{{ .pool }}']\n"
    },
    "a chart that depends on it": {"cni/Chart.yaml": _UMBRELLA, "cni/values.yaml": f"cilium: {{{POOL}}}\n"},
}


def only_cluster(files: Mapping[str, str]) -> Cluster:
    clusters = inventory(files).clusters
    assert len(clusters) == 1
    return clusters[0]


@pytest.mark.parametrize("files", FORMS.values(), ids=FORMS)
def test_pods_range_and_release_are_read(files: Mapping[str, str]) -> None:
    cluster = only_cluster(files)
    assert (cluster.name, cluster.version, cluster.pod_cidrs) == ("default", "1.18.3", ("10.42.0.0/16",))


@pytest.mark.parametrize("form", FORMS)
def test_a_setting_is_cited_at_the_line_of_its_value(form: str) -> None:
    files = FORMS[form]
    place, *_ = (
        f"{path}:{number}"
        for path, text in reversed(list(files.items()))
        for number, line in reversed([*enumerate(text.splitlines(), 1)])
        if "clusterPoolIPv4PodCIDRList" in line or "10.42.0.0/16" in line
    )
    if form == "ApplicationSet":
        place = "a.yaml:6"  # The element of the generator.
    assert str(only_cluster(files).source_of("pod_cidrs")) == place


def test_a_setting_that_a_patch_lays_over_the_release_is_not_cited_at_the_line_of_another_value() -> None:
    release = f"{_RELEASE}  values:\n    policyEnforcementMode: always\n    policyAuditMode: true\n"
    patch = f"{_RELEASE.partition('spec:')[0]}spec: {{values: {{policyEnforcementMode: never}}}}\n"
    kustomization = "resources: [release.yaml]\npatches: [{path: patch.yaml}]\n"
    files = {"release.yaml": release, "patch.yaml": patch, "kustomization.yaml": kustomization}
    cluster = only_cluster(files)
    assert (cluster.enforcement, cluster.audit) == ("never", True)
    assert str(cluster.source_of("enforcement")) == "patch.yaml:4"
    assert str(cluster.source_of("audit")) == "release.yaml:8"


def test_rke2_lays_a_config_over_a_chart_of_its_own() -> None:
    text = (
        "apiVersion: helm.cattle.io/v1\nkind: HelmChartConfig\nmetadata: {name: rke2-cilium, namespace: kube-system}\n"
        f"spec:\n  valuesContent: |-\n    {POOL}\n"
    )
    assert only_cluster({"a.yaml": text}).pod_cidrs == ("10.42.0.0/16",)
    assert not inventory({"a.yaml": text.replace("rke2-cilium", "rke2-coredns")}).clusters


@pytest.mark.parametrize(
    ("values", "counts"),
    [
        (f"{POOL}\nkubeProxyReplacement: true\n", True),
        ("cluster: {name: default}\n" + POOL, True),
        # One key alone may be of any chart.
        (POOL, False),
    ],
)
def test_a_values_file_counts_by_its_keys(values: str, counts: bool) -> None:
    assert len(inventory({"cilium/values.yaml": values}).clusters) == counts


def test_two_values_files_without_a_name_are_not_one_cluster() -> None:
    files = {f"cilium/{name}/values.yaml": f"{POOL}\nkubeProxyReplacement: true\n" for name in ("a", "b")}
    assert not inventory(files).clusters


def test_values_that_are_not_read_leave_defaults_open() -> None:
    made = inventory({"a.yaml": f"{_RELEASE}  valuesFrom: [{{kind: Secret, name: values}}]\n"})
    assert not made.clusters
    assert [(each.settings.name, each.settings.pods_within) for each in made.installs] == [(None, None)]


_CONFIG = (
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cilium-config, namespace: kube-system}\n"
    "data: {ipam: kubernetes, ipv4-native-routing-cidr: 10.40.0.0/13}\n"
)
_TALOS = "cluster:\n  network: {podSubnets: [10.42.0.0/16]}\n"


@pytest.mark.parametrize(
    ("files", "line"),
    [
        ({"cm.yaml": _CONFIG, "talos.yaml": _TALOS}, "cm.yaml:1"),
        (
            {
                "talos.yaml": f"{_TALOS}  inlineManifests:\n    - name: cilium\n      contents: |\n        "
                + _CONFIG.replace("\n", "\n        ").rstrip()
                + "\n"
            },
            "talos.yaml:6",
        ),
    ],
    ids=["a manifest", "a manifest that Talos is given"],
)
def test_the_agents_own_settings_say_where_pods_are(files: Mapping[str, str], line: str) -> None:
    cluster = only_cluster(files)
    assert (cluster.ipam, cluster.pods_within, cluster.pod_cidrs) == (
        "kubernetes",
        ("10.40.0.0/13",),
        ("10.42.0.0/16",),
    )
    assert str(cluster.source) == line


_AUTO = "autoCreateCiliumPodIPPools: {default: {ipv4: {cidrs: [10.60.0.0/16], maskSize: 27}}}"
_POOL = (
    "apiVersion: cilium.io/v2alpha1\nkind: CiliumPodIPPool\nmetadata: {name: media}\n"
    "spec: {ipv4: {cidrs: [CIDR], maskSize: 27}}\n"
)


@pytest.mark.parametrize(
    ("values", "pool", "pods"),
    [
        (f"{{ipam: {{mode: multi-pool, operator: {{{_AUTO}}}}}}}", "", ("10.60.0.0/16",)),
        (f"{{ipam: {{mode: multi-pool, operator: {{{_AUTO}}}}}}}", "10.61.0.0/16", ("10.60.0.0/16", "10.61.0.0/16")),
        ("{ipam: {mode: multi-pool}}", "10.61.0.0/16", ("10.61.0.0/16",)),
        (f"{{ipam: {{mode: multi-pool, operator: {{{_AUTO}}}}}}}", "'${POOL}'", None),
        (f"{{ipam: {{mode: kubernetes, operator: {{{_AUTO}}}}}}}", "10.61.0.0/16", None),
        ("{ipam: {mode: multi-pool}}", "", None),
    ],
)
def test_pools_of_namespaces_count_in_their_mode_only(values: str, pool: str, pods: tuple[str, ...] | None) -> None:
    files = {"a.yaml": f"{_RELEASE}  values: {values}\n"}
    if pool:
        files["pool.yaml"] = _POOL.replace("CIDR", pool)
    assert only_cluster(files).pod_cidrs == pods


def test_kops_installs_cilium_with_the_ranges_of_nodes() -> None:
    text = (
        "apiVersion: kops.k8s.io/v1alpha2\nkind: Cluster\nmetadata: {name: c.example.com}\n"
        "spec: {podCIDR: 10.42.0.0/16, networking: {cilium: {version: v1.18.3}}}\n"
    )
    cluster = only_cluster({"a.yaml": text})
    assert (cluster.version, cluster.ipam, cluster.pod_cidrs) == ("1.18.3", "kubernetes", ("10.42.0.0/16",))
    assert not inventory({"a.yaml": text.replace("{cilium: {version: v1.18.3}}", "{calico: {}}")}).installs


def test_an_installation_that_nothing_applies_is_not_one_of_an_archive() -> None:
    release = f"{_RELEASE}  values: {{{POOL}}}\n"
    old = release.replace("10.42.0.0", "10.99.0.0").replace("1.18.3", "1.15.1")
    cluster = only_cluster({"apps/cilium.yaml": release, "archive/cilium.yaml": old})
    assert (cluster.version, cluster.pod_cidrs) == ("1.18.3", ("10.42.0.0/16",))
    assert only_cluster({"examples/cilium.yaml": release}).version == "1.18.3"
    assert not inventory({"docs/cilium-values.yaml": f"{POOL}\nkubeProxyReplacement: true\n"}).clusters


def test_a_setting_is_not_cited_from_the_values_beside_another_installation() -> None:
    def folder(name: str, mode: str) -> dict[str, str]:
        return {
            f"{name}/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
            "helmCharts: [{name: cilium, version: 1.18.3, namespace: kube-system, valuesFile: v.yaml}]\n",
            f"{name}/v.yaml": f"cluster: {{name: {name}}}\n{mode}",
        }

    mode = "ipam: {mode: kubernetes}\n"
    made = inventory({**folder("a", mode), **folder("b", f"# own\n{mode}")})
    assert [str(each.source_of("ipam")) for each in made.clusters] == ["a/v.yaml:2", "b/v.yaml:3"]


def test_the_lines_of_ranges_and_of_a_proxys_port() -> None:
    values = "ipv4NativeRoutingCIDR: 10.40.0.0/13\n    ipv6NativeRoutingCIDR: fd00::/56\n    k8sServicePort: '7445'\n"
    text = f"{_RELEASE}  values:\n    k8sServiceHost: localhost\n    {values}"
    cluster = only_cluster({"a.yaml": text})
    assert (cluster.pods_within, cluster.api_server_port) == (("10.40.0.0/13", "fd00::/56"), 6443)
    assert [str(cluster.source_of(each)) for each in ("pods_within", "api_server_port")] == ["a.yaml:8", "a.yaml:10"]


def test_a_pool_may_be_several_ranges_in_one_text() -> None:
    pool = "{clusterPoolIPv4PodCIDRList: 10.42.0.0/16 10.44.0.0/16}"
    cluster = only_cluster({"a.yaml": f"{_RELEASE}  values: {{ipam: {{operator: {pool}}}}}\n"})
    assert cluster.pod_cidrs == ("10.42.0.0/16", "10.44.0.0/16")


@pytest.mark.parametrize(
    ("release", "local", "enforced"),
    [
        ("a/cilium.yaml", {"a/": "a", "b/": "b"}, {"a": "always", "b": None}),
        ("c/cilium.yaml", {"a/": "a", "b/": "b"}, {"a": None, "b": None}),
        ("a/cilium.yaml", {"a/": "a", "a": "b"}, {"a": None, "b": None}),
    ],
)
def test_values_without_a_name_are_those_of_the_cluster_in_whose_folder_they_lie(
    release: str, local: Mapping[str, str], enforced: Mapping[str, str | None]
) -> None:
    configured = [Cluster(name, Source("cnpfix.toml"), ("**",)) for name in ("a", "b")]
    files = {release: f"{_RELEASE}  values: {{policyEnforcementMode: always}}\n"}
    made = inventory(files, clusters=configured, local=local)
    assert {cluster.name: cluster.enforcement for cluster in made.clusters} == enforced
    named = {release: f"{_RELEASE}  values: {{policyEnforcementMode: always, cluster: {{name: other}}}}\n"}
    assert not any(cluster.enforcement for cluster in inventory(named, clusters=configured, local=local).clusters)
