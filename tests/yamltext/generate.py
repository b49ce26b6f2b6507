"""Documents in mixed styles, and operations on them, from a source of randomness."""

from __future__ import annotations

import copy
import json
from random import Random
from typing import Any

import jsonpatch

KEYS = ("app", "k8s:io.kubernetes.pod.namespace", "a/b", "t~e", "on", "1", "spec", "values", "with space", "x")
TEXTS = (
    "web",
    "on",
    "010",
    "3306",
    "",
    "a: b",
    "- x",
    "# no",
    "x#y",
    "it's",
    'say "so"',
    "1e3",
    "null",
    "é\u2028",
    "~",
)
NUMBERS = (0, 1, -5, 80, True, False, None)


def random_value(random: Random, depth: int = 3) -> Any:
    kind = random.random()
    if depth and kind < 0.35:
        keys = random.sample(KEYS, random.randint(0, 3))
        return {key: random_value(random, depth - 1) for key in keys}
    if depth and kind < 0.6:
        return [random_value(random, depth - 1) for _ in range(random.randint(0, 3))]
    return random.choice(TEXTS) if kind < 0.85 else random.choice(NUMBERS)


def random_document(random: Random, newline: str) -> str:
    """A document whose root is a mapping of at least two members, in random styles, full of comments."""
    value = {"first": random_value(random), **{key: random_value(random) for key in random.sample(KEYS, 3)}}
    form = random.random()
    if form < 0.12:
        text = json.dumps(value, indent=random.choice((2, 4, None)), ensure_ascii=False)
    elif form < 0.24:
        text = _Writer(random).kyaml(value, 0)
    else:
        text = "\n".join(_Writer(random).block(value, 0))
    return text.replace("\n", newline) + random.choice((newline, ""))


class _Writer:
    """Writes a value, deciding anew at each place."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._number = 0

    def _comment(self, chance: float = 0.2) -> str:
        if self._random.random() > chance:
            return ""
        self._number += 1
        return self._random.choice((" # c", "   # - dash ", "  # {x: ")) + str(self._number)

    def _own_lines(self, column: int, chance: float = 0.15) -> list[str]:
        comment = self._comment(chance).strip()
        return [" " * column + comment] if comment else [""] if self._random.random() < 0.05 else []

    def scalar(self, value: Any) -> str:
        if isinstance(value, str):
            if value in ("web", "x#y") and self._random.random() < 0.7:
                return value
            if "\u2028" not in value and self._random.random() < 0.4:
                return "'" + value.replace("'", "''") + "'"
            return json.dumps(value, ensure_ascii=False)
        return json.dumps(value)

    def flow(self, value: Any) -> str:
        if isinstance(value, dict):
            pad = self._random.choice(("", " "))
            return "{" + pad + ", ".join(f"{self.key(k)}: {self.flow(v)}" for k, v in value.items()) + pad + "}"
        if isinstance(value, list):
            return "[" + ", ".join(map(self.flow, value)) + "]"
        return self.scalar(value)

    def key(self, key: str) -> str:
        return key if key not in ("on", "1") else json.dumps(key)

    def kyaml(self, value: Any, column: int) -> str:
        if not isinstance(value, dict | list) or not value:
            return json.dumps(value, ensure_ascii=False)
        pad = "\n" + " " * (column + 2)
        end = "\n" + " " * column
        if isinstance(value, dict):
            members = "".join(
                f"{pad}{self.key(k)}: {self.kyaml(v, column + 2)},{self._comment()}" for k, v in value.items()
            )
            return "{" + members + end + "}"
        if all(isinstance(item, dict) and item for item in value) and self._random.random() < 0.6:
            return "[" + ", ".join(self.kyaml(item, column) for item in value) + "]"
        return "[" + "".join(f"{pad}{self.kyaml(item, column + 2)},{self._comment()}" for item in value) + end + "]"

    def block(self, value: Any, column: int) -> list[str]:
        lines: list[str] = []
        if isinstance(value, dict):
            for key, item in value.items():
                lines += self._own_lines(column)
                lines += self._member(key, item, column)
        else:
            for item in value:
                lines += self._own_lines(column)
                lines += self._item(item, column)
        return lines

    def _member(self, key: str, value: Any, column: int) -> list[str]:
        head = " " * column + self.key(key) + ":"
        if isinstance(value, dict | list) and value and self._random.random() < 0.75:
            zero = isinstance(value, list) and self._random.random() < 0.4
            inner = column if zero else column + self._random.choice((2, 2, 4))
            return [head + self._comment(), *self.block(value, inner)]
        if value is None and self._random.random() < 0.5:
            return [head + self._comment()]
        return [f"{head} {self.flow(value)}{self._comment()}"]

    def _item(self, value: Any, column: int) -> list[str]:
        gap = self._random.choice((1, 1, 1, 3))
        head = " " * column + "-"
        if isinstance(value, dict | list) and value and self._random.random() < 0.75:
            inner = self.block(value, column + 1 + gap)
            while inner and not inner[0].strip(" ").startswith(("#",)) and not inner[0].strip():
                inner = inner[1:]
            if inner[0].lstrip().startswith("#"):
                return [head, *inner]
            return [head + " " * gap + inner[0].lstrip(), *inner[1:]]
        if value is None and self._random.random() < 0.5:
            return [head + self._comment()]
        return [f"{head}{' ' * gap}{self.flow(value)}{self._comment()}"]


def random_operations(random: Random, value: Any, count: int) -> list[dict[str, Any]]:
    """Operations that fit the value one after the other, below the root's members."""
    operations: list[dict[str, Any]] = []
    value = copy.deepcopy(value)
    for _ in range(count):
        operation = _operation(random, value)
        try:
            value = jsonpatch.apply_patch(value, [operation])
        except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException):
            continue
        operations.append(operation)
    return operations


def _operation(random: Random, value: Any) -> dict[str, Any]:
    path, node = _place(random, value)
    kind = random.random()
    if kind < 0.08:
        target, _ = _place(random, value)
        return {"op": "move", "from": path, "path": target}
    if kind < 0.4 and isinstance(node, dict):
        key = random.choice(KEYS).replace("~", "~0").replace("/", "~1")
        return {"op": "add", "path": f"{path}/{key}", "value": random_value(random, 2)}
    if kind < 0.4 and isinstance(node, list):
        index = random.choice(["-", *map(str, range(len(node) + 1))])
        return {"op": "add", "path": f"{path}/{index}", "value": random_value(random, 2)}
    if kind < 0.7:
        return {"op": "replace", "path": path, "value": random_value(random, 2)}
    return {"op": "remove", "path": path}


def _place(random: Random, value: Any) -> tuple[str, Any]:
    """A pointer below the root, and what it points at."""
    path, node = "", value
    while True:
        children: list[str] = (
            list(node)
            if isinstance(node, dict)
            else [str(n) for n in range(len(node))]
            if isinstance(node, list)
            else []
        )
        if not children or (path and random.random() < 0.3):
            return path, node
        token = random.choice(children)
        node = node[token] if isinstance(node, dict) else node[int(token)]
        path += "/" + token.replace("~", "~0").replace("/", "~1")
