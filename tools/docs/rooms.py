"""The page of rooms: every folder of the package with what it is for, in the words of its own docstring.

Of two folders beside each other, the one that imports the other stands above it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

_HEAD = """# Rooms

Every folder of `rewriter/`, and what belongs in it. Of two that stand beside each other the upper one may import the
lower one, never the other way round; `tests/test_layers.py` holds that.

"""


def rooms_page(root: Path) -> str:
    """The text of docs/design/rooms.md, made from the docstrings of the folders."""
    return _HEAD + "\n".join(_lines(root / "rewriter", "rewriter", 0)) + "\n"


def _lines(folder: Path, name: str, depth: int) -> Iterator[str]:
    for room in _upper_first(folder, name):
        text = " ".join((ast.get_docstring(ast.parse((room / "__init__.py").read_text("utf-8"))) or "").split())
        yield f"{'    ' * depth}- **{room.name}/**: {text}"
        yield from _lines(room, f"{name}.{room.name}", depth + 1)


def _upper_first(folder: Path, name: str) -> list[Path]:
    rooms = {path.parent.name: path.parent for path in folder.glob("*/__init__.py")}
    below = {room: _imported(path, name) & rooms.keys() - {room} for room, path in rooms.items()}
    found: list[Path] = []
    while below:
        top = sorted(room for room in below if not any(room in others for others in below.values()))
        found += [rooms[room] for room in top]
        below = {room: others for room, others in below.items() if room not in top}
    return found


def _imported(folder: Path, name: str) -> set[str]:
    """The names right below a package that the files of a folder import."""
    found: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and f"{node.module}.".startswith(f"{name}."):
                rest = node.module.removeprefix(name).lstrip(".")
                found |= {rest.split(".")[0]} if rest else {alias.name for alias in node.names}
    return found
