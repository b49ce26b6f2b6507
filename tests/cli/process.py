"""Runs the command as a process of its own, as a user does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

#: Unbuffered, Python itself drops what a pipe does not take at once.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
PROGRAM = [sys.executable, "-m", "rewriter"]


def cnpfix(
    folder: Path, *arguments: str, prefix: tuple[str, ...] = (), limit: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    """The finished process; stdout and stderr as text, bytes that are no text as surrogates."""
    return subprocess.run(
        [*prefix, *PROGRAM, *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        stdin=subprocess.DEVNULL,
        preexec_fn=limit,
        timeout=60,
    )


def bound_by_permissions() -> tuple[str, ...] | None:
    """What to put before a command so that permissions bind it; None for root without setpriv."""
    if os.geteuid() != 0:
        return ()
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return None
    prefix = (setpriv, "--inh-caps=-all", "--bounding-set=-dac_override,-dac_read_search")
    return prefix if subprocess.run([*prefix, "true"], capture_output=True).returncode == 0 else None
