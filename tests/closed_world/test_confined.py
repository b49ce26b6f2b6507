"""A kustomization that sets a namespace confines what it lists and is not read: kubectl kustomize is the judge."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from rewriter.inventory.facts.completeness import WORKLOADS
from tests.closed_world.manifests import Files, deployment, write
from tests.inventory.support import inventory
from tests.programs import program

_ENTRY = "pods.yaml"
_MOVED = '[{"op": "replace", "path": "/metadata/namespace", "value": "games"}]'
_TRANSFORMER = "apiVersion: builtin\n  kind: NamespaceTransformer\n  metadata: {name: x, namespace: shop}\n"


def _base(fields: str, above: str = "namespace: shop\n") -> Files:
    return {
        "kustomization.yaml": f"{above}resources: [base]\n",
        "base/kustomization.yaml": f"resources: [{_ENTRY}]\n{fields}",
    }


_CONFINED: dict[str, Files] = {
    "a namespace": {"kustomization.yaml": f"namespace: shop\nresources: [{_ENTRY}]\n"},
    "above": _base(""),
    "above another": _base("namespace: games\n"),
    "below": _base("namespace: shop\n", ""),
    "a transformer": {
        "kustomization.yaml": f"resources: [{_ENTRY}]\ntransformers:\n- |\n  {_TRANSFORMER}"
        "  fieldSpecs: [{path: metadata/namespace, create: true}]\n"
    },
    "a strategic merge that names another": {
        "kustomization.yaml": f"namespace: shop\nresources: [{_ENTRY}]\n"
        "patches:\n- target: {kind: Deployment}\n  patch: |\n"
        "    apiVersion: apps/v1\n    kind: Deployment\n    metadata: {name: app, namespace: games}\n"
    },
    "operations before the namespace": {
        "kustomization.yaml": f"namespace: shop\nresources: [{_ENTRY}]\npatches:\n"
        f"- {{target: {{kind: Deployment}}, patch: '{_MOVED}'}}\n"
    },
    "in a component": {
        "kustomization.yaml": "resources: []\ncomponents: [base]\n",
        "base/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamespace: shop\n"
        f"resources: [{_ENTRY}]\n",
    },
}
_OPEN: dict[str, Files] = {
    "no namespace": {"kustomization.yaml": f"resources: [{_ENTRY}]\n"},
    "only where there is none": {
        "kustomization.yaml": f"resources: [{_ENTRY}]\ntransformers:\n- |\n  {_TRANSFORMER}  unsetOnly: true\n"
    },
    "operations after the namespace": {
        "kustomization.yaml": f"namespace: shop\nresources: [{_ENTRY}]\npatchesJson6902:\n"
        f"- target: {{version: v1, kind: Deployment, name: app}}\n  patch: '{_MOVED}'\n"
    },
    "operations above": {
        **_base("namespace: shop\n", f"patches:\n- {{target: {{kind: Deployment}}, patch: '{_MOVED}'}}\n"),
    },
    "a replacement": {
        "kustomization.yaml": f"namespace: shop\nresources: [{_ENTRY}, c.yaml]\nreplacements:\n"
        "- source: {kind: ConfigMap, name: c, fieldPath: data.place}\n"
        "  targets: [{select: {kind: Deployment}, fieldPaths: [metadata.namespace]}]\n",
        "c.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {place: games}\n",
    },
}


def _hides(files: Files, namespace: str) -> bool:
    texts = {name: str(text) for name, text in files.items()}
    found = inventory({**texts, "x.yaml": deployment("x", namespace)}).completeness(namespace, None, WORKLOADS)
    return any("which is not there" in reason for reason in found.reasons)


@pytest.mark.parametrize("name", [*_CONFINED, *_OPEN])
def test_it_lands_where_it_may_hide(name: str, tmp_path: Path) -> None:
    kubectl = program("kubectl")
    files = {**_CONFINED, **_OPEN}[name]
    folder = "base/" if "base/kustomization.yaml" in files else ""
    write(tmp_path, {**files, f"{folder}{_ENTRY}": deployment("app", "elsewhere")})
    built = subprocess.run([kubectl, "kustomize", str(tmp_path)], check=True, capture_output=True).stdout
    places = [each["metadata"]["namespace"] for each in yaml.safe_load_all(built) if each["kind"] == "Deployment"]
    assert places == (["shop"] if name in _CONFINED else ["games" if name not in list(_OPEN)[:2] else "elsewhere"])
    assert _hides(files, places[0])
    assert _hides(files, "tools") is (name in _OPEN)
