"""What CONTRIBUTING.md shows is there: a newcomer copies it."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
IMPORTS = [
    (node.module or "", alias.name)
    for block in re.findall(r"^ *```python\n(.*?)^ *```", TEXT, re.MULTILINE | re.DOTALL)
    for node in ast.walk(ast.parse(dedent(block)))
    if isinstance(node, ast.ImportFrom)
    for alias in node.names
]


@pytest.mark.parametrize(("module", "name"), IMPORTS)
def test_an_example_imports_what_exists(module: str, name: str) -> None:
    assert hasattr(import_module(module), name)


def test_the_first_example_imports_what_it_uses() -> None:
    assert {"report", "entries", "patch", "antipattern"} <= {name for _, name in IMPORTS}


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`((?:rewriter/|passes/|evidence/|cilium/)[\w/]+\.py)`", TEXT)))
)
def test_a_module_that_it_names_exists(path: str) -> None:
    inside = path.removeprefix("rewriter/")
    assert (ROOT / "rewriter" / inside).is_file() or "your_pass_id" in path


@pytest.mark.parametrize(("name", "path"), re.findall(r"`(\w+)`, `((?:passes|evidence)/[\w/]+\.py)` \|", TEXT))
def test_a_function_that_it_names_is_in_its_module(name: str, path: str) -> None:
    assert hasattr(import_module("rewriter." + path.removesuffix(".py").replace("/", ".")), name)
