"""Releases rendered by the real helm: what they make, what cannot be rendered, and what is kept."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from rewriter.cache import CacheFolder
from rewriter.engine.run.opening import open_workspace
from rewriter.engine.run.workspace import Request
from rewriter.inventory.facts.model import Source
from rewriter.inventory.releases.model import Chart, Release
from rewriter.inventory.render import helm as helm_module
from rewriter.inventory.render import process
from rewriter.inventory.render.helm import Helm, HelmError
from rewriter.inventory.render.renderer import Renderer, find_helm
from rewriter.inventory.tree.repository import TreeInventory
from tests.programs import program

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: "{{ .Release.Name }}-web", namespace: "{{ .Release.Namespace }}"}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web, tier: "{{ .Values.tier }}"}}
    spec: {containers: [{name: web, image: web, ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: "{{ .Release.Name }}"}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
"""
CHART = {
    "charts/web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.2.3\n",
    "charts/web/values.yaml": "tier: front\n",
    "charts/web/templates/all.yaml": DEPLOYMENT,
}
RELEASE = """\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: shop, namespace: flux-system}
spec:
  targetNamespace: web
  chart: {spec: {chart: ./charts/web, sourceRef: {kind: GitRepository, name: flux-system}}}
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def tree(root: Path, files: Mapping[str, str], helm: Helm | None = None) -> TreeInventory:
    """The inventory of files that lie in a folder, with the real helm unless another is given."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    kept = CacheFolder(root / "kept")
    render = Renderer(helm or Helm(program("helm")), lambda inner: root / inner, cache=kept)
    found = TreeInventory(root=str(root), read=lambda path: Path(path).read_bytes(), render=render)
    for path in files:
        found.offer(str(root / path), (root / path).read_bytes())
    return found


def test_a_flux_release_of_a_chart_in_the_tree(tmp_path: Path) -> None:
    found = tree(tmp_path, {**CHART, "apps/r.yaml": RELEASE + "  values: {tier: back}\n"})
    [workload] = found.workloads_with({"app": "web"})
    assert (workload.name, workload.namespace, workload.labels["tier"]) == ("web-shop-web", "web", "back")
    assert str(workload.source) == f"{tmp_path}/apps/r.yaml:1 (chart web 1.2.3, web/templates/all.yaml)"
    [service] = found.services("web-shop", "web")
    assert service.ports[0].target == "http"
    assert found.completeness("web").complete


def test_post_renderers_patch_what_is_rendered(tmp_path: Path) -> None:
    patch = (
        "  postRenderers:\n    - kustomize:\n        patches:\n          - target: {kind: Deployment}\n"
        "            patch: |\n              - op: add\n                path: /spec/template/metadata/labels/by\n"
        "                value: flux\n"
    )
    found = tree(tmp_path, {**CHART, "apps/r.yaml": RELEASE + patch})
    assert [each.labels["by"] for each in found.all_workloads()] == ["flux"]
    assert found.completeness("web").complete


@pytest.mark.parametrize(
    ("path", "text", "name"),
    [
        (
            "kustomization.yaml",
            "namespace: web\nhelmCharts: [{name: web, releaseName: a, valuesInline: {tier: b}}]\n",
            "a-web",
        ),
        (
            "app.yaml",
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a, namespace: argocd}\n"
            "spec:\n  source: {repoURL: https://x/y.git, path: charts/web, helm: {valuesObject: {tier: b}}}\n"
            "  destination: {namespace: web, name: in-cluster}\n",
            "a-web",
        ),
    ],
)
def test_argo_cd_and_kustomize_render_charts_of_the_tree(tmp_path: Path, path: str, text: str, name: str) -> None:
    found = tree(tmp_path, {**CHART, path: text})
    assert [(each.name, each.namespace, each.labels["tier"]) for each in found.all_workloads()] == [(name, "web", "b")]


