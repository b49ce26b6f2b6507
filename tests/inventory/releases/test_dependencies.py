"""Charts of the tree that depend on others: what they make without the archives of these."""

from __future__ import annotations

from pathlib import Path

import pytest

from rewriter.inventory.releases.model import Made
from tests.inventory.render.test_render import tree
from tests.inventory.support import inventory

APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: front, namespace: argocd}
spec:
  source: {repoURL: https://x/y.git, path: apps/front, helm: {valuesObject: {grafana: {podLabels: {a: b}}}}}
  destination: {namespace: web, name: in-cluster}
"""
CHART = "apiVersion: v2\nname: front\nversion: 0.1.0\ndependencies:\n"
GRAFANA = "  - {name: grafana, version: 8.x.x, repository: https://grafana.github.io/helm-charts%s}\n"
OWN = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: "{{ .Release.Name }}-own"}
spec: {template: {metadata: {labels: {app: own}}, spec: {containers: [{name: web, image: web}]}}}
"""


def files(dependency: str = GRAFANA % "", values: str = "grafana: {service: {targetPort: 3001}}\n") -> dict[str, str]:
    return {"app.yaml": APPLICATION, "apps/front/Chart.yaml": CHART + dependency, "apps/front/values.yaml": values}


def made(dependency: str, values: str = "{}\n", **more: str) -> list[Made]:
    return list(inventory({**files(dependency, values), **more}).releases)


def test_a_dependency_is_what_the_same_release_would_make_of_its_chart() -> None:
    found = inventory(files())
    (workload,) = found.all_workloads()
    assert (workload.name, workload.namespace, workload.labels["a"]) == ("front-grafana", "web", "b")
    assert [port.number for port in workload.ports] == [3001]
    assert workload.source.line == 1 and workload.source.path == "app.yaml"
    reasons = [each.reason for each in found.releases]
    assert reasons == ["", "its chart grafana 8.x.x is not rendered, and known in part"]


def test_the_lock_says_which_version() -> None:
    lock = "dependencies: [{name: grafana, version: 8.6.0}]\n"
    assert str(made(GRAFANA % "", **{"apps/front/Chart.lock": lock})[1].release.chart) == "grafana 8.6.0"


@pytest.mark.parametrize(
    ("more", "values", "there"),
    [
        (", condition: grafana.enabled", "grafana: {enabled: false}\n", False),
        (", condition: grafana.enabled", "grafana: {enabled: true}\n", True),
        (", condition: grafana.enabled", "{}\n", True),
        (", condition: 'x.open,grafana.enabled'", "x: {open: true}\ngrafana: {enabled: false}\n", True),
        (", tags: [metrics]", "tags: {metrics: false}\n", False),
        (", tags: [metrics, all]", "tags: {metrics: false, all: true}\n", True),
    ],
)
def test_what_is_switched_off_is_not_there(more: str, values: str, there: bool) -> None:
    assert len(made(GRAFANA % more, values)) == 1 + there


def test_an_alias_is_not_followed_and_hides() -> None:
    found = made(GRAFANA % ", alias: charts")
    assert [each.complete for each in found] == [True, False]
    assert "grafana as charts" in found[1].reason


def test_a_chart_of_the_tree_has_dependencies_of_its_own() -> None:
    library = {
        "libs/base/Chart.yaml": CHART.replace("front", "base") + GRAFANA % "",
        "libs/base/values.yaml": "grafana: {fullnameOverride: of-the-base}\n",
    }
    dependency = "  - {name: base, version: 0.1.0, repository: file://../../libs/base}\n"
    found = inventory({**files(dependency, "base: {grafana: {podLabels: {c: d}}}\n"), **library})
    (workload,) = found.all_workloads()
    assert (workload.name, workload.labels["c"]) == ("of-the-base", "d")


def test_a_chart_of_the_tree_is_not_the_published_one_of_its_name() -> None:
    chart = {"apps/front/Chart.yaml": "apiVersion: v2\nname: grafana\nversion: 8.6.0\n"}
    found = inventory({"app.yaml": APPLICATION, "apps/front/templates/all.yaml": "a: {{ .Values.b }}\n", **chart})
    assert not found.all_workloads() and not found.completeness("web").complete


def test_own_templates_are_not_known_without_helm() -> None:
    found = made(GRAFANA % "", **{"apps/front/templates/own.yaml": OWN})
    assert [each.complete for each in found] == [False, False]


def test_own_templates_render_without_what_is_not_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    found = tree(tmp_path, {**files(), "apps/front/templates/own.yaml": OWN})
    assert {each.name for each in found.all_workloads()} == {"front-grafana", "front-own"}
    assert [each.complete for each in found.releases] == [True, False]
