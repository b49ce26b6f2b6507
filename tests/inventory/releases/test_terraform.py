"""Helm releases of Terraform: plain literals are read, expressions are unread or hide."""

from __future__ import annotations

import pytest

from rewriter.inventory.releases.model import Release
from rewriter.inventory.tree.repository import TreeInventory

CILIUM = """
# The network.
resource "helm_release" "cilium" {
  name       = "cilium"
  namespace  = "kube-system"
  repository = "https://helm.cilium.io"
  chart      = "cilium"
  version    = "1.18.3" # renovate
  atomic     = var.atomic
  values = [
    <<-EOT
    ipam:
      mode: cluster-pool
      operator: {clusterPoolIPv4PodCIDRList: [10.7.0.0/16]}
    EOT
    , yamlencode({ cluster = { name = "home", "id" = 1 } }),
  ]
  set {
    name  = "k8sServiceHost"
    value = "10.0.0.9"
  }
  depends_on = [module.cluster, kubernetes_namespace.x["a"]]
}
"""
GRAFANA = (
    'resource "helm_release" "g" {\n  name = "grafana"\n  namespace = "web"\n  chart = "grafana"\n'
    '  repository = "https://grafana.github.io/helm-charts"\n MORE\n}\n'
)


def inventory(text: str, **files: str) -> TreeInventory:
    made = TreeInventory(read=lambda path: files[path].encode())
    for path, content in files.items():
        made.offer(path, content.encode())
    made.offer_beside("infra/main.tf", text.encode())
    return made


def releases(text: str) -> list[Release]:
    return [each.release for each in inventory(text).releases]


def test_cilium_of_terraform_tells_of_its_cluster() -> None:
    found = inventory(CILIUM)
    (cluster,) = found.clusters
    assert (cluster.name, cluster.version, cluster.pod_cidrs) == ("home", "1.18.3", ("10.7.0.0/16",))
    assert cluster.api_server_host == "10.0.0.9"
    assert str(cluster.source) == "infra/main.tf:3"
    (release,) = (each.release for each in found.releases)
    assert (release.chart.name, release.chart.url, release.unread) == ("cilium", "https://helm.cilium.io", "")


def test_a_known_chart_is_a_fact() -> None:
    found = inventory(GRAFANA.replace("MORE", ""))
    assert [str(each) for each in found.workloads_with({"app.kubernetes.io/name": "grafana"})] == [
        "Deployment web/grafana"
    ]


@pytest.mark.parametrize(
    ("more", "unread"),
    [
        ("", ""),
        ('values = [file("${path.module}/values.yaml")]', "values"),
        ('values = [templatefile("v.yaml", { a = 1 })]', "values"),
        ("values = [<<EOT\na: ${var.a}\nEOT\n]", "values"),
        ("values = [yamlencode({ a = var.a })]", "values"),
        ("values = local.values", "values"),
        ('set {\n name = "a"\n value = var.a\n }', "a"),
        ('set = [{ name = "a", value = "b" }]', ""),
        ('set_sensitive {\n name = "a"\n value = "b"\n }', "set_sensitive"),
        ('dynamic "set" {\n for_each = var.all\n content {\n name = each.key\n }\n }', "dynamic"),
    ],
)
def test_what_is_an_expression_is_unread(more: str, unread: str) -> None:
    (release,) = releases(GRAFANA.replace("MORE", more))
    assert release.unread == unread


@pytest.mark.parametrize(
    "text",
    [
        GRAFANA.replace('"grafana"', "var.name", 1),
        GRAFANA.replace('namespace = "web"', "namespace = kubernetes_namespace.web.metadata[0].name"),
        GRAFANA.replace("MORE", "count = 2"),
        GRAFANA.replace("MORE", "for_each = var.all"),
        GRAFANA.replace('chart = "grafana"', 'chart = "${var.chart}"'),
        GRAFANA.replace("MORE", "values = ["),
    ],
)
def test_a_release_that_is_not_known_hides(text: str) -> None:
    found = inventory(text)
    assert not found.releases
    assert any("helm_release g of Terraform" in reason for reason in found.completeness("web").reasons)


def test_values_of_a_file_beside_it_and_a_chart_in_the_tree() -> None:
    text = GRAFANA.replace("MORE", 'values = [file("${path.module}/values.yaml")]')
    found = inventory(text, **{"infra/values.yaml": "nameOverride: charts\n"})
    assert found.workloads_with({"app.kubernetes.io/name": "charts"})
    local = GRAFANA.replace('chart = "grafana"', 'chart = "${path.module}/chart"').replace("MORE", "")
    found = inventory(local, **{"infra/chart/Chart.yaml": "name: web\nversion: 1.2.3\n"})
    assert [str(each.release.chart) for each in found.releases] == ["web 1.2.3"]
