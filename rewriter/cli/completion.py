"""What the shell offers for the first word of a command line, which is a command or a path."""

from __future__ import annotations

import os

import typer

from rewriter import patterns as re
from rewriter.cli.commands import COMMANDS, SUMMARIES

#: Shells evaluate what is offered, each by rules of its own; other names are left to their own completion.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]*")


def first_words(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Commands with their summaries, and the paths of this folder that begin likewise.

    Nothing where no command fits, or where more of the command line is there: the shell then offers paths itself.
    """
    sources = (ctx.get_parameter_source(name) for name in ctx.params)
    if any(source is not None and source.name == "COMMANDLINE" for source in sources):
        return []
    commands = [(name, SUMMARIES[name]) for name in COMMANDS if name.startswith(incomplete)]
    return [*commands, *((path, "") for path in _paths(incomplete))] if commands else []


def _paths(start: str) -> list[str]:
    """The names here that begin so, folders with a slash, without those that would be taken for a command."""
    try:
        with os.scandir() as entries:
            names = [
                f"{entry.name}/" if entry.is_dir() else entry.name
                for entry in entries
                if entry.name.startswith(start) and _PLAIN_NAME.fullmatch(entry.name)
            ]
    except OSError:
        return []
    return sorted(name for name in names if name not in COMMANDS)
