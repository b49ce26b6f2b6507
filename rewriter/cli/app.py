"""The typer application: the fixer without a subcommand, everything else with one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from rewriter.cli.errors import ReaderGoneError, UsageError
from rewriter.cli.fix import fix
from rewriter.cli.impact import impact
from rewriter.cli.init import init
from rewriter.cli.passes import explain, passes
from rewriter.cli.pr import pr
from rewriter.cli.report import report
from rewriter.cli.snapshot import snapshot, snapshot_app
from rewriter.cli.validate import validate
from rewriter.cli.verdict import verdict

FIX = "fix"
_GROUP_OPTIONS = ("--install-completion", "--show-completion")


class FixerGroup(TyperGroup):
    """A group whose command without a name is the fixer: `cnpfix PATH` is `cnpfix fix PATH`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0].split("=")[0] not in _GROUP_OPTIONS):
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


app = typer.Typer(
    cls=FixerGroup,
    name="cnpfix",
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


@app.callback()
def _root() -> None:
    """Finds Cilium network policies that do not do what they say, and rewrites them."""


COMMANDS = (passes, explain, validate, verdict, impact, report, pr, init)
COMMAND_NAMES = ", ".join(each.__name__ for each in (*COMMANDS, snapshot))
for _command in COMMANDS:
    app.command()(_command)
app.add_typer(snapshot_app, name="snapshot")
app.command(
    FIX,
    hidden=True,
    epilog=f"Commands: {COMMAND_NAMES}. `cnpfix COMMAND --help` tells more; "
    "a path that has the name of a command is given as `./name`.",
)(fix)


def run(arguments: Sequence[str], name: str = "cnpfix") -> int:
    """Runs a command line; returns the exit code. Every usage error is one line on stderr and 2.

    `name` is what help calls the command.
    """
    try:
        result = app(list(arguments), prog_name=name, standalone_mode=False)
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
        return _usage(f"{format_message().strip().rstrip('.')} (see cnpfix --help)")
    return result if isinstance(result, int) else 0


def _usage(message: str) -> int:
    from rewriter.output.style import one_line

    print(f"cnpfix: {one_line(message)}", file=sys.stderr)
    return 2
