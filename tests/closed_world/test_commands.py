"""Commands that Terraform, tools beside the cluster and containers inside of it run on pods hide what they make."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.closed_world.hiding import BASE
from tests.closed_world.manifests import Files, found

_HELM = "helm upgrade --install r x/r -n shop"
_LABEL = "kubectl label pods --all -n shop app=scraper"


def _cron(command: str) -> Files:
    return {
        "ops/c.yaml": "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: x, namespace: ops}\nspec:\n"
        "  jobTemplate:\n    spec:\n      template:\n        metadata: {labels: {app: x}}\n        spec:\n"
        f"          containers:\n          - name: a\n            image: i\n            command:{command}\n"
    }


def _terraform(kind: str, body: str) -> Files:
    return {"m.tf": f'resource "{kind}" "r" {{\n  {body}\n}}\n'}


def _local(command: str) -> Files:
    return _terraform("null_resource", f'provisioner "local-exec" {{\n    command = "{command}"\n  }}')


_HIDES: dict[str, tuple[Files, str]] = {
    "helm in Terraform": (_local(_HELM), "`helm upgrade` in m.tf:3"),
    "labels in Terraform": (_local(_LABEL), "`kubectl label` in m.tf:3"),
    "Application of Terraform": (
        _terraform("argocd_application", "wait = true"),
        "argocd_application r of Terraform, m.tf:1",
    ),
    "labels of a pod by Terraform": (
        _terraform("kubernetes_labels", 'kind = "Pod"'),
        "kubernetes_labels r of Terraform",
    ),
    "OpenTofu": ({"m.tofu": _terraform("kubernetes_pod", "")["m.tf"]}, "kubernetes_pod r of Terraform, m.tofu:1"),
    "list in a container": (
        _cron(" [kubectl, label, pods, --all, -n, shop, app=scraper]"),
        "`kubectl label` in ops/c.yaml:13",
    ),
    "lines in a container": (
        _cron("".join(f"\n            - {word}" for word in _LABEL.split())),
        "`kubectl label` in ops/c.yaml:14",
    ),
    "shell in a container": (_cron(' [sh, -c, "kubectl create deployment s -n shop"]'), "ops/c.yaml:13"),
    "script in a ConfigMap": (
        {"ops/c.yaml": f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\ndata:\n  run.sh: |\n    {_HELM}\n"},
        "`helm upgrade` in ops/c.yaml:6",
    ),
    "script of a package": ({"package.json": f'{{"scripts": {{"deploy": "{_HELM}"}}}}\n'}, "package.json:1"),
    "fish": ({"d.fish": f"{_HELM}\n"}, "d.fish:1"),
    "Buildkite": ({".buildkite/pipeline.yml": f"steps:\n- command: {_HELM}\n"}, ".buildkite/pipeline.yml:2"),
    "Zarf": (
        {"zarf.yaml": "kind: ZarfPackageConfig\ncomponents: [{charts: [{name: x}]}]\n"},
        "a package of Zarf, zarf.yaml",
    ),
    "Kluctl": ({"a/helm-chart.yaml": "helmChart: {chartName: c}\n"}, "a chart of Kluctl, a/helm-chart.yaml"),
    "Helmsman": (
        {"dsf.yaml": "namespaces: {shop: {}}\napps:\n  redis: {namespace: shop, chart: x/redis}\n"},
        "applications of Helmsman in dsf.yaml",
    ),
}
_CLEAR: dict[str, Files] = {
    "Terraform that looks": _local("kubectl get pods -n shop"),
    "labels of a node by Terraform": _terraform("kubernetes_labels", 'kind = "Node"'),
    "restart in a container": _cron(" [kubectl, rollout, restart, deployment/web, -n, shop]"),
    "patch of a Service in a container": _cron(" [kubectl, patch, svc, web, -n, shop, -p, '{}']"),
    "remark in a ConfigMap": {
        "ops/c.yaml": f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\ndata:\n  run.sh: |\n    # {_HELM}\n"
    },
    "package that builds": {"package.json": '{"scripts": {"build": "tsc"}}\n'},
    "apps of something else": {"settings.yaml": "apps:\n  redis: {replicas: 2}\n"},
}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", _HIDES)
def test_a_command_hides_what_it_makes(name: str, tmp_path: Path) -> None:
    files, words = _HIDES[name]
    findings = found(tmp_path, {**BASE, **files}, "missing-namespace")
    assert [(each.applicability, each.fixed) for each in findings] == [("unsafe", False)]
    assert words in findings[0].advice


@pytest.mark.parametrize("name", _CLEAR)
def test_a_command_that_makes_nothing_hides_nothing(name: str, tmp_path: Path) -> None:
    findings = found(tmp_path, {**BASE, **_CLEAR[name]}, "missing-namespace")
    assert [(each.applicability, each.fixed) for each in findings] == [("evident", True)]
