"""The lines of keys in a TOML file, which its parser does not report."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping

from rewriter import patterns as re

_KEY = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)"""
_DOTTED = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER = re.compile(rf"\s*(?P<list>\[)?\[\s*(?P<name>{_DOTTED})\s*\]\]?\s*(?:#.*)?$")
_SETTING = re.compile(rf"\s*(?P<name>{_DOTTED})\s*=(?P<value>.*)")
_PART = re.compile(_KEY)
_FENCES = ('"""', "'''")


def key_lines(text: str, table: str = "") -> dict[str, int]:
    """The line (from 1) of each key below `table`, by its path: `passes.cluster-entity.mode`, `clusters[0].name`.

    A table is at its header, and the tables of a list together at the first one. The keys of an inline table have none.
    """
    found: dict[str, int] = {}
    for number, path in _paths(text):
        if path.startswith(table):
            found.setdefault(path.removeprefix(table), number)
    return found


def _paths(text: str) -> Iterator[tuple[int, str]]:
    counts: Counter[str] = Counter()
    here, fence = "", ""
    for number, row in enumerate(text.splitlines(), 1):
        if fence:
            fence = "" if fence in row else fence
        elif header := _HEADER.match(row):
            name = _path(header["name"])
            yield from ((number, above) for above in _above(name))
            if header["list"]:
                counts[name] += 1
                name += f"[{counts[name] - 1}]"
                yield number, name
            here = name + "."
        elif setting := _SETTING.match(row):
            yield from ((number, here + above) for above in _above(_path(setting["name"])))
            fence = next((mark for mark in _FENCES if setting["value"].count(mark) == 1), "")


def _path(name: str) -> str:
    return ".".join(map(_plain, _PART.findall(name)))


def _plain(part: str) -> str:
    """A part of a key without its quotes, and with what its escapes stand for."""
    if part.startswith('"') and "\\" in part:
        try:
            return str(tomllib.loads(f"key = {part}")["key"])
        except tomllib.TOMLDecodeError:
            return part
    return part.strip("\"'")


def _above(path: str) -> Iterator[str]:
    """A path and those of the tables that it lies in, from the outermost."""
    yield from (path[:dot] for dot, letter in enumerate(path) if letter == ".")
    yield path


def line_of(path: str, lines: Mapping[str, int]) -> int | None:
    """The line of a key, else that of the nearest table around it; None where no line is known."""
    while path and path not in lines:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return lines.get(path)
