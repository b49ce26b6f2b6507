"""One value at a path, as `helm --set` writes it (Helm, pkg/strvals).

Parts of a path are parted by dots, a dot of a name is written `\\.`, an element of a list `name[0]`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rewriter import patterns as re

_PART = re.compile(r"(?P<name>(?:[^.\[\]\\]|\\.)+)(?P<indexes>(?:\[\d{1,3}\])*)(?:\.|$)")
_INDEX = re.compile(r"\[(\d+)\]")
_NUMBER = re.compile(r"0|-?[1-9]\d{0,17}")
_WORDS: Mapping[str, Any] = {"true": True, "false": False, "null": None}


def set_value(values: Mapping[str, Any], path: str, value: Any) -> dict[str, Any] | None:
    """The values with one more; a list is filled up with nulls. None: the path is not of a form that is read."""
    steps = _steps(path)
    return dict(_laid(values, steps, value)) if steps else None


def typed(text: Any) -> Any:
    """What Helm takes a text of `--set` for: a boolean, null, a whole number, a list in braces, or the text itself."""
    if not isinstance(text, str):
        return text
    if text[:1] == "{" and text[-1:] == "}":
        return [typed(part.strip()) for part in text[1:-1].split(",")] if text[1:-1].strip() else []
    if text in _WORDS:
        return _WORDS[text]
    return int(text) if _NUMBER.fullmatch(text) else text


def _steps(path: str) -> list[str | int]:
    steps: list[str | int] = []
    position = 0
    while position < len(path):
        match = _PART.match(path, position)
        if match is None:
            return []
        steps.append(re.sub(r"\\(.)", r"\1", match["name"]))
        steps += [int(index) for index in _INDEX.findall(match["indexes"])]
        position = match.end()
    return steps


def _laid(held: Any, steps: Sequence[str | int], value: Any) -> Any:
    if not steps:
        return value
    first, rest = steps[0], steps[1:]
    if isinstance(first, str):
        entries = dict(held) if isinstance(held, Mapping) else {}
        entries[first] = _laid(entries.get(first), rest, value)
        return entries
    listed = list(held) if isinstance(held, list) else []
    listed += [None] * (first + 1 - len(listed))
    listed[first] = _laid(listed[first], rest, value)
    return listed
