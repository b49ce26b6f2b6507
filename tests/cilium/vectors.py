"""Recorded answers of Cilium's own engine, read from ../shared where it is present."""

from __future__ import annotations

import functools
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

_VECTORS = Path(__file__).parents[2].parent / "shared" / "vectors"


@functools.cache
def verdict_cases() -> tuple[dict[str, Any], ...]:
    """The recorded verdict cases; skips the test when ../shared/vectors is not there."""
    with gzip.open(_present("verdicts.jsonl.gz"), "rt") as lines:
        return tuple(json.loads(line) for line in lines)


@functools.cache
def validation_entries() -> tuple[dict[str, Any], ...]:
    """The recorded validation entries; skips the test when ../shared/vectors is not there."""
    return tuple(json.loads(_present("validation.json").read_text()))


def _present(name: str) -> Path:
    path = _VECTORS / name
    if not path.exists():
        pytest.skip(f"../shared/vectors/{name} is not present")
    return path
