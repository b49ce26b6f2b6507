"""The man page, from the typer application itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rewriter.cli.app import FIX, application
from rewriter.cli.commands import COMMANDS
from tools.docs.cli import metavar, paragraphs

_HEAD = """.\\" Made by `make docs` from the command line itself.
.TH CNPFIX 1
.SH NAME
cnpfix \\- find Cilium network policies that do not do what they say, and rewrite them"""
_END = """.SH EXIT STATUS
.TP
0
Fine: nothing is found, or findings are reported without \\fB\\-\\-check\\fR.
.TP
1
Under \\fB\\-\\-check\\fR a file would change or an error remains; or what a command's \\fB\\-\\-exit\\-code\\fR names.
.TP
2
Usage, unreadable input, or a proof that failed.
.SH FILES
.TP
\\fIcnpfix.toml\\fR
The configuration, searched from the paths upwards."""


def man_page() -> str:
    """The page in the macros of man(7): every command with its options."""
    group: Any = application((*COMMANDS, FIX))
    commands = dict(group.commands)
    fix = commands.pop(FIX)
    lines = [_HEAD, ".SH SYNOPSIS", *_synopsis("", fix)]
    for name, command in sorted(commands.items()):
        lines += [".br", *_synopsis(name, command)]
    lines += [".SH DESCRIPTION", *_prose(fix.help), ".SH OPTIONS", *_options(fix), ".SH COMMANDS"]
    for name, command in _flat(commands):
        lines += [f".SS {_text(name)}", *_prose(command.help), *_options(command)]
    return "\n".join([*lines, _END]) + "\n"


def _flat(commands: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in sorted(commands.items()):
        inner = getattr(command, "commands", None)
        if not inner or getattr(command, "invoke_without_command", False):
            yield f"{before}{name}", command
        if inner:
            yield from _flat(inner, f"{before}{name} ")


def _synopsis(name: str, command: Any) -> list[str]:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    words = " ".join(
        str(p.metavar or p.name.upper()).strip("[].") + ("..." if p.nargs == -1 else "") for p in arguments
    )
    called = " ".join(filter(None, ["cnpfix", name]))
    return [f"\\fB{_text(called)}\\fR [OPTIONS] {_text(words)}".rstrip()]


def _options(command: Any) -> list[str]:
    lines: list[str] = []
    for option in command.params:
        if option.param_type_name != "option" or option.hidden:
            continue
        names = ", ".join(f"\\fB{_text(name)}\\fR" for name in sorted(option.opts, key=len, reverse=True))
        value = "" if option.is_flag or option.count else f" \\fI{_text(metavar(option))}\\fR"
        lines += [".TP", names + value, _text(" ".join((option.help or "").split()))]
    return lines


def _prose(text: str | None) -> list[str]:
    return [line for paragraph in paragraphs(text or "").split("\n\n") for line in (".PP", _text(paragraph)) if line]


def _text(text: str) -> str:
    """Words as roff shows them as they are."""
    shown = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{shown}" if shown.startswith((".", "'")) else shown
