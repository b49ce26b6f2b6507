"""The labels that patches of mutating policies write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rewriter import patterns as re

_ANCHOR = re.compile(r"^([+=<^X]?)\((.*)\)$")


def plain_key(key: str) -> str:
    """A key without Kyverno's anchor; empty for a condition, which changes nothing."""
    anchored = _ANCHOR.match(str(key))
    if anchored is None:
        return str(key)
    return anchored[2] if anchored[1] == "+" else ""


def label_keys(value: Any, depth: int = 0) -> Iterator[str]:
    """The keys under every `labels` of a patch; `*` for any."""
    if depth > 20:
        return
    for key, part in value.items() if isinstance(value, dict) else ():
        if str(key) == "labels" or plain_key(key) == "labels":
            if not isinstance(part, dict):
                yield "*"
                continue
            yield from ("*" if "{{" in name else name for name in map(plain_key, part) if name)
        else:
            yield from label_keys(part, depth + 1)
    for part in value if isinstance(value, list) else ():
        yield from label_keys(part, depth + 1)


def operation_keys(place: str, value: Any) -> Iterator[str]:
    """The keys of labels that an operation of a JSON patch writes; `*` for any."""
    head, found, key = place.partition("/labels/")
    if found:
        name = key.replace("~1", "/").replace("~0", "~")
        yield "*" if "{{" in name else name
    elif head.endswith("/labels"):
        yield from map(str, value) if isinstance(value, dict) else ("*",)
    else:
        yield from label_keys(value)
