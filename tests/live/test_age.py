"""How old a snapshot is."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rewriter.inventory.snapshots.age import stale, warnings
from rewriter.inventory.snapshots.form import read_snapshot
from rewriter.inventory.tree.repository import TreeInventory
from tests.cli.support import cnpfix

NOW = datetime(2026, 2, 10, 12, tzinfo=UTC)


def written(path: Path, created: str) -> Path:
    path.write_text(json.dumps({"cnpfix_inventory": 1, "created": created, "clusters": [{"name": "a"}]}))
    return path


@pytest.mark.parametrize(
    ("created", "days"),
    [
        ("2026-01-31T12:00:00Z", 10),
        ("2026-01-31T14:00:00+02:00", 10),
        ("2026-01-31T12:00:00", 10),
        ("2026-02-10T13:00:00Z", 0),
        ("yesterday", None),
        ("", None),
    ],
)
def test_age(created: str, days: int | None, tmp_path: Path) -> None:
    age = read_snapshot(written(tmp_path / "x.json", created)).age(NOW)
    assert age == (None if days is None else timedelta(days=days))


def test_older_than_the_limit_is_stale(tmp_path: Path) -> None:
    snapshot = read_snapshot(written(tmp_path / "mesh.json", "2026-01-31T12:00:00Z"))
    assert not list(stale([snapshot], NOW, 10))
    told = stale([snapshot], NOW, 9)
    assert list(warnings(told)) == [
        f"{tmp_path}/mesh.json: is a snapshot of 10 days ago (2026-01-31T12:00:00Z), and clusters change; "
        "make it anew with `cnpfix snapshot`, or raise snapshot_max_age_days"
    ]
    inventory = TreeInventory(snapshots=[snapshot], stale=told)
    words = (f"{tmp_path}/mesh.json is a snapshot of 10 days ago (2026-01-31T12:00:00Z)",)
    assert inventory.doubts(inventory.clusters[0]) == inventory.gaps("workloads") == words
    assert not TreeInventory(snapshots=[snapshot]).doubts(inventory.clusters[0])


def test_a_run_tells_it_and_the_config_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    created = (datetime.now(UTC) - timedelta(days=9, hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    written(tmp_path / "mesh.json", created)
    assert "mesh.json: is a snapshot of 9 days ago" in cnpfix("--inventory", "mesh.json").err
    (tmp_path / "cnpfix.toml").write_text("snapshot_max_age_days = 30\n")
    assert cnpfix("--inventory", "mesh.json").err == ""
    (tmp_path / "cnpfix.toml").write_text("snapshot_max_age_days = 0\n")
    ran = cnpfix("--inventory", "mesh.json")
    assert ran.code == 2 and "snapshot_max_age_days" in ran.err and "1 or more" in ran.err
