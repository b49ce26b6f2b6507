"""Globs of a configuration that match no file of its folder, and the name that was probably meant."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

from rewriter.discovery.reading import some_of

_WILD = frozenset("*?[\\")
#: More names than any repository of manifests has; behind that many a glob counts as one that may match.
_MOST_NAMES = 300_000


def unmatched(root: Path, patterns: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The globs, read as `Globs` reads them, that match no file below a folder, each with what may be meant, in words.

    Every file counts, whatever its name: also what git ignores and what is not read.
    """
    for pattern in patterns:
        wanted = pattern.removeprefix("!")
        if wanted.strip() and not wanted.startswith("#") and not _matches(root, wanted):
            yield pattern, _near(root, wanted)
        elif not wanted.strip():
            yield pattern, ""


def _matches(root: Path, pattern: str) -> bool:
    from pathspec import GitIgnoreSpec

    names = _literal(pattern)
    if ".." in names or "." in names:
        return False  # git matches neither.
    spec = GitIgnoreSpec.from_lines([pattern])
    start = str(root.joinpath(*names))
    if os.path.isfile(start) or os.path.islink(start):  # noqa: PTH113, PTH114 - str throughout
        return spec.match_file("/".join(names))
    top = str(root).rstrip("/") + "/"
    for count, path in enumerate(_files(start)):
        if count > _MOST_NAMES or spec.match_file(path.removeprefix(top)):
            return True
    return False


def _literal(pattern: str) -> list[str]:
    """The names that the path of every match begins with."""
    if "/" not in pattern.rstrip("/"):
        return []  # It matches at any depth.
    names = []
    for name in pattern.strip("/").split("/"):
        if _WILD.intersection(name):
            break
        names.append(name)
    return names


def _files(folder: str) -> Iterator[str]:
    """Every file below a folder, symlinks among them, git's own left out."""
    stack = [folder]
    while stack:
        here = stack.pop()
        try:
            entries = sorted(os.scandir(here), key=lambda entry: entry.name, reverse=True)
        except OSError:
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name != ".git":
                    stack.append(entry.path)
            else:
                yield entry.path


def _near(root: Path, pattern: str) -> str:
    """The pattern with its first folder that does not exist replaced by one of a near name, as a question.

    Where no name is near, what there is in the place of that folder; empty where neither is known.
    """
    names = pattern.strip("/").split("/")
    if names[0] == "." and len(names) > 1:
        return f"did you mean {'/'.join(names[1:])!r}?"
    here = root
    for index, name in enumerate(names):
        if _WILD.intersection(name):
            return ""
        if not os.path.lexists(here / name):
            try:
                siblings = sorted(entry.name for entry in os.scandir(here) if entry.name != ".git")
            except OSError:
                return ""
            close = get_close_matches(name, siblings, n=1, cutoff=0.6)
            if close:
                return f"did you mean {'/'.join([*names[:index], close[0], *names[index + 1 :]])!r}?"
            seen = [sibling for sibling in siblings if not sibling.startswith(".")]
            return f"{'/'.join(names[:index]) or 'it'} holds {some_of(seen)}" if seen and name != ".." else ""
        here /= name
    return ""
