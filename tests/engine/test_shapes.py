"""Values of any shape in any field, through every command: an answer, and never a failure of cnpfix itself."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.bot.server import git
from tests.cli.support import cnpfix
from tests.engine.delivery_shapes import DELIVERY
from tests.engine.shapes import FACTS, POLICIES, misshapen, retyped

_BATCH = 100
#: Batches of policies, of facts, and of both in commits (two each): 100,000 manifests where all are asked for.
_POLICIES, _FACTS, _COMMITS = (500, 300, 100) if os.environ.get("CNPFIX_FUZZ") else (3, 3, 2)
_COMMANDS = (
    ("--dry-run", "--format", "json", "-j", "1", "."),
    ("--dry-run", "--unsafe-fixes", "--from", "1.15", "--to", "1.20", "-j", "1", "."),
    ("impact", "-j", "1", "."),
    ("validate", "--format", "json", "."),
    ("verdict", "--source", "shop/web", "--destination", "shop/db", "--port", "80/TCP", "."),
)


@pytest.mark.parametrize("seed", range(_POLICIES))
def test_policies_of_any_shape(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Those with every kind of rule cost the most: in every fourth batch.
    _write(tmp_path, list(misshapen(_BATCH, seed, POLICIES[2:] if seed % 4 else POLICIES)))
    _check_commands(tmp_path, monkeypatch)


@pytest.mark.parametrize("seed", range(_COMMITS))
def test_policies_of_any_shape_between_two_commits(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`cnpfix pr` reads a commit, `cnpfix comment` compares two."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    tree = tmp_path / "tree"
    _write(tree, list(misshapen(_BATCH, seed)))
    git(tree, "init", "--quiet", "--initial-branch=main")
    _commit(tree)
    _write(tree, [*POLICIES, *misshapen(_BATCH, seed + _COMMITS, (*POLICIES, *FACTS))])
    _commit(tree)
    bodies = str(tmp_path / "bodies")
    pr = ("pr", "--dry-run", "--offline", "--unsafe-fixes", "--group-by", "namespace", "--output", bodies, "-j", "1")
    _check_commands(tree, monkeypatch, (pr, ("comment", "--dry-run", "--base", "HEAD~1", "-j", "1")))


def _commit(tree: Path) -> None:
    git(tree, "add", "-A")
    git(tree, "commit", "--quiet", "-m", "More")


@pytest.mark.parametrize("seed", range(_FACTS))
def test_facts_of_any_shape(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(tmp_path, [*POLICIES, *misshapen(_BATCH, seed, FACTS)])
    _check_commands(tmp_path, monkeypatch)


#: Of all places and types every so many, unless all are asked for.
_STEP = 1 if os.environ.get("CNPFIX_FUZZ") else 211
_MORE = (*_COMMANDS, ("report", "--output", "-", "."), ("init", "--output", "-", "."))


@pytest.mark.parametrize("number", range(len(POLICIES)))
def test_every_type_in_every_place_of_a_policy(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(tmp_path, list(retyped(POLICIES[number]))[number % _STEP :: _STEP])
    _check_commands(tmp_path, monkeypatch, _MORE)


@pytest.mark.parametrize("name", DELIVERY)
def test_every_type_in_every_place_of_what_delivers(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, manifest in enumerate(list(retyped(DELIVERY[name]))[len(name) % _STEP :: _STEP]):
        _write(tmp_path / f"f{number}", [POLICIES[0]])
        (tmp_path / f"f{number}" / name).write_text(yaml.safe_dump(manifest, sort_keys=False))
    _check_commands(tmp_path, monkeypatch, _MORE)


def _write(folder: Path, manifests: list[dict[str, Any]]) -> None:
    folder.mkdir(exist_ok=True)
    for number, manifest in enumerate(manifests):
        (folder / f"m{number}.yaml").write_text(yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True))
    (folder / "cnpfix.toml").write_text('[[clusters]]\nname = "a"\nlocal = ["**"]\n[[clusters]]\nname = "b"\n')


def _check_commands(
    folder: Path, monkeypatch: pytest.MonkeyPatch, commands: tuple[tuple[str, ...], ...] = _COMMANDS
) -> None:
    monkeypatch.chdir(folder)
    for command in commands:
        ran = cnpfix(*command)
        assert "report it" not in ran.err, f"{command}: {ran.err[:600]}"
        assert ran.code in (0, 2) or (command[0] == "validate" and ran.code == 1), f"{command}: {ran.err[:600]}"
        if "json" in command:
            json.loads(ran.out)
