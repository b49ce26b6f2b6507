"""The workflows of the repository: what they run is pinned, and what they may do is written down."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def jobs(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    assert loaded["permissions"] == {}, "a job has the permissions that it names, no others"
    found: dict[str, Any] = loaded["jobs"]
    return found


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit_and_jobs_name_their_permissions(path: Path) -> None:
    for name, job in jobs(path).items():
        assert "permissions" in job, name
        for step in job["steps"]:
            if "uses" in step:
                assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"]), step["uses"]
            assert "${{" not in step.get("run", ""), "text of an event never becomes text of a command"


def test_every_supported_python_is_tested() -> None:
    matrix = jobs(ROOT / ".github" / "workflows" / "ci.yml")["test"]["strategy"]["matrix"]
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    assert matrix["python"] == re.findall(r"Python :: (3\.\d+)", text)
    assert any(each["os"].startswith("macos") for each in matrix["include"])


def test_what_a_workflow_makes_is_a_target_of_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for path in WORKFLOWS:
        used = set(re.findall(r"\bmake ([a-z-]+)", path.read_text("utf-8"))) - {"the"}
        assert used - targets == set()
