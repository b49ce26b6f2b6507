"""What changes objects of Flux and Argo CD on their way may add patches to what they apply: it holds the policies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.closed_world.manifests import Files, found, kyverno, resource
from tests.closed_world.on_the_way import BASE

_REMOVE = '[{"op": "remove", "path": "/spec/ingress/1"}]'
_PATCHES = [{"target": {"kind": "CiliumNetworkPolicy"}, "patch": _REMOVE}]
_OTHERS = [{"target": {"kind": "HelmRelease"}, "patch": "[]"}]
_REPOSITORY = "https://git.example.com/x.git"
_INLINE = "{target: {kind: CiliumNetworkPolicy}, patch: '[{op: remove, path: /spec/ingress/1}]'}"  # As people write it.


def _flux(**spec: Any) -> str:
    source = {"kind": "GitRepository", "name": "flux-system"}
    whole = {"path": "./east", "prune": True, "interval": "1m", "sourceRef": source, **spec}
    return resource("kustomize.toolkit.fluxcd.io/v1", "Kustomization", whole, name="e", namespace="flux-system")


def _application() -> str:
    source = {"repoURL": _REPOSITORY, "path": "east"}
    whole = {"project": "d", "source": source, "destination": {"server": "https://kubernetes.default.svc"}}
    return resource("argoproj.io/v1alpha1", "Application", whole, name="e", namespace="argocd")


def _by_hand(applied: str, kind: str, path: str, value: Any, folder: str = "k") -> Files:
    """An object of an applier in a kustomization that a person applies, and that adds something to it."""
    operations = json.dumps([{"op": "add", "path": path, "value": value}])
    patches = [{"target": {"kind": kind}, "patch": operations}]
    return {
        f"{folder}/kustomization.yaml": json.dumps({"resources": ["e.yaml"], "patches": patches}),
        f"{folder}/e.yaml": applied,
    }


def _mutated(mutate: Any) -> Files:
    return {
        "flux/e.yaml": _flux(),
        "east/kustomization.yaml": "kind: Kustomization\nresources: [web.yaml, policy.yaml, k.yaml]\n",
        "east/k.yaml": kyverno({"mutate": mutate}, ["kustomize.toolkit.fluxcd.io/v1/Kustomization"]),
    }


def _values(api: str, kind: str, spec: str) -> Files:
    return {
        "apps/r.yaml": f"apiVersion: {api}\nkind: {kind}\nmetadata: {{name: apps, namespace: argocd}}\nspec:\n{spec}"
    }


_ADDED = json.dumps([{"op": "add", "path": "/spec/patches", "value": _PATCHES}])
_OF_SET = (
    "  resources:\n  - apiVersion: kustomize.toolkit.fluxcd.io/v1\n    kind: Kustomization\n    metadata: {name: x}\n"
    f"    spec:\n      path: ./east\n      patches:\n      - {_INLINE}\n"
)
_HELD: dict[str, tuple[Files, str]] = {
    "kustomization of Flux by hand": (_by_hand(_flux(), "Kustomization", "/spec/patches", _PATCHES), "k/e.yaml"),
    "kustomization of an Application by hand": (
        _by_hand(_application(), "Application", "/spec/source/kustomize", {"patches": _PATCHES}),
        "k/e.yaml",
    ),
    "plugin of an Application by hand": (
        _by_hand(_application(), "Application", "/spec/source/plugin", {"name": "p"}),
        "a plugin of Application e",
    ),
    "one of two ways": (
        {
            "k/kustomization.yaml": "resources: [e.yaml]\n",
            "k/e.yaml": _flux(),
            "o/kustomization.yaml": "resources: [../k]\n",
            "p/kustomization.yaml": json.dumps(
                {"resources": ["../k"], "patches": [{"target": {"kind": "Kustomization"}, "patch": _ADDED}]}
            ),
        },
        "k/e.yaml",
    ),
    "Kyverno": (_mutated({"patchesJson6902": _ADDED}), "ClusterPolicy change (Kyverno)"),
    "ResourceSet": (_values("fluxcd.controlplane.io/v1", "ResourceSet", _OF_SET), "what apps/r.yaml:12 does"),
    "FluxInstance": (
        _values("fluxcd.controlplane.io/v1", "FluxInstance", f"  kustomize:\n    patches:\n    - {_INLINE}\n"),
        "what apps/r.yaml:7 does",
    ),
    "values of argocd-apps": (
        _values(
            "helm.toolkit.fluxcd.io/v2",
            "HelmRelease",
            f"  chart: {{spec: {{chart: argocd-apps}}}}\n  values:\n    patches: [{_INLINE}]\n",
        ),
        "what apps/r.yaml:7 does",
    ),
    "template of a chart": (
        {
            "charts/a/Chart.yaml": "apiVersion: v2\nname: a\nversion: 1.0.0\n",
            "charts/a/templates/k.yaml": "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n"
            f'metadata: {{name: "{{{{ .Release.Name }}}}"}}\nspec:\n  path: ./east\n  patches:\n  - {_INLINE}\n',
        },
        "what charts/a/templates/k.yaml:7 does",
    ),
}
_FREE: dict[str, Files] = {
    "namespace of Flux by hand": {
        "k/kustomization.yaml": "resources: [e.yaml]\nnamespace: flux-system\n",
        "k/e.yaml": _flux(),
    },
    "interval of Flux by hand": _by_hand(_flux(), "Kustomization", "/spec/interval", "5m"),
    "patches of another kind by hand": _by_hand(_flux(), "Kustomization", "/spec/patches", _OTHERS),
    "Kyverno for the interval": _mutated({"patchStrategicMerge": {"spec": {"interval": "5m"}}}),
    "ResourceSet for another kind": _values(
        "fluxcd.controlplane.io/v1", "ResourceSet", _OF_SET.replace("CiliumNetworkPolicy", "Ingress")
    ),
}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")


@pytest.mark.parametrize("name", _HELD)
def test_a_policy_behind_it_is_held(name: str, tmp_path: Path) -> None:
    files, words = _HELD[name]
    findings = found(tmp_path, {**BASE, **files}, "cluster-entity", from_version="1.18", to_version="1.19")
    assert [each.fixed for each in findings] == [False]
    assert words in findings[0].not_fixed


@pytest.mark.parametrize("name", _FREE)
def test_what_adds_no_patch_of_policies_holds_nothing(name: str, tmp_path: Path) -> None:
    findings = found(tmp_path, {**BASE, **_FREE[name]}, "cluster-entity", from_version="1.18", to_version="1.19")
    assert [(each.applicability, each.fixed) for each in findings] == [("evident", True)]
