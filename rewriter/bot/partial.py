"""Fetches that leave large files on the server, but for those that are read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import PurePosixPath

from rewriter.bot.git import Git

#: An option of `git fetch`: files above a MiB stay on the server. One that cannot leave files out sends everything.
WITHOUT_LARGE = "--filter=blob:limit=1m"
#: Object names on a command line.
_AT_ONCE = 500
_NEGOTIATION = "fetch.negotiationAlgorithm"


def fetch_wanted(git: Git, url: str, commit: str, is_wanted: Callable[[str], bool]) -> list[str]:
    """Fetches those files of a commit that are wanted, by their names without folders, and that a fetch left out.

    Returns the paths of the other files that are not there. Raises GitError.
    """
    objects = git.text("rev-list", "--objects", "--no-object-names", "--missing=print", commit)
    missing = {line[1:] for line in objects.splitlines() if line.startswith("?")}
    if not missing:
        return []
    wanted: set[str] = set()
    left: dict[str, str] = {}
    for entry in git.run("ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0"):
        head, _, name = entry.partition(b"\t")
        found = head.decode().rpartition(" ")[2]
        path = os.fsdecode(name)
        if found in missing and is_wanted(PurePosixPath(path).name):
            wanted.add(found)
        elif found in missing:
            left[path] = found
    names = sorted(wanted)
    if names:
        # A server that hears of the commit takes all of its files to be here.
        git.run("config", _NEGOTIATION, "noop")
        for start in range(0, len(names), _AT_ONCE):
            some = names[start : start + _AT_ONCE]
            git.reach("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--filter=blob:none", url, *some)
        git.run("config", "--unset", _NEGOTIATION)
    return [path for path, found in left.items() if found not in wanted]
