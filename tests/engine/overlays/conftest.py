from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.charts.support import Repository


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    root = tmp_path / "repository"
    root.mkdir()
    return Repository(root, monkeypatch)
