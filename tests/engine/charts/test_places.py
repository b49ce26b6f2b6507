"""Which line of a template a rendered line stands for."""

from __future__ import annotations

import pytest

from rewriter import yamltext
from rewriter.engine.charts.places import Places
from rewriter.engine.charts.renderings import RenderedDocument
from rewriter.engine.results.result import Location
from rewriter.suppress import Suppression
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


_TEMPLATE = "metadata:\n  name: {{ .Release.Name }}-db\n  namespace: {{ .Release.Namespace }}\n"
_LITERAL = "metadata:\n  name: shop-db\n  namespace: prod\n"


@pytest.mark.parametrize(
    ("template", "namespace", "named"),
    [
        (_TEMPLATE, "prod", ("{{ .Release.Name }}-db", "{{ .Release.Namespace }}")),
        (_TEMPLATE, "", ("{{ .Release.Name }}-db", "")),
        (_LITERAL, "prod", ("shop-db", "prod")),
    ],
)
def test_a_policy_is_named_as_its_template_names_it(template: str, namespace: str, named: tuple[str, str]) -> None:
    made = RenderedDocument(_LITERAL, (0, 1, 2))
    places = Places("p.yaml", template_lines(template), made, yamltext.parse(_LITERAL)[0])
    found = places.named(Location("p.yaml", 1, 1, 1, 1, 0, "CiliumNetworkPolicy", namespace, "shop-db"), "")
    assert (found.name, found.namespace) == named


_FILLED = "---\na: 1\n---\nx:\n  b: {{ .Values.b }}\n  c: 2\n"
_RENDERED = "x:\n  b: one two\n  c: 2\n"


def _filled() -> Places:
    made = RenderedDocument(_RENDERED, (3, 4, 5))
    return Places("p.yaml", template_lines(_FILLED), made, yamltext.parse(_RENDERED)[0])


@pytest.mark.parametrize(
    ("rendered", "place"),
    [
        pytest.param((2, 6, 2, 13), (5, 6, 5, 21), id="what markup fills in ends where its line ends"),
        pytest.param((2, 10, 2, 13), (5, 3, 5, 21), id="behind the markup it begins where its line begins"),
        pytest.param((3, 6, 3, 7), (6, 6, 6, 7), id="text stands where it stands"),
        pytest.param((2, 6, 3, 7), (5, 6, 6, 7), id="from markup to text"),
        pytest.param((1, 1, 2, 13), (4, 1, 5, 13), id="from text to markup"),
    ],
)
def test_a_place_is_one_of_the_template(rendered: tuple[int, int, int, int], place: tuple[int, int, int, int]) -> None:
    found = _filled().of(Location("rendered", *rendered))
    assert (found.line, found.column, found.end_line, found.end_column) == place
    assert (found.file, found.document) == ("p.yaml", 1)


def test_a_suppression_has_the_lines_of_the_template() -> None:
    assert _filled().suppression(Suppression(1, 2, 3, ("requires",))) == Suppression(4, 5, 6, ("requires",))
