"""What RFC 6902 operations make of each node of a document: where it goes, and which nodes are new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from rewriter.records import dataclass
from rewriter.yamltext.document import equal, tokens
from rewriter.yamltext.lowering import list_operations, mapping_operations
from rewriter.yamltext.second import Path

Operation = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Moves:
    """`kept` are the nodes of the old document that the new one still has, with their new paths; `rewritten` those of
    them that hold another value, `shortened` the lists of which an item is gone; `added` are the new nodes, the
    outermost ones, by their new paths."""

    kept: Mapping[Path, Path]
    rewritten: frozenset[Path]
    added: tuple[Path, ...]
    shortened: frozenset[Path] = frozenset()


def moves_of(value: Any, operations: Sequence[Operation]) -> Moves:
    """What the operations, which must fit the value, do to its nodes. A node that moves counts as removed and added."""
    root = _known(value, ())
    for operation in operations:
        root = _applied(root, operation)
    kept: dict[Path, Path] = {}
    rewritten: set[Path] = set()
    shortened: set[Path] = set()
    added: list[Path] = []
    stack: list[tuple[_Node, Path, bool]] = [(root, (), False)]
    while stack:
        node, path, inside = stack.pop()
        if node.origin is not None:
            kept[node.origin] = path
            if node.rewritten:
                rewritten.add(node.origin)
            if node.shortened:
                shortened.add(node.origin)
        elif not inside:
            added.append(path)
        stack += [(child, (*path, name), node.origin is None) for name, child in node.named()]
    return Moves(kept, frozenset(rewritten), tuple(sorted(added)), frozenset(shortened))


@dataclass(slots=True)
class _Node:
    """A node that remembers where it stood in the old document (`origin`, None: it is new)."""

    origin: Path | None
    scalar: Any = None
    members: dict[str, _Node] | None = None
    items: list[_Node] | None = None
    rewritten: bool = field(default=False)
    shortened: bool = field(default=False)

    def named(self) -> list[tuple[str, _Node]]:
        if self.members is not None:
            return list(self.members.items())
        return [(str(index), item) for index, item in enumerate(self.items or ())]

    def value(self) -> Any:
        if self.members is not None:
            return {name: node.value() for name, node in self.members.items()}
        return self.scalar if self.items is None else [node.value() for node in self.items]

    def child(self, name: str) -> _Node:
        if self.members is not None:
            return self.members[name]
        assert self.items is not None
        return self.items[int(name)]


def _known(value: Any, path: Path) -> _Node:
    if isinstance(value, dict):
        return _Node(path, members={name: _known(item, (*path, str(name))) for name, item in value.items()})
    if isinstance(value, list):
        return _Node(path, items=[_known(item, (*path, str(index))) for index, item in enumerate(value)])
    return _Node(path, value)


def _new(value: Any) -> _Node:
    if isinstance(value, dict):
        return _Node(None, members={name: _new(item) for name, item in value.items()})
    if isinstance(value, list):
        return _Node(None, items=[_new(item) for item in value])
    return _Node(None, value)


def _at(root: _Node, path: str) -> _Node:
    for token in tokens(path):
        root = root.child(token)
    return root


def _applied(root: _Node, operation: Operation) -> _Node:
    path, kind = operation["path"], operation["op"]
    if kind == "test":
        return root
    if kind in ("move", "copy"):
        value = _at(root, operation["from"]).value()
        if kind == "move":
            if operation["from"] == path:
                return root
            root = _applied(root, {"op": "remove", "path": operation["from"]})
        return _applied(root, {"op": "add", "path": path, "value": value})
    if kind == "remove":
        parent, name = _at(root, path.rpartition("/")[0]), tokens(path)[-1]
        if parent.members is not None:
            del parent.members[name]
        else:
            assert parent.items is not None
            del parent.items[int(name)]
            parent.shortened = True
        return root
    if kind == "add" and path:
        parent, name = _at(root, path.rpartition("/")[0]), tokens(path)[-1]
        if parent.items is not None:
            parent.items.insert(len(parent.items) if name == "-" else int(name), _new(operation["value"]))
            return root
        assert parent.members is not None
        if name not in parent.members:
            parent.members[name] = _new(operation["value"])
            return root
    return _replaced(root, path, operation["value"])


def _replaced(root: _Node, path: str, value: Any) -> _Node:
    """Another value at a place; of containers of one kind, only what differs is replaced."""
    node = _at(root, path)
    old = node.value()
    if equal(old, value):
        return root
    lowered: list[Operation] | None = None
    if isinstance(old, dict) and isinstance(value, dict) and old and value:
        lowered = mapping_operations(path, old, value)
    elif isinstance(old, list) and isinstance(value, list) and old and value:
        lowered = list_operations(path, old, value)
    if lowered is not None:
        for operation in lowered:
            root = _applied(root, operation)
        return root
    made = _new(value)
    node.scalar, node.members, node.items, node.rewritten = made.scalar, made.members, made.items, True
    return root
