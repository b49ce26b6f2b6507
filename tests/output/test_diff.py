"""Diffs are what git apply takes, for every kind of line ending and place in the file."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from rewriter.engine.results.result import Change, FileResult
from rewriter.output.diff import unified_diff

LINES = "".join(f"line {number}\n" for number in range(1, 41))


def _change(before: str, old: str, new: str) -> Change:
    start = before.index(old)
    return Change(start, start + len(old), new)


CASES = {
    "middle": (LINES, [("line 20\n", "line twenty\n")]),
    "first line": (LINES, [("line 1\n", "line one\n")]),
    "last line": (LINES, [("line 40\n", "line forty\n")]),
    "two far apart": (LINES, [("line 5\n", "line 5\nand more\n"), ("line 30\n", "")]),
    "two that share context": (LINES, [("line 5\n", ""), ("line 10\n", "x\ny\n")]),
    "a long document with one change": (LINES, [(LINES, LINES.replace("line 33", "changed"))]),
    "no final newline before": ("a\nb\nc", [("c", "d")]),
    "no final newline stays": ("a\nb\nc", [("a\n", "")]),
    "carriage returns": ("a\r\nb\r\nc\r\n", [("b\r\n", "x\r\n")]),
    "inside a line": ("key: [a, b]\nrest: 1\n", [("[a, b]", "[a]")]),
    "lone carriage return and line separator": ("a\rb\u2028c\nd\n", [("d", "e")]),
}


@pytest.mark.parametrize("name", CASES)
def test_git_applies_the_diff(tmp_path: Path, name: str) -> None:
    before, edits = CASES[name]
    result = FileResult("file.yaml", before, tuple(_change(before, old, new) for old, new in edits))
    file = tmp_path / "file.yaml"
    file.write_bytes(before.encode())
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(
        ["git", "apply", "--whitespace=nowarn", "-"], cwd=tmp_path, input=unified_diff(result).encode(), check=True
    )
    assert file.read_bytes() == result.after.encode()


def test_only_changed_lines_are_shown_as_changed() -> None:
    changed = LINES.replace("line 7\n", "line seven\n")
    result = FileResult("f", LINES, (Change(0, len(LINES), changed),))
    shown = [line for line in unified_diff(result).splitlines() if line.startswith(("+", "-"))]
    assert shown == ["--- a/f", "+++ b/f", "-line 7", "+line seven"]


def test_no_change_no_diff() -> None:
    assert unified_diff(FileResult("f", LINES)) == ""
