"""Mistakes on the command line that typer cannot know of."""

from __future__ import annotations


class UsageError(Exception):
    """A wrong use of the command: one line that says what was expected and what to do."""
