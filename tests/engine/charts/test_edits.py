"""Edits of a template's lines: two releases may want the same, not two things at one place."""

from __future__ import annotations

import pytest

from rewriter.engine.charts.edits import LineEdit, NotLiteralError, apply_edits
from rewriter.yamltext.go_template import template_lines

TEXT = "a: 1\nb: 2\nc: 3\n"


@pytest.mark.parametrize(
    ("edits", "made"),
    [
        ([LineEdit(1, 2, ("b: 4",)), LineEdit(1, 2, ("b: 4",))], "a: 1\nb: 4\nc: 3\n"),
        ([LineEdit(0, 1, ()), LineEdit(2, 3, ("c: 4",))], "b: 2\nc: 4\n"),
        ([LineEdit(1, 2, ("b: 4",)), LineEdit(1, 2, ("b: 5",))], None),
        ([LineEdit(0, 2, ("b: 4",)), LineEdit(1, 3, ("c: 5",))], None),
        ([LineEdit(1, 1, ("d: 4",)), LineEdit(1, 1, ("e: 5",))], None),
    ],
)
def test_what_two_releases_change(edits: list[LineEdit], made: str | None) -> None:
    lines = template_lines(TEXT)
    if made is None:
        with pytest.raises(NotLiteralError, match="two releases need different changes"):
            apply_edits(TEXT, lines, edits)
    else:
        assert apply_edits(TEXT, lines, edits) == made
