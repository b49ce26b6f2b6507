"""What tells that a file did not change is kept for every file system, whatever numbers it gives to its files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rewriter.cache import CacheFolder
from rewriter.inventory.files.tree_files import TreeFiles
from rewriter.inventory.kept.tree import KeptTree

_MANIFEST = b"apiVersion: v1\nkind: Service\nmetadata: {name: web}\n"
_LATER = 10**19


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / "web.yaml").write_bytes(_MANIFEST)
    monkeypatch.chdir(folder)
    return tmp_path


def _kept(tree: Path) -> KeptTree:
    return KeptTree(CacheFolder(tree / "cache", code=lambda: b"this one"), ".", clock=lambda: _LATER)


def _numbered(monkeypatch: pytest.MonkeyPatch, **numbers: int) -> None:
    """Has the file system answer with these numbers: `st_ino`, `st_dev`, `st_mtime_ns` and so on."""
    real = Path("web.yaml").stat()
    names = ("st_mode", "st_size", "st_ino", "st_dev", "st_mtime_ns", "st_ctime_ns")
    answer = type("Status", (), {**{name: getattr(real, name) for name in names}, **numbers})
    monkeypatch.setattr(os, "stat", lambda path, **_: answer)


@pytest.mark.parametrize(
    "numbers",
    [
        {},
        {"st_ino": 2**63},
        {"st_ino": 2**64 - 1, "st_dev": 2**64 - 1},
        {"st_mtime_ns": -(10**18), "st_ctime_ns": -1},
        {"st_size": 2**63 - 1},
    ],
)
def test_a_file_is_known_again_by_numbers_of_any_size(
    tree: Path, monkeypatch: pytest.MonkeyPatch, numbers: dict[str, int]
) -> None:
    first, files = _kept(tree), TreeFiles()
    with monkeypatch.context() as patch:
        _numbered(patch, **numbers)
        status = first.status("web.yaml")
    record = files.offer("web.yaml", _MANIFEST, frozenset({b"Service"}))
    assert record is not None
    first.note("web.yaml", status, _MANIFEST, record)
    first.keep(files)
    again = _kept(tree)
    assert again.unchanged("web.yaml", status) == (record, 0)
    with monkeypatch.context() as patch:
        _numbered(patch, **{**numbers, "st_ino": 7})
        assert again.unchanged("web.yaml", again.status("web.yaml")) is None
