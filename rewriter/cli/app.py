"""The typer application: the fixer without a subcommand, everything else with one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from rewriter.cli.commands import COMMANDS, SUMMARIES
from rewriter.cli.errors import ReaderGoneError, UsageError

FIX = "fix"
_GROUP_OPTIONS = ("--install-completion", "--show-completion")
_EPILOG = "\n\n".join(
    [
        "**Commands**",
        *(f"- `{name}`: {summary}" for name, summary in SUMMARIES.items()),
        "`cnpfix COMMAND --help` has its options. A path that has the name of a command is given as `./name`.",
        "`cnpfix --install-completion` sets up the completion of your shell, `--show-completion` prints it.",
    ]
)


class FixerCommand(TyperCommand):
    """The fixer: it has no name of its own."""

    def get_usage(self, ctx: Any) -> str:
        return " ".join(super().get_usage(ctx).split())


class FixerGroup(TyperGroup):
    """A group whose command without a name is the fixer: `cnpfix PATH` is `cnpfix fix PATH`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0] not in COMMANDS and args[0].split("=")[0] not in _GROUP_OPTIONS):
            args = [FIX, *args]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise ReaderGoneError from None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        return ("" if name == FIX else name), command, rest


@cache
def application(names: tuple[str, ...]) -> Any:
    """The application with these commands in it. Only their modules are imported: that is what start-up costs.

    typer takes longer to read the options of a command than the command takes for a small file, so that what it makes
    of them serves all runs of a process.
    """
    app = typer.Typer(
        cls=FixerGroup,
        name="cnpfix",
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback()(_root)
    for name in names:
        module = import_module(f"rewriter.cli.{COMMANDS.get(name, name)}")
        if name == FIX:
            app.command(FIX, cls=FixerCommand, hidden=True, epilog=_EPILOG)(module.fix)
        elif name in ("snapshot", "config"):
            app.add_typer(getattr(module, f"{name}_app"), name=name)
        else:
            app.command()(getattr(module, name))
    return typer.main.get_command(app)


def _root() -> None:
    """Finds Cilium network policies that do not do what they say, and rewrites them."""


def _needed(arguments: Sequence[str]) -> tuple[str, ...]:
    """The commands that a command line can come to: one, or for the shell's completion all."""
    if any(name.startswith("_") and name.endswith("_COMPLETE") for name in os.environ):
        return (*COMMANDS, FIX)
    first = arguments[0] if arguments else FIX
    return (first,) if first in COMMANDS else (FIX,)


def run(arguments: Sequence[str], name: str = "cnpfix") -> int:
    """Runs a command line; returns the exit code. Every usage error is one line on stderr and 2.

    `name` is what help calls the command.
    """
    try:
        result = application(_needed(arguments))(list(arguments), prog_name=name, standalone_mode=False)
    except UsageError as error:
        return _usage(str(error))
    except typer.Exit as stop:
        return stop.exit_code
    except typer.Abort:
        return _usage("aborted")
    except Exception as error:
        # typer's own usage errors: their class lives in whichever click it carries.
        format_message = getattr(error, "format_message", None)
        if format_message is None:
            raise
        return _usage(f"{_plain(format_message())} (see cnpfix --help)")
    return result if isinstance(result, int) else 0


def _plain(message: str) -> str:
    """A message of typer as one clause: no capital, no stop, the nearest names as a question."""
    text = message.strip().rstrip(".")
    what, found, nearest = text.partition(" (Possible options: ")
    if found:
        text = f"{what}; did you mean {nearest.rstrip(')').replace(', ', ' or ')}?"
    return text[:1].lower() + text[1:]


def _usage(message: str) -> int:
    from rewriter.cli.printing import warn

    warn(message)
    return 2
