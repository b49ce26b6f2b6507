"""What the shell offers, asked as the scripts of `cnpfix --show-completion` ask."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rewriter.cli.commands import COMMANDS


def offered(folder: Path, line: str) -> list[str]:
    """The completions of the last word of a command line, in bash."""
    words = line.split(" ")
    asked = {"_CNPFIX_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    command = [str(Path(sys.executable).with_name("cnpfix"))]
    done = subprocess.run(command, env=os.environ | asked, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("pods", "report", ".git"):
        (tmp_path / name).mkdir()
    for name in ("policies.yaml", "verdict", "p$(id)", 'p"`id`', "p q", "-p"):
        (tmp_path / name).touch()
    return tmp_path


def test_the_first_word_is_a_command_or_a_path(folder: Path) -> None:
    assert offered(folder, "cnpfix ") == [*COMMANDS, "pods/", "policies.yaml", "report/"]
    assert offered(folder, "cnpfix p") == ["passes", "pr", "pods/", "policies.yaml"]
    assert offered(folder, "cnpfix repo") == ["report", "report/"]


@pytest.mark.parametrize("line", ["cnpfix po", "cnpfix pods ", "cnpfix --check p", "cnpfix --to 1.20 p", "cnpfix pr p"])
def test_where_no_command_can_be_the_shell_offers_paths_as_ever(folder: Path, line: str) -> None:
    assert offered(folder, line) == []


def test_options_of_the_fixer_and_of_commands(folder: Path) -> None:
    assert "--write" in offered(folder, "cnpfix --")
    assert "--inventory" in offered(folder, "cnpfix impact --inv")


def test_other_shells_are_told_what_commands_do(folder: Path) -> None:
    asked = {"_CNPFIX_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "cnpfix rep"}
    command = [str(Path(sys.executable).with_name("cnpfix"))]
    done = subprocess.run(command, env=os.environ | asked, cwd=folder, capture_output=True, text=True, check=True)
    assert '"report":"an HTML page for a reviewer"' in done.stdout
