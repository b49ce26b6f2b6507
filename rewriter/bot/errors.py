"""What can go wrong for the bot: each error is one line that says what happened and what to do."""

from __future__ import annotations


class BotError(Exception):
    """A run, or the work on one group, that cannot go on."""
