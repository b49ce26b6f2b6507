"""What one fix changes is shown line by line, wherever in the text it stands."""

from __future__ import annotations

import pytest

from rewriter.engine.results.own_change import line_changes


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ("a\nb\nc\n", "a\nb\nc\n", []),
        ("a\nb\nc\n", "a\nB\nc\n", [(1, ("b",), ("B",))]),
        ("a\nb\n", "a\nb\nb\n", [(2, (), ("b",))]),  # Which of two alike is new cannot be seen: the later one.
        ("a\nb", "a\nb\nc", [(2, (), ("c",))]),
        ("a\nb\n", "a\nb", [(2, ("",), ())]),
        ("ab\n", "b\n", [(0, ("ab",), ("b",))]),  # What is alike inside a line does not count.
        ("", "a\n", [(0, (), ("a",))]),
        ("a\r\nb\r\n", "a\r\nB\r\n", [(1, ("b",), ("B",))]),
        ("a\n" * 3000 + "b\n", "a\n" * 3000 + "c\n", [(3000, ("b",), ("c",))]),
    ],
)
def test_lines_that_change(
    before: str, after: str, changes: list[tuple[int, tuple[str, ...], tuple[str, ...]]]
) -> None:
    found = line_changes(before, 1, after)
    assert [(change.offset, change.removed, change.added) for change in found] == changes
