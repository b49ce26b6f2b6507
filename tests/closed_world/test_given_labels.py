"""Labels that controllers give to pods from elsewhere than their template: the pods may be those of a selector."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.closed_world.hiding import BASE
from tests.closed_world.manifests import Files, found, resource

_LABELS = {"labels": {"app": "scraper"}}


def _made(api: str, kind: str, labels: Any = None, **spec: Any) -> Files:
    """An object with a pod template, which has these labels."""
    template = {"metadata": {"labels": labels} if labels else {}, "spec": {"containers": [{"name": "a", "image": "b"}]}}
    return {"shop/x.yaml": resource(api, kind, {"template": template, **spec})}


def _machine(**spec: Any) -> Files:
    template = {"metadata": {"labels": {"app": "vm"}}, "spec": {"domain": {"devices": {}}}}
    return {"shop/x.yaml": resource("kubevirt.io/v1", "VirtualMachine", {"template": template, **spec})}


def _gateway(of: str, controller: str) -> Files:
    gateway = {"gatewayClassName": of, "listeners": []}
    return {
        "shop/g.yaml": resource("gateway.networking.k8s.io/v1", "Gateway", gateway),
        "c.yaml": resource("gateway.networking.k8s.io/v1", "GatewayClass", {"controllerName": controller}, name=of),
    }


def _defaults(of: str, key: str = "gateway.istio.io/defaults-for-class") -> Files:
    return {
        "istio/d.yaml": f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: d\n  labels: {{{key}: {of}}}\n"
        "data:\n  deployment: |\n    spec: {template: {metadata: {labels: {app: scraper}}}}\n"
    }


_ISTIO = "istio.io/gateway-controller"
_ROLLOUT = ("argoproj.io/v1alpha1", "Rollout", {"tier": "a"})
_HIDES: dict[str, tuple[Files, str]] = {
    "canary": (_made(*_ROLLOUT, strategy={"canary": {"canaryMetadata": _LABELS}}), "labels beside those of the templ"),
    "preview": (_made(*_ROLLOUT, strategy={"blueGreen": {"previewMetadata": _LABELS}}), "Rollout shop/x"),
    "labels of an unknown kind": (
        _made("x.example.com/v1", "Fleet", {"tier": "a"}, podLabels={"app": "x"}),
        "labels beside those",
    ),
    "template without labels": (_made("x.example.com/v1", "Fleet"), "whose template has no labels"),
    "disks of a virtual machine": (_machine(dataVolumeTemplates=[{"metadata": {"name": "d"}}]), "whose disks"),
    "defaults of a class of Gateways": ({**_gateway("edge", _ISTIO), **_defaults("edge")}, "Gateway x, shop/g.yaml"),
    "request of a script": (
        {"d.sh": "curl -X POST $API/apis/apps/v1/namespaces/shop/deployments -d @d.json\n"},
        "a request for deployments in d.sh:1",
    ),
    "request in a container": (
        {"ops/c.yaml": "kind: ConfigMap\ndata:\n  a: |\n    curl $A/api/v1/namespaces/$N/pods/x \\\n      --data @p\n"},
        "a request for pods in ops/c.yaml:4",
    ),
}
_CLEAR: dict[str, Files] = {
    "canary of other labels": _made(*_ROLLOUT, strategy={"canary": {"canaryMetadata": {"labels": {"role": "c"}}}}),
    "selector of an unknown kind": _made(
        "x.example.com/v1", "Fleet", {"tier": "a"}, selector={"labels": {"app": "x"}, "matchLabels": {"app": "x"}}
    ),
    "virtual machine of a disk that is there": _machine(),
    "defaults without a Gateway": _defaults("istio"),
    "defaults of something else": {**_gateway("edge", _ISTIO), **_defaults("edge", "example.com/class")},
    "request that looks": {"d.sh": "curl $API/api/v1/namespaces/shop/pods\n"},
    "request for another object": {"d.sh": "curl -X POST $API/api/v1/namespaces/shop/configmaps -d @c.json\n"},
}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", _HIDES)
def test_pods_may_have_other_labels_than_their_template(name: str, tmp_path: Path) -> None:
    files, words = _HIDES[name]
    findings = found(tmp_path, {**BASE, **files}, "missing-namespace")
    assert [(each.applicability, each.fixed) for each in findings] == [("unsafe", False)]
    assert words in findings[0].advice


@pytest.mark.parametrize("name", _CLEAR)
def test_other_fields_give_none(name: str, tmp_path: Path) -> None:
    findings = found(tmp_path, {**BASE, **_CLEAR[name]}, "missing-namespace")
    assert [(each.applicability, each.fixed) for each in findings] == [("evident", True)]
