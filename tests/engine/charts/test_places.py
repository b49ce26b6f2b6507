"""Which line of a template a rendered line stands for."""

from __future__ import annotations

import pytest

from rewriter import yamltext
from rewriter.engine.charts.places import Places
from rewriter.engine.charts.renderings import RenderedDocument
from rewriter.yamltext.go_template import template_lines


@pytest.mark.parametrize(
    ("lines", "rendered", "line"),
    [
        pytest.param([0, 3, 5], 2, 3, id="the line that it comes from"),
        pytest.param([0, 3, None, None, 5], 4, 3, id="of a helper: the line before it that the template has"),
        pytest.param([None, None, 4], 2, 0, id="of a helper with which the document begins"),
        pytest.param([0, 3], 5, 3, id="behind the last line"),
    ],
)
def test_a_rendered_line_is_one_of_the_template(lines: list[int | None], rendered: int, line: int) -> None:
    text = "a: 1\n"
    made = RenderedDocument(text, tuple(lines))
    assert Places("p.yaml", template_lines(text), made, yamltext.parse(text)[0]).line(rendered) == line
