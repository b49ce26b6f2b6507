"""Tables of edits: a text, RFC 6902 operations, and the text that the best engineer would leave."""

from __future__ import annotations

import copy
from collections import Counter
from typing import Any

import jsonpatch

from rewriter import yamltext

Operation = dict[str, Any]


def add(path: str, value: Any) -> Operation:
    return {"op": "add", "path": path, "value": value}


def remove(path: str) -> Operation:
    return {"op": "remove", "path": path}


def replace(path: str, value: Any) -> Operation:
    return {"op": "replace", "path": path, "value": value}


def move(source: str, path: str) -> Operation:
    return {"op": "move", "from": source, "path": path}


def check(before: str, operations: list[Operation], after: str, document: int = 0) -> None:
    """The edit gives exactly `after`, which says what jsonpatch says, keeps every comment, and needs no second edit."""
    edited = yamltext.edit(before, document, operations)
    assert edited == after
    old, new = yamltext.parse(before), yamltext.parse(after)
    assert len(old) == len(new)
    patched = jsonpatch.apply_patch(copy.deepcopy(old[document].value), operations)
    assert new[document].value == patched
    assert [each.value for each in old if each.index != document] == [
        each.value for each in new if each.index != document
    ]
    comments = [Counter(comment.text for comment in yamltext.comments(text)) for text in (before, after)]
    assert comments[0] == comments[1]
