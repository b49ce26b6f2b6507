"""Releases by where their chart and their values come from: Flux, Argo CD, Kustomize and k3s."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from rewriter.inventory.releases.model import Release
from tests.inventory.support import flux, git_repository, inventory

OWN = "https://github.com/me/home.git"
CHART = {
    "charts/web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.2.3\n",
    "charts/web/values.yaml": "tier: front\nservice: {port: 80, name: web}\n",
    "charts/web/prod.yaml": "service: {port: 90}\n",
}
FLUX = {
    **CHART,
    "flux/git.yaml": git_repository(OWN),
    "flux/other.yaml": git_repository("https://github.com/other/charts.git", "other"),
    "flux/apps.yaml": flux("apps", "./apps", postBuild={"substitute": {"TIER": "back"}}),
}


def release(spec: str, kind: str = "HelmRelease", **more: str) -> Release:
    head = f"apiVersion: helm.toolkit.fluxcd.io/v2\nkind: {kind}\nmetadata: {{name: web, namespace: shop}}\nspec:\n"
    files = {**FLUX, "apps/release.yaml": head + spec, **more}
    (found,) = [made.release for made in inventory(files).releases]
    return found


def chart(more: str = "", source: str = "flux-system") -> str:
    return f"  chart: {{spec: {{chart: ./charts/web, sourceRef: {{kind: GitRepository, name: {source}}}{more}}}}}\n"


@pytest.mark.parametrize(
    ("files", "values"),
    [
        ("./charts/web/values.yaml, ./charts/web/prod.yaml", {"tier": "front", "service": {"port": 90, "name": "web"}}),
        # Without the chart's own file nothing of it counts: helm takes out what is null.
        ("charts/web/prod.yaml", {"tier": None, "service": {"port": 90, "name": None}}),
    ],
)
def test_files_of_values_count_in_place_of_the_charts_own(files: str, values: Mapping[str, Any]) -> None:
    found = release(chart(f", valuesFiles: [{files}]"))
    assert (found.values, found.unread) == (values, "")
    laid = release(chart(f", valuesFiles: [{files}]") + "  values: {tier: x}\n")
    assert laid.values == {**values, "tier": "x"}


@pytest.mark.parametrize(
    ("more", "unread"),
    [("", "charts/web/gone.yaml"), (", ignoreMissingValuesFiles: true", "")],
)
def test_a_file_of_values_that_is_not_there(more: str, unread: str) -> None:
    assert release(chart(f", valuesFiles: [charts/web/gone.yaml]{more}")).unread == unread


def test_files_of_values_within_a_published_chart_are_not_read() -> None:
    spec = "  chart: {spec: {chart: web, sourceRef: {kind: HelmRepository, name: x}, valuesFiles: [prod.yaml]}}\n"
    assert release(spec).unread == "valuesFiles"


def test_a_chart_of_another_repository_is_not_the_one_at_the_same_path() -> None:
    assert release(chart(source="other")).chart.folder is None
    assert release(chart()).chart.folder == "charts/web"


def test_a_chart_that_a_helm_chart_of_flux_names() -> None:
    named = (
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmChart\nmetadata: {name: c, namespace: shop}\n"
        "spec: {chart: ./charts/web, sourceRef: {kind: GitRepository, name: flux-system},"
        " valuesFiles: [charts/web/prod.yaml]}\n"
    )
    found = release("  chartRef: {kind: HelmChart, name: c}\n", **{"apps/chart.yaml": named})
    assert (found.chart.folder, found.values["service"]["port"]) == ("charts/web", 90)


CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: v, namespace: shop}\ndata: {values.yaml: 'tier: ${TIER}'}\n"


@pytest.mark.parametrize(
    "more",
    [
        {"apps/config.yaml": CONFIG},
        {
            "apps/kustomization.yaml": "resources: [release.yaml]\n"
            "configMapGenerator: [{name: v, files: [values.yaml=web.yaml]}]\n",
            "apps/web.yaml": "tier: ${TIER}\n",
        },
    ],
)
def test_variables_in_the_values_of_a_config_map_are_filled_in(more: Mapping[str, str]) -> None:
    assert release(chart() + "  valuesFrom: [{kind: ConfigMap, name: v}]\n", **more).values == {"tier": "back"}


def application(source: str, **more: str) -> Release:
    head = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: web, namespace: argocd}\n"
    spec = f"spec:\n  destination: {{name: in-cluster, namespace: shop}}\n  {source}\n"
    own = head.replace("web", "own") + f"spec: {{source: {{repoURL: {OWN}, path: apps}}}}\n"
    files = {**CHART, "argo/web.yaml": head + spec, "argo/own.yaml": own, "apps/none.yaml": "a: 1\n", **more}
    found = [made.release for made in inventory(files, remotes=[OWN]).releases]
    assert len(found) == 1
    return found[0]


def test_values_as_an_object_count_in_place_of_those_as_a_text() -> None:
    helm = 'values: "tier: text\\nreplicas: 2\\n", valuesObject: {tier: object}'
    source = f"source: {{repoURL: {OWN}, path: charts/web, helm: {{{helm}}}}}"
    assert application(source).values == {"tier": "object"}


def test_parameters_from_files_are_not_read() -> None:
    source = f"source: {{repoURL: {OWN}, path: charts/web, helm: {{fileParameters: [{{name: tier, path: t.txt}}]}}}}"
    assert application(source).unread == "fileParameters"


def test_a_path_of_another_repository_is_no_chart_of_this_one() -> None:
    with pytest.raises(AssertionError):
        application("source: {repoURL: https://github.com/other/charts, path: charts/web}")


def test_a_registry_without_a_scheme_is_one_of_oci() -> None:
    found = application("source: {repoURL: quay.io/jetstack/charts, chart: cert-manager, targetRevision: v1.20.2}")
    assert found.chart.url == "oci://quay.io/jetstack/charts"


@pytest.mark.parametrize(
    ("how", "tier"),
    [("", "inline"), ("valuesMerge: merge", "file"), ("valuesMerge: replace", "inline")],
)
def test_kustomize_lays_values_over_each_other_as_it_is_asked(how: str, tier: str) -> None:
    """As `kubectl kustomize --enable-helm` renders them."""
    entry = f"{{name: web, valuesFile: v.yaml, valuesInline: {{tier: inline}}, {how}}}"
    files = {"a/kustomization.yaml": f"namespace: shop\nhelmCharts: [{entry}]\n", "a/v.yaml": "tier: file\nb: 1\n"}
    (found,) = [made.release for made in inventory(files).releases]
    assert found.values == ({"tier": tier} if "replace" in how else {"tier": tier, "b": 1})
    entry = entry.replace("v.yaml,", "v.yaml, additionalValuesFiles: [w.yaml],")
    more = {"a/kustomization.yaml": f"namespace: shop\nhelmCharts: [{entry}]\n", "a/w.yaml": "tier: last\n"}
    (found,) = [made.release for made in inventory({**files, **more}).releases]
    assert found.values["tier"] == "last"


@pytest.mark.parametrize(
    ("place", "version", "there"),
    [
        ("charts/web-1.2.3/web", "1.2.3", True),
        ("charts/web", "1.2.3", True),
        ("charts/web", "2.0.0", False),
    ],
)
def test_kustomize_takes_the_chart_of_the_version_it_names(place: str, version: str, there: bool) -> None:
    entry = f"{{name: web, repo: https://charts.example.com, version: {version}}}"
    files = {
        "a/kustomization.yaml": f"namespace: shop\nhelmCharts: [{entry}]\n",
        f"a/{place}/Chart.yaml": CHART["charts/web/Chart.yaml"],
    }
    (found,) = [made.release for made in inventory(files).releases]
    assert found.chart.folder == (f"a/{place}" if there else None)


def test_k3s_installs_an_archive_by_its_address() -> None:
    url = "https://charts.example.com/traefik-33.2.1.tgz"
    head = "apiVersion: helm.cattle.io/v1\nkind: HelmChart\nmetadata: {name: t, namespace: edge}\n"
    text = f"{head}spec: {{chart: {url}}}\n"
    (found,) = [made.release for made in inventory({"k3s.yaml": text}).releases]
    assert (found.chart.name, found.chart.version, found.chart.url) == ("traefik", "33.2.1", url)


@pytest.mark.parametrize(
    "values", ["valuesObject: {a: '{{ .Release.Name }}'}", "values: \"a: '{{ .Release.Name }}'\\n\""]
)
def test_values_that_helm_fills_in_make_no_template_of_an_application(values: str) -> None:
    """Alerts, and what charts put through `tpl`."""
    source = f"source: {{repoURL: {OWN}, path: charts/web, helm: {{{values}}}}}"
    assert application(source).values == {"a": "{{ .Release.Name }}"}
    with pytest.raises(AssertionError):
        application(source.replace("charts/web", "'{{ .Values.path }}'"))


def test_values_that_helm_fills_in_make_no_template_of_a_k3s_chart() -> None:
    head = "apiVersion: helm.cattle.io/v1\nkind: HelmChart\nmetadata: {name: t, namespace: edge}\n"
    text = f"{head}spec:\n  chart: traefik\n  valuesContent: |\n    a: '{{{{ .Release.Name }}}}'\n"
    (found,) = [made.release for made in inventory({"k3s.yaml": text}).releases]
    assert found.values == {"a": "{{ .Release.Name }}"}


def test_a_release_of_another_cluster() -> None:
    found = release(chart() + "  kubeConfig: {secretRef: {name: edge}}\n")
    assert found.placement is not None and found.placement.target == "kubeconfig edge"
    here = release(chart())
    assert here.placement is not None and here.placement.target != "kubeconfig edge"
