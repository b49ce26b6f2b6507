"""The seal of the bot's commits: how it knows its own work from that of people.

Names and addresses are no proof: whoever amends or rebases a commit keeps its author. The seal is a digest of the
commit's tree, parent and message; whoever changes one of them breaks it.
"""

from __future__ import annotations

import hashlib

TRAILER = "Cnpfix-Seal"


def sealed(message: str, tree: str, parent: str) -> str:
    """A commit message with its seal. The message ends without a line feed, the result with one."""
    return f"{message}\n\n{TRAILER}: {_digest(message, tree, parent)}\n"


def is_ours(commit: bytes) -> bool:
    """Whether a raw commit object (as `git cat-file commit` prints it) is as the bot made it."""
    head, _, message = commit.decode("utf-8", "replace").partition("\n\n")
    fields = [line.partition(" ")[::2] for line in head.splitlines()]
    trees = [value for name, value in fields if name == "tree"]
    parents = [value for name, value in fields if name == "parent"]
    body, found, seal = message.rpartition(f"\n\n{TRAILER}: ")
    if not found or len(trees) != 1 or len(parents) != 1:
        return False
    return seal.strip() == _digest(body, trees[0], parents[0])


def _digest(message: str, tree: str, parent: str) -> str:
    return hashlib.sha256(f"{tree}\n{parent}\n{message}".encode()).hexdigest()
