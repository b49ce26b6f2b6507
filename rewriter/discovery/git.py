"""What git knows of a folder, asked with read-only commands."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

_IGNORED = ("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")


def ignored_names(folder: str) -> frozenset[str]:
    """The untracked names below a folder that git ignores, relative to it; a folder's name ends with `/`.

    Empty where git does not know the folder, and where the folder itself is ignored: then it was named on purpose.
    """
    output = git(folder, *_IGNORED)
    names = frozenset(map(os.fsdecode, _names(output))) if output else frozenset()
    return frozenset() if "./" in names else names


def repository_root(folder: Path) -> Path | None:
    """The top of the git work tree that holds a folder; None outside of one."""
    output = git(str(folder), "rev-parse", "--show-toplevel")
    return Path(os.fsdecode(output.rstrip(b"\n"))) if output else None


def repository_remotes(folder: Path) -> list[str]:
    """The URLs of the remotes of the work tree that holds a folder; none outside of one."""
    output = git(str(folder), "config", "--get-regexp", r"^remote\..*\.url$")
    lines = os.fsdecode(output or b"").splitlines()
    return [url for line in lines if (url := line.partition(" ")[2])]


def changed_files(folder: Path, revision: str) -> frozenset[Path] | None:
    """The resolved files that differ from the merge base with a revision, untracked ones too; None on failure."""
    root = repository_root(folder)
    if root is None or revision.startswith("-"):
        return None
    top = str(root)
    changed = git(top, "diff", "--no-ext-diff", "--name-only", "-z", "--diff-filter=d", "--merge-base", revision, "--")
    untracked = git(top, "ls-files", "-z", "--others", "--exclude-standard")
    if changed is None or untracked is None:
        return None
    return frozenset((root / os.fsdecode(name)).resolve() for name in _names(changed, untracked))


def git(folder: str, *arguments: str) -> bytes | None:
    """What a read-only git command prints; None when it fails or git is missing.

    A checkout's own settings must not run programs: fsmonitor, hooks are off.
    """
    command = ["git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-optional-locks"]
    try:
        done = subprocess.run(
            [*command, "-C", folder, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
        )
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


def _names(*outputs: bytes) -> Iterator[bytes]:
    return (name for output in outputs for name in output.split(b"\0") if name)
