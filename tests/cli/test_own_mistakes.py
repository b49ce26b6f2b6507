"""A mistake in cnpfix itself ends a run with one line and exit code 2; 1 is for findings."""

from __future__ import annotations

import subprocess
import sys

from tests.cli.process import ENVIRONMENT

_PROGRAM = """
import sys
import rewriter.cli
from rewriter.__main__ import main

def run(arguments, name):
    print("half of a report")
    raise KeyError("a name\\nof two lines")

rewriter.cli.run = run
sys.exit(main())
"""


def _run(**variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _PROGRAM, "verdict"],
        env={**ENVIRONMENT, **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_it_is_one_line_that_asks_for_a_report() -> None:
    ran = _run()
    assert ran.returncode == 2
    assert ran.stderr.count("\n") == 1
    assert ran.stderr.startswith("cnpfix: failed at ")
    assert "KeyError" in ran.stderr


def test_the_traceback_is_for_those_who_ask() -> None:
    ran = _run(CNPFIX_TRACEBACK="1")
    assert ran.returncode == 2
    assert ran.stderr.startswith("Traceback (most recent call last):")
