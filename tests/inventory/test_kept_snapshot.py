"""A snapshot that is kept in memory reads as its file does, until that changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rewriter.inventory.snapshots import form
from rewriter.inventory.snapshots.form import SnapshotError, keep_snapshot, kept_policies, read_snapshot


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(form, "KEPT", {})


def written(path: Path, *repositories: str) -> Path:
    clusters: list[dict[str, Any]] = [
        {
            "name": "prod",
            "repository": repository,
            "found": "cnpfix.toml",
            "namespaces": [{"name": repository, "found": "n.yaml:1"}],
            "policies": [{"kind": "CiliumNetworkPolicy", "metadata": {"name": repository}, "found": "p.yaml:1"}],
        }
        for repository in repositories
    ]
    path.write_text(json.dumps({"cnpfix_inventory": 1, "partial": True, "clusters": clusters}))
    return path


def test_it_is_read_once_and_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "facts.json", "a", "b")
    plain = [read_snapshot(path), read_snapshot(path, lambda repository: repository == "a")]
    assert (keep_snapshot(path), keep_snapshot(path)) == (True, False)
    with monkeypatch.context() as patched:
        patched.setattr(form, "read_bounded", lambda *_: pytest.fail("is read again"))
        kept = [read_snapshot(path), read_snapshot(path, lambda repository: repository == "a")]
    assert kept == plain
    assert [namespace.name for namespace in kept[1].namespaces] == ["b"]
    assert [policy.manifest for policy in kept_policies()] == [policy.manifest for policy in plain[0].policies]


def test_a_file_that_changed_is_read_anew(tmp_path: Path) -> None:
    path = written(tmp_path / "facts.json", "a")
    keep_snapshot(path)
    written(path, "a", "b")
    assert [namespace.name for namespace in read_snapshot(path).namespaces] == ["a", "b"]
    assert keep_snapshot(path)
    assert len(list(kept_policies())) == 2
    path.write_text("{")
    for read in (read_snapshot, keep_snapshot):
        with pytest.raises(SnapshotError, match="is not JSON"):
            read(path)
    assert list(kept_policies()) == []
