"""Where a kustomization writes another path into an object of Flux, the path as written says nothing about its source:
a repository whose folder is not here may be this one. Whatever it writes elsewhere leaves it another repository."""

from __future__ import annotations

from typing import Any

import pytest

from tests.inventory.support import POLICY, flux, inventory, kustomization

KIND = {"kind": "Kustomization"}
UNKNOWN = {"kind": "Thing", "name": "x", "fieldPath": "spec.p"}


def written(field: str, kind: str = "Kustomization", **source: Any) -> dict[str, Any]:
    target = {"select": {"kind": kind}, "fieldPaths": [field], "options": {"create": True}}
    return {"replacements": [{**(source or {"source": UNKNOWN}), "targets": [target]}]}


def patched(field: str, kind: str = "Kustomization") -> dict[str, Any]:
    patch = f'[{{"op": "replace", "path": "{field}", "value": "x"}}]'
    return {"patches": [{"target": {"kind": kind}, "patch": patch}]}


def merged(spec: str, more: str = "") -> dict[str, Any]:
    patch = f"{{apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, metadata: {{name: e}}{more}{spec}}}"
    return {"patches": [{"target": KIND, "patch": patch}]}


def copied(field: str) -> dict[str, Any]:
    """Reads a field of the object, and writes it into another one."""
    source = {**KIND, "name": "e", "fieldPath": field}
    return {"replacements": [{"source": source, "targets": [{"select": {"kind": "Thing"}, "fieldPaths": ["spec.p"]}]}]}


def problems(**fields: Any) -> str:
    files = {
        "k/kustomization.yaml": kustomization(resources=["e.yaml"], **fields),
        "k/e.yaml": flux("e", "./gone"),
        "east/p.yaml": POLICY,
    }
    return "\n".join(map(str, inventory(files).problems))


@pytest.mark.parametrize(
    "fields",
    [
        written("spec.path"),
        written("spec.path", sourceValue="./other"),
        patched("/spec/path"),
        written("spec"),
        merged(", spec: {path: ./other}"),
        merged(", spec: {$patch: replace}"),
        merged("", ", $patch: delete"),
        {"transformers": ["t.yaml"]},
    ],
)
def test_a_source_whose_folder_is_written_over_may_be_this_repository(fields: dict[str, Any]) -> None:
    assert "not this repository" not in problems(**fields)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        written("spec.interval"),
        written("spec.interval", sourceValue="5m"),
        written("spec.path", "HelmRelease"),
        written("spec.path", "HelmRelease", sourceValue="./other"),
        patched("/spec/interval"),
        patched("/spec/path", "HelmRelease"),
        merged(", spec: {interval: 5m}"),
        copied("spec.path"),
    ],
)
def test_a_source_whose_folder_is_not_here_is_another_repository(fields: dict[str, Any]) -> None:
    assert "applies ./gone of" in problems(**fields) and "not this repository" in problems(**fields)
