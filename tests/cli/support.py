"""Runs the command line in this process, in a folder of its own."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

from rewriter.cli import run


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


class _Buffered(io.TextIOWrapper):
    """A text stream with a byte buffer below, as stdout is."""


def cnpfix(*arguments: str, stdin: bytes = b"") -> Ran:
    """The exit code and what was printed on stdout and stderr."""
    out = _Buffered(io.BytesIO(), encoding="utf-8", newline="", write_through=True)
    err = io.StringIO()
    old = sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(stdin))
    try:
        with redirect_stdout(out), redirect_stderr(err):
            code = run(arguments)
    finally:
        sys.stdin = old
    out.flush()
    assert isinstance(out.buffer, io.BytesIO)
    return Ran(code, out.buffer.getvalue().decode(), err.getvalue())
