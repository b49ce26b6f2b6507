"""Mistakes on the command line that typer cannot know of."""

from __future__ import annotations


class ReaderGoneError(Exception):
    """The reader of stdout has closed it (`| head`). typer would make exit code 1 of it, which is that of findings."""


class UsageError(Exception):
    """A wrong use of the command: one line that says what was expected and what to do."""
