"""The command-line reference, from the typer application itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rewriter.cli.app import FIX, application
from rewriter.cli.commands import COMMANDS


def cli_page() -> str:
    """Every command with its arguments and options."""
    group: Any = application((*COMMANDS, FIX))
    commands = dict(group.commands)
    parts = ["# Command line", _command("cnpfix", commands.pop(FIX))]
    parts += [_command(f"cnpfix {name}", command) for name, command in sorted(commands.items())]
    return "\n\n".join(parts) + "\n"


def _command(name: str, command: Any) -> str:
    subcommands = getattr(command, "commands", None)
    if subcommands:
        inner = [_command(f"{name} {other}", subcommand) for other, subcommand in sorted(subcommands.items())]
        own = [_one(name, command)] if getattr(command, "invoke_without_command", False) else []
        return "\n\n".join([*own, *inner])
    return _one(name, command)


def _one(name: str, command: Any) -> str:
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    options = [parameter for parameter in command.params if parameter.param_type_name == "option"]
    usage = " ".join([name, "[OPTIONS]", *map(_usage, arguments)])
    parts = [f"## {name}", f"```console\n$ {usage}\n```", paragraphs(command.help or "")]
    rows = [*map(_argument, arguments), *map(_option, options)]
    parts.append("\n".join(["| option | meaning | default |", "| --- | --- | --- |", *rows]))
    return "\n\n".join(part for part in parts if part)


def _usage(argument: Any) -> str:
    metavar = argument.metavar or argument.name.upper()
    if metavar.startswith("["):
        return str(metavar)
    many = "..." if argument.nargs == -1 else ""
    return f"{metavar}{many}" if argument.required else f"[{metavar}]{many}"


def _argument(argument: Any) -> str:
    name = (argument.metavar or argument.name.upper()).strip("[].")
    return f"| `{name}` | {_cell(argument.help)} | {_default(argument)} |"


def _option(option: Any) -> str:
    names = ", ".join(f"`{name}`" for name in (*sorted(option.opts, key=len, reverse=True), *option.secondary_opts))
    value = "" if option.is_flag or option.count else f" `{_cell(metavar(option))}`"
    return f"| {names}{value} | {_cell(option.help)} | {_default(option)} |"


def metavar(option: Any) -> str:
    """What stands for an option's value: its choices, or its name in capitals."""
    choices = getattr(option.type, "choices", None)
    if choices and not option.metavar:
        return ", ".join(str(getattr(choice, "value", choice)) for choice in choices)
    return str(option.metavar or option.type.name.upper())


def _default(parameter: Any) -> str:
    if parameter.show_default is False:
        return ""
    shown = parameter.show_default if isinstance(parameter.show_default, str) else parameter.default
    if shown is None or shown is False or shown == [] or callable(shown) or getattr(parameter, "count", False):
        return ""
    return f"`{getattr(shown, 'value', shown)}`"


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


def paragraphs(text: str) -> str:
    """A help text with a line for each paragraph."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in _split(text))


def _split(text: str) -> Iterator[str]:
    yield from (paragraph for paragraph in text.split("\n\n") if paragraph.strip())
