"""Values of any shape in any field, through every command: an answer, and never a failure of cnpfix itself."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml

from tests.cli.support import cnpfix
from tests.engine.delivery_shapes import DELIVERY
from tests.engine.every_command import every_command, lay, repository
from tests.engine.shapes import POLICIES, retyped

#: Manifests of each repository; `make fuzz` has the long form, which every_command.py is.
_COUNT = 80
_COMMANDS = (
    ("--dry-run", "--format", "json", "-j", "1", "."),
    ("--dry-run", "--unsafe-fixes", "--from", "1.15", "--to", "1.20", "-j", "1", "."),
    ("impact", "-j", "1", "."),
    ("validate", "--format", "json", "."),
    ("verdict", "--source", "shop/app=a", "--destination", "shop/app=b", "--port", "80/TCP", "."),
    ("report", "--output", "-", "."),
    ("init", "--output", "-", "."),
)


@pytest.mark.parametrize("seed", range(4))
def test_repositories_of_any_shape(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    tree = tmp_path / "tree"
    repository(tree, _COUNT, seed)
    monkeypatch.chdir(tree)
    assert list(every_command(tree, tmp_path / "apart")) == []


#: Of all places and types every so many, unless all are asked for.
_STEP = 1 if os.environ.get("CNPFIX_FUZZ") else 211


@pytest.mark.parametrize("number", range(len(POLICIES)))
def test_every_type_in_every_place_of_a_policy(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(tmp_path, list(retyped(POLICIES[number]))[number % _STEP :: _STEP])
    _check_commands(tmp_path, monkeypatch)


@pytest.mark.parametrize("name", DELIVERY)
def test_every_type_in_every_place_of_what_delivers(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, manifest in enumerate(list(retyped(DELIVERY[name]))[len(name) % _STEP :: _STEP]):
        lay(tmp_path / f"f{number}", [POLICIES[0]])
        (tmp_path / f"f{number}" / name).write_text(yaml.safe_dump(manifest, sort_keys=False))
    _check_commands(tmp_path, monkeypatch)


def _check_commands(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for command in _COMMANDS:
        ran = cnpfix(*command)
        assert "report it" not in ran.err, f"{command}: {ran.err[:600]}"
        assert ran.code in (0, 2) or (command[0] == "validate" and ran.code == 1), f"{command}: {ran.err[:600]}"
        if "json" in command:
            json.loads(ran.out)
