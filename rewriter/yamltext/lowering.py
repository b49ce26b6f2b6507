"""A new value for a collection as operations on what differs only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import Any

from rewriter.yamltext.document import equal

Operation = Mapping[str, Any]


def mapping_operations(path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Operation]:
    """From one mapping to another: each member that goes right before one that comes."""
    removed = [key for key in old if key not in new]
    added = [key for key in new if key not in old]
    operations: list[Operation] = []
    for number in range(max(len(removed), len(added))):
        if number < len(removed):
            operations.append({"op": "remove", "path": f"{path}/{escape(removed[number])}"})
        if number < len(added):
            key = added[number]
            operations.append({"op": "add", "path": f"{path}/{escape(key)}", "value": new[key]})
    for key, value in new.items():
        if key in old and not equal(old[key], value):
            operations.append({"op": "replace", "path": f"{path}/{escape(key)}", "value": value})
    return operations


def list_operations(path: str, old: list[Any], new: list[Any]) -> list[Operation]:
    """From one list to another, from the end to the start, so that indexes stay right."""
    before, after = ([json.dumps(item, sort_keys=True) for item in items] for items in (old, new))
    operations: list[Operation] = []
    for tag, first, last, new_first, new_last in reversed(
        SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    ):
        if tag == "equal":
            continue
        paired = min(last - first, new_last - new_first)
        operations += [{"op": "remove", "path": f"{path}/{index}"} for index in range(last - 1, first + paired - 1, -1)]
        operations += [
            {"op": "add", "path": f"{path}/{first + paired + number}", "value": value}
            for number, value in enumerate(new[new_first + paired : new_last])
        ]
        operations += [
            {"op": "replace", "path": f"{path}/{first + number}", "value": new[new_first + number]}
            for number in range(paired)
        ]
    return operations


def escape(token: str) -> str:
    """A key as a token of a JSON Pointer."""
    return token.replace("~", "~0").replace("/", "~1")
