"""Lines of a text, and the lines of a template with what stands between its actions."""

from __future__ import annotations

import pytest

from rewriter.yamltext.go_template import template_lines
from rewriter.yamltext.lines import line_end, next_line


@pytest.mark.parametrize(
    ("text", "offset", "end"), [("\na\n", 0, 0), ("ab\r\nc", 0, 2), ("ab\r\nc", 4, 5), ("a\n\r\n", 2, 2)]
)
def test_a_line_ends_before_its_line_break(text: str, offset: int, end: int) -> None:
    assert line_end(text, offset) == end


@pytest.mark.parametrize(("text", "offset", "following"), [("\na\n", 0, 1), ("a\nb", 0, 2), ("a\nb", 2, 3)])
def test_the_next_line_begins_behind_the_line_break(text: str, offset: int, following: int) -> None:
    assert next_line(text, offset) == following


def test_the_literal_text_between_the_actions_of_a_line() -> None:
    lines = template_lines("x: 1\na: {{ .b }}-{{ .c }}.d\ne: {{ .f\n}}g\n")
    assert [line.segments() for line in lines] == [["x: 1"], ["a: ", "-", ".d"], ["e: ", ""], ["", "g"]]
