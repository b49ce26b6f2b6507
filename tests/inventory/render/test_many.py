"""Many releases of charts of the corpus: every one is rendered, and kept results are soon at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.rendering import CHARTS, COLD, WARM, cold_and_warm
from tests.programs import program

FEW = 16


def test_releases_are_rendered_once(tmp_path: Path) -> None:
    program("helm")
    if not CHARTS.is_dir():
        pytest.skip("no corpus of charts in ../shared/corpus")
    cold, warm, known = cold_and_warm(tmp_path, FEW)
    assert known == FEW
    assert cold < COLD and warm < WARM
