"""Snippets in the documentation name inputs, hooks, files and variables that exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "docs" / "pipelines.md", ROOT / "docs" / "bot.md"]
_FENCE = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)


def snippets() -> list[Any]:
    texts = [found[1] for page in PAGES for found in _FENCE.finditer(page.read_text("utf-8"))]
    texts += [path.read_text("utf-8") for path in sorted((ROOT / "examples" / "schedule").glob("*.yml"))]
    return [yaml.safe_load(text) for text in texts]


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in a snippet."""
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from nodes(item)


@pytest.fixture(scope="module")
def mappings() -> list[dict[str, Any]]:
    return [node for snippet in snippets() for node in nodes(snippet)]


def test_the_action_has_the_inputs(mappings: list[dict[str, Any]]) -> None:
    inputs = set(yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))["inputs"])
    steps = [node for node in mappings if str(node.get("uses", "")).startswith("cnpfix/cnpfix@")]
    assert len(steps) >= 3
    assert {name for step in steps for name in step["with"]} <= inputs


def test_pre_commit_has_the_hooks(mappings: list[dict[str, Any]]) -> None:
    known = {hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))}
    named = {hook["id"] for node in mappings for hook in node.get("hooks", ())}
    assert named and named <= known


def test_the_gitlab_template_is_there_and_reads_the_variables(mappings: list[dict[str, Any]]) -> None:
    files = {node["file"] for node in mappings if "project" in node}
    assert files == {"integrations/gitlab/cnpfix.yml"}
    template = (ROOT / "integrations/gitlab/cnpfix.yml").read_text("utf-8")
    names = {name for node in mappings for name in node.get("variables", ())}
    assert names and all(name in template for name in names)
