"""One line says of which charts the pods are not all known, by how many policies stand beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from rewriter.engine.run.opening import open_workspace
from rewriter.engine.run.unrendered import unrendered
from rewriter.engine.run.workspace import Request


def policy(name: str, namespace: str) -> str:
    return (
        f"apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {{name: {name}, namespace: {namespace}}}\n"
        "spec: {endpointSelector: {}, ingress: [{}]}\n"
    )


def release(name: str, namespace: str) -> str:
    return (
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n"
        f"metadata: {{name: {name}, namespace: {namespace}}}\nspec: {{chart: {{spec: {{chart: {name}}}}}}}\n"
    )


def told(folder: Path, monkeypatch: pytest.MonkeyPatch, *documents: str) -> str:
    (folder / "all.yaml").write_text("---\n".join(documents))
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", str(folder))
    return str(unrendered(open_workspace(Request(), lambda _count: None)) or "")


def test_charts_are_ranked_by_the_policies_beside_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = [release("redis", "a"), release("loki", "b"), release("gone", "c"), policy("p", "a")]
    line = told(tmp_path, monkeypatch, *documents, policy("q", "b"), policy("r", "b"))
    assert line.startswith("all pods of loki (beside 2 policies), redis (beside 1 policy) (")
    assert "helm on PATH" in line
    assert "gone" not in line


def test_nothing_is_said_where_every_release_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(tmp_path, monkeypatch, policy("p", "a")) == ""
    assert told(tmp_path, monkeypatch, policy("p", "a"), release("redis", "b")) == ""
