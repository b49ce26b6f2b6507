"""Printing that neither a terminal nor the log of a CI system obeys, whatever names and messages hold."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from rewriter.output.style import as_json_text, logged, one_line


def say(lines: Iterable[str]) -> None:
    """The lines of a command's answer, on stdout."""
    for line in lines:
        sys.stdout.write(logged(line.rstrip() + "\n"))
    sys.stdout.flush()


def say_json(value: object) -> None:
    """A command's answer as JSON, on stdout."""
    sys.stdout.write(as_json_text(value))


def warn(what: object) -> None:
    """One line on stderr: what is wrong, or what the reader should know."""
    print(logged(one_line(f"cnpfix: {what}")), file=sys.stderr)
