"""What the wheel says about itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def metadata(repository: str) -> dict[str, Any]:
    ran = subprocess.run(
        [sys.executable, "-m", "hatchling", "metadata"],
        cwd=ROOT,
        env={**os.environ, "CNPFIX_REPOSITORY": repository},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded: dict[str, Any] = json.loads(ran.stdout)
    return loaded


def test_the_wheel_knows_where_the_project_lives() -> None:
    urls = metadata("https://forge.example/team/cnpfix/")["urls"]
    assert urls["Source"] == "https://forge.example/team/cnpfix"
    assert urls["Changelog"] == "https://forge.example/team/cnpfix/blob/main/CHANGELOG.md"


def test_without_a_repository_it_claims_no_address() -> None:
    known = metadata("")
    assert not known.get("urls")
    assert known["authors"] and known["license"] == "Apache-2.0"


def test_the_readme_has_no_link_that_a_package_index_cannot_follow() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    targets = [part.split(")")[0] for part in text.split("](")[1:]]
    assert [target for target in targets if not target.startswith(("https://", "#"))] == []
