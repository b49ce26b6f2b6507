"""Which folders of a tree belong to which cluster, in as few globs as it takes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping


def cluster_globs(clusters: Mapping[str, frozenset[str | None]], base: str = ".") -> dict[str, list[str]]:
    """For each cluster the globs of what is applied to it alone, relative to `base`, sorted.

    `clusters` gives for each file (inner path) the clusters that it is applied to, None for an unknown one;
    files that nothing applies are not in it. Files outside of `base` and of several clusters are in no glob.
    """
    prefix = "" if base == "." else base + "/"
    below = {path[len(prefix) :]: names for path, names in clusters.items() if path.startswith(prefix)}
    found: dict[str, list[str]] = {}
    _descend("", below, found)
    return {name: sorted(globs) for name, globs in found.items()}


def _descend(folder: str, files: Mapping[str, frozenset[str | None]], found: dict[str, list[str]]) -> None:
    name = _only(files.values())
    if name is not None:
        found.setdefault(name, []).append(f"{_escaped(folder)}**")
        return
    inside: dict[str, dict[str, frozenset[str | None]]] = {}
    for path, names in files.items():
        part, slash, _ = path[len(folder) :].partition("/")
        if slash:
            inside.setdefault(f"{folder}{part}/", {})[path] = names
        elif (own := _only([names])) is not None:
            found.setdefault(own, []).append(f"/{_escaped(path)}")
    for inner, below in inside.items():
        _descend(inner, below, found)


def _escaped(path: str) -> str:
    """A path as a `.gitignore` pattern that matches it alone."""
    return re.sub(r"([*?\[\]!#\\ ])", r"\\\1", path)


def _only(sets: Iterable[frozenset[str | None]]) -> str | None:
    """The one cluster of all sets; None where there are several or one is not known."""
    names = frozenset().union(*sets)
    return next(iter(names)) if len(names) == 1 else None
