"""What a command imports before it works: start-up is part of every run in an editor or a hook."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

#: Modules that cost more than a hundredth of a second, and that few commands need.
HEAVY = {"deepdiff", "httpx", "jsonpatch", "kubernetes", "ruamel", "numpy", "rewriter.reach", "rewriter.bot"}
RUN = """
import sys
from rewriter.cli import run
code = run(sys.argv[1:])
print("\\n".join(["", "MODULES", *sys.modules]))
sys.exit(code)
"""


def imported(*arguments: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", RUN, *arguments], capture_output=True, text=True, check=True)
    return set(done.stdout.partition("MODULES\n")[2].split())


@pytest.mark.parametrize(
    ("arguments", "needless"),
    [
        (["--help"], {"yaml", "rewriter.engine", "rewriter.passes", "rewriter.inventory", "rewriter.cli.impact"}),
        (["passes"], {"rewriter.engine.run.fixer", "rewriter.cli.fix", "rich.console"}),
        (["explain", "CNP004"], {"rewriter.engine.run.fixer", "rewriter.cli.fix", "rich.console"}),
        (["verdict", "--cases", os.devnull], {"yaml", "rewriter.engine.run.fixer", "rewriter.passes", "rich.console"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_imports_what_it_needs(arguments: list[str], needless: set[str]) -> None:
    assert not imported(*arguments) & (HEAVY | needless)


def test_a_run_without_fixes_imports_no_proofs(tmp_path: Path) -> None:
    """A tree of clean policies, as most runs see."""
    (tmp_path / "a.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
    assert not imported(str(tmp_path)) & {
        "deepdiff",
        "jsonpatch",
        "httpx",
        "kubernetes",
        "rewriter.bot",
        "rich.console",
    }
