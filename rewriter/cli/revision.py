"""What stood at a path in an earlier revision of the checkout, laid out for the time of a command."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from rewriter.bot.clone import open_commit
from rewriter.bot.git import Git, GitError


@contextlib.contextmanager
def at_revision(name: str, revision: str) -> Iterator[Path | None]:
    """The file or folder of this name as a revision has it; None where there is no such revision, or no checkout.

    What the revision does not have is an empty file or folder, like the one that is there now. Raises BotError.
    """
    now = Path(os.path.realpath(name))
    checkout = Git(now if now.is_dir() else now.parent)
    commit = commit_of(checkout, revision)
    if commit is None:
        yield None
        return
    root = Path(checkout.text("rev-parse", "--show-toplevel")).resolve()
    with open_commit(Git(root), commit) as clone:
        yield made_like(clone.tree / now.relative_to(root), now)


def commit_of(checkout: Git, revision: str) -> str | None:
    """The commit that a revision means; None where it means none."""
    if revision.startswith("-"):
        return None
    try:
        return checkout.text("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    except GitError:
        return None


def made_like(path: Path, other: Path) -> Path:
    """A path; where it is not there, it is made as an empty folder or file like the other one."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        if other.is_dir():
            path.mkdir()
        else:
            path.touch()
    return path
