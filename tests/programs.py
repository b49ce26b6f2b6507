"""The real helm and kubectl: those that `make programs` puts into build/bin, else those of PATH."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

BUILD = Path(__file__).parent.parent / "build" / "bin"


def program(name: str) -> str:
    """The path of a program; skips the test where the machine has none."""
    found = find(name)
    if found is None:
        pytest.skip(f"{name} is neither in build/bin (make programs) nor on PATH")
    return found


def find(name: str) -> str | None:
    """The path of a program, or None."""
    return shutil.which(name, path=str(BUILD)) or shutil.which(name)