def test_a_chart_in_helms_own_cache(tmp_path: Path, cache: Path) -> None:
    helm = program("helm")
    tree(tmp_path, CHART)
    (cache / "helm/repository").mkdir(parents=True)
    target = str(cache / "helm/repository")
    subprocess.run([helm, "package", str(tmp_path / "charts/web"), "-d", target], check=True, capture_output=True)
    release = (
        "apiVersion: helm.cattle.io/v1\nkind: HelmChart\nmetadata: {name: k, namespace: kube-system}\n"
        "spec:\n  chart: web\n  repo: https://charts.example.com\n  version: 1.2.3\n  targetNamespace: web\n"
        "  valuesContent: |\n    tier: x\n"
    )
    found = tree(tmp_path, {"k.yaml": release})
    assert [(each.name, each.namespace, each.labels["tier"]) for each in found.all_workloads()] == [
        ("k-web", "web", "x")
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"charts/web/templates/all.yaml": '{{ fail "no" }}'},
        {"charts/web/templates/all.yaml": "kind: [\n"},
        {
            "charts/web/Chart.yaml": CHART["charts/web/Chart.yaml"]
            + "dependencies: [{name: gone, version: 1.0.0, import-values: [data]}]\n"
        },
        {"apps/r.yaml": RELEASE + "  valuesFrom: [{kind: Secret, name: s}]\n"},
        {"apps/r.yaml": RELEASE.replace("./charts/web", "./charts/gone")},
    ],
)
def test_what_cannot_be_rendered_hides(tmp_path: Path, change: dict[str, str]) -> None:
    found = tree(tmp_path, {**CHART, "apps/r.yaml": RELEASE, **change})
    assert not found.all_workloads()
    assert not found.completeness("web").complete


def test_a_rendering_is_kept_until_what_it_depends_on_changes(tmp_path: Path) -> None:
    real = program("helm")
    calls = tmp_path / "calls"
    counting = tmp_path / "helm"
    counting.write_text(f'#!/bin/sh\necho "$1" >> {calls}\nexec {real} "$@"\n')
    counting.chmod(0o755)

    def rendered(values: str) -> list[str]:
        calls.write_text("")
        found = tree(tmp_path, {**CHART, "apps/r.yaml": RELEASE + values}, Helm(str(counting)))
        assert len(found.all_workloads()) == 1
        return [line for line in calls.read_text().split() if line == "template"]

    assert rendered("") == ["template"]
    assert rendered("") == []
    assert rendered("  values: {tier: x}\n") == ["template"]
    changed = {**CHART, "charts/web/values.yaml": "tier: other\n"}
    calls.write_text("")
    found = tree(tmp_path, {**changed, "apps/r.yaml": RELEASE}, Helm(str(counting)))
    assert [each.labels["tier"] for each in found.all_workloads()] == ["other"]


def test_helm_that_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "helm"
    slow.write_text("#!/bin/sh\ntail -f /dev/null\n")
    slow.chmod(0o755)
    monkeypatch.setattr(helm_module, "RENDER_SECONDS", 1)
    with pytest.raises(HelmError, match="longer than 1 s"):
        Helm(str(slow)).render(tmp_path, "a", "b", {})


def test_helm_that_writes_without_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loud = tmp_path / "helm"
    loud.write_text("#!/bin/sh\nexec yes\n")
    loud.chmod(0o755)
    monkeypatch.setattr(process, "MOST_BYTES", 1 << 20)
    with pytest.raises(HelmError, match="more than 1 MB"):
        Helm(str(loud)).render(tmp_path, "a", "b", {})


def test_helm_sees_nothing_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = tmp_path / "helm"
    shown.write_text("#!/bin/sh\nenv\n")
    shown.chmod(0o755)
    monkeypatch.setenv("KUBECONFIG", "/home/me/config")
    monkeypatch.setenv("API_KEY", "secret")
    lines = Helm(str(shown)).render(tmp_path, "a", "b", {})
    assert "secret" not in lines and "/home/me" not in lines
    assert f"HOME={os.environ.get('HOME')}\n" not in lines


def test_nothing_is_pulled_unless_asked(tmp_path: Path) -> None:
    told = tmp_path / "helm"
    told.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n')
    told.chmod(0o755)
    chart = Chart("redis", "1.2.3", url="oci://registry.example.com/charts/redis")
    release = Release("r", "web", chart, {}, Source("r.yaml", 1))
    assert Renderer(Helm(str(told)), lambda inner: Path(inner))(release) is None
    assert not (tmp_path / "calls").exists()
    Renderer(Helm(str(told)), lambda inner: Path(inner), fetch=True)(release)
    assert "pull oci://registry.example.com/charts/redis --version 1.2.3" in (tmp_path / "calls").read_text()


def test_helm_is_found_on_path_only(tmp_path: Path) -> None:
    assert find_helm(str(tmp_path)) is None


def test_a_root_that_is_a_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the command line has it: helm itself runs in another folder."""
    for path, text in {**CHART, "apps/r.yaml": RELEASE}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(program('helm')).parent}:{os.environ['PATH']}")
    workspace = open_workspace(Request(render="auto"), lambda _count: None)
    assert [made.reason for made in workspace.inventory.releases] == [""]
    assert [each.name for each in workspace.inventory.all_workloads()] == ["web-shop-web"]
