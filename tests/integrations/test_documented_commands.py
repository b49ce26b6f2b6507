"""Commands in the documentation name commands and options that exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from rewriter.cli.app import FIX, application

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
#: A command on a line of its own, or in backquotes.
_COMMAND = re.compile(r"(?:^\$ (?:cd \S+ && )?|`)cnpfix( [^`\n#<|]*)", re.MULTILINE)


def commands() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for found in _COMMAND.finditer(page.read_text("utf-8")):
            yield page.name, found[1].strip().rstrip("\\")


def option_names(command: Any) -> set[str]:
    return {"--help", "-h"} | {
        name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)
    }


@pytest.mark.parametrize(("page", "text"), sorted(set(commands())))
def test_a_documented_command_exists(page: str, text: str) -> None:
    group: Any = typer.main.get_command(application())
    words = shlex.split(text)
    command = group.commands[FIX]
    while words and words[0] in getattr(command, "commands", group.commands):
        command = getattr(command, "commands", group.commands)[words.pop(0)]
    group_options = {"--version", "--install-completion", "--show-completion"}
    options = {word.split("=")[0] for word in words if word.startswith("-") and word != "-"}
    assert options <= option_names(command) | group_options
