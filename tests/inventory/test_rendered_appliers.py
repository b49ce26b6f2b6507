"""Applications that charts make: what they bring is known, and what is not followed hides."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.inventory.render.test_render import CHART, tree
from tests.inventory.support import inventory

ROOT = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: root, namespace: argocd}
spec:
  source: {repoURL: https://x/y.git, path: apps}
  destination: {namespace: argocd, name: in-cluster}
"""
APPLICATION = """\
{{- range .Values.apps }}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: {{ .name }}, namespace: argocd}
spec:
  source: {repoURL: {{ $.Values.repository }}, path: {{ .path }}}
  destination: {namespace: {{ .name }}, name: in-cluster}
{{- end }}
"""
APPS = {
    "root.yaml": ROOT,
    "apps/Chart.yaml": "apiVersion: v2\nname: apps\nversion: 0.1.0\n",
    "apps/templates/apps.yaml": APPLICATION,
    "apps/values.yaml": "repository: https://x/y.git\n"
    "apps: [{name: web, path: charts/web}, {name: shop, path: manifests/shop}]\n",
}
SHOP = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec: {template: {metadata: {labels: {app: shop}}, spec: {containers: [{name: web, image: web}]}}}
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_what_the_applications_of_a_chart_bring_is_known(tmp_path: Path) -> None:
    found = tree(tmp_path, {**CHART, **APPS, "manifests/shop/all.yaml": SHOP})
    workloads = {f"{each.namespace}/{each.name}": each for each in found.all_workloads()}
    assert set(workloads) == {"web/web-web", "shop/shop"}
    cited = f"{tmp_path}/root.yaml:1 (chart web 1.2.3, web/templates/all.yaml)"
    assert str(workloads["web/web-web"].source) == cited
    assert found.completeness("shop").complete and found.completeness("web").complete


def test_a_chart_of_charts_of_applications(tmp_path: Path) -> None:
    outer = {
        "outer.yaml": ROOT.replace("root", "outer").replace("path: apps", "path: outer"),
        "outer/Chart.yaml": "apiVersion: v2\nname: outer\nversion: 0.1.0\n",
        "outer/templates/root.yaml": ROOT.replace("name: root", "name: {{ .Release.Name }}-root"),
    }
    files = {**CHART, **APPS, **outer, "manifests/shop/all.yaml": SHOP}
    del files["root.yaml"]
    assert {each.name for each in tree(tmp_path, files).all_workloads()} == {"web-web", "shop"}


def test_what_is_of_another_repository_hides(tmp_path: Path) -> None:
    other = APPS["apps/values.yaml"] + "    \n"
    template = APPLICATION.replace("{{ $.Values.repository }}", "https://other/z.git")
    files = {**APPS, "apps/templates/apps.yaml": template, "apps/values.yaml": other}
    own = ROOT.replace("root", "own").replace("path: apps", "path: manifests/shop")
    found = tree(tmp_path, {**files, "own.yaml": own, "manifests/shop/all.yaml": SHOP})
    hidden = [str(reason) for reason in found.completeness("argocd").hidden]
    assert any("Application web, which applies charts/web of https://other/z.git" in each for each in hidden)


def test_without_helm_such_a_chart_may_bring_anything_anywhere() -> None:
    found = inventory({**APPS, "manifests/shop/all.yaml": SHOP})
    assert any("its chart apps" in str(reason) for reason in found.completeness("shop").hidden)


KAFKA = "apiVersion: example.com/v1\nkind: Queue\nmetadata: {name: '{{ .Release.Name }}'}\nspec: {replicas: 1}\n"
RELEASE = (
    "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n"
    "metadata: {name: '{{ .Release.Name }}', namespace: web}\n"
    "spec: {chart: {spec: {chart: redis, sourceRef: {kind: HelmRepository, name: x}}}}\n"
)


@pytest.mark.parametrize(
    ("template", "reason"), [(KAFKA, "Queue web"), (RELEASE, "HelmRelease web"), ("a: {{ .Release.Name }}\n", "")]
)
def test_what_a_rendered_chart_holds_may_make_pods(tmp_path: Path, template: str, reason: str) -> None:
    files = {**CHART, "charts/web/templates/more.yaml": template}
    found = tree(tmp_path, {**files, "web.yaml": ROOT.replace("root", "web").replace("apps", "charts/web")})
    hidden = [str(each) for each in found.completeness("argocd").hidden + found.completeness("web").hidden]
    assert any(each.startswith(reason) for each in hidden) if reason else found.completeness("argocd").complete


OF_VALUES = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: apps, namespace: argocd}
spec:
  destination: {namespace: argocd, name: in-cluster}
  source:
    repoURL: https://argoproj.github.io/argo-helm
    chart: argocd-apps
    targetRevision: 2.0.2
    helm: {valuesObject: %s}
"""


@pytest.mark.parametrize(
    "values",
    [
        "{applications: {shop: %s}}",
        "{applications: [{name: shop, %s}]}",
        "{applicationsets: {set: {generators: [{list: {elements: [{name: shop}]}}], template: {metadata: "
        "{name: '{{name}}'}, spec: %s}}}}",
    ],
)
def test_argocd_apps_makes_applications_of_its_values(values: str) -> None:
    spec = (
        "{source: {repoURL: https://x/y.git, path: manifests/shop}, destination: {namespace: shop, name: in-cluster}}"
    )
    text = OF_VALUES % (values % (spec[1:-1] if "name: shop, " in values else spec))
    (workload,) = inventory({"apps.yaml": text, "manifests/shop/all.yaml": SHOP}).all_workloads()
    assert (workload.name, workload.namespace) == ("shop", "shop")
