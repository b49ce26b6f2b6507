"""Values of any shape in any field, through every command: an answer, and never a failure of cnpfix itself."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.support import cnpfix
from tests.engine.shapes import FACTS, POLICIES, misshapen

_BATCH = 100
_BATCHES = 1000 if os.environ.get("CNPFIX_FUZZ") else 3
_COMMANDS = (
    ("--dry-run", "--format", "json", "-j", "1", "."),
    ("--dry-run", "--unsafe-fixes", "--from", "1.15", "--to", "1.20", "-j", "1", "."),
    ("impact", "-j", "1", "."),
    ("validate", "--format", "json", "."),
    ("verdict", "--source", "shop/web", "--destination", "shop/db", "--port", "80/TCP", "."),
)


@pytest.mark.parametrize("seed", range(_BATCHES))
def test_policies_of_any_shape(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(tmp_path, list(misshapen(_BATCH, seed)))
    _check_commands(tmp_path, monkeypatch)


@pytest.mark.parametrize("seed", range(_BATCHES))
def test_facts_of_any_shape(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(tmp_path, [*POLICIES, *misshapen(_BATCH, seed, FACTS)])
    _check_commands(tmp_path, monkeypatch)


def _write(folder: Path, manifests: list[dict[str, Any]]) -> None:
    for number, manifest in enumerate(manifests):
        (folder / f"m{number}.yaml").write_text(yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True))
    (folder / "cnpfix.toml").write_text('[[clusters]]\nname = "a"\nlocal = ["**"]\n[[clusters]]\nname = "b"\n')


def _check_commands(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for command in _COMMANDS:
        ran = cnpfix(*command)
        assert "report it" not in ran.err, f"{command}: {ran.err[:600]}"
        assert ran.code in (0, 2) or (command[0] == "validate" and ran.code == 1), f"{command}: {ran.err[:600]}"
        if "json" in command:
            json.loads(ran.out)
