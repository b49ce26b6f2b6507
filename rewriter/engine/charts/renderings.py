"""What a template renders to with each value set, each line with the template line that it comes from."""

from __future__ import annotations

from collections.abc import Sequence

from rewriter.engine.charts.value_sets import ValueSet
from rewriter.inventory.render.chart_copy import ChartCopy
from rewriter.inventory.render.helm import HelmError
from rewriter.inventory.render.marks import marked, traced
from rewriter.inventory.render.output import rendered_texts
from rewriter.records import dataclass
from rewriter.yamltext.go_template import TemplateLine


@dataclass(frozen=True, slots=True)
class RenderedDocument:
    """A document as helm prints it. `lines` has for each of its lines the template line (0-based; None: not known).

    `whole` says of a line that it ends where its template line ends.
    """

    text: str
    lines: tuple[int | None, ...] = ()
    whole: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True)
class Rendering:
    """What a value set makes of a chart: the documents of one template in order, and all others with their templates.

    `problem` says why there are none: helm failed, or the lines cannot be traced.
    """

    values: ValueSet
    own: tuple[RenderedDocument, ...] = ()
    others: tuple[tuple[str, str], ...] = ()
    problem: str = ""


def render(chart: ChartCopy, template: str, text: str, values: ValueSet, *, anew: bool = False) -> Rendering:
    """A rendering whose own documents are not traced. Never raises for what helm says."""
    try:
        printed = chart.render(values.name, values.namespace, values.values, template, text, anew=anew)
    except HelmError as error:
        return Rendering(values, problem=f"{values.words} does not render: {error}")
    source = f"{chart.name}/{template}"
    own, others = [], []
    for at, document in rendered_texts(printed):
        if at == source:
            own.append(RenderedDocument(document))
        else:
            others.append((at, document))
    return Rendering(values, tuple(own), tuple(others))


def render_traced(
    chart: ChartCopy, template: str, text: str, lines: Sequence[TemplateLine], values: ValueSet
) -> Rendering:
    """A rendering with each line of its own documents traced. A trace that changes what is rendered is a problem."""
    plain = render(chart, template, text, values)
    if plain.problem or not plain.own:
        return plain
    followed = render(chart, template, marked(text, lines), values)
    if len(followed.own) == len(plain.own):
        found = [_aligned(one, other) for one, other in zip(plain.own, followed.own, strict=True)]
        if all(found):
            return Rendering(
                values, tuple(rendered_document for rendered_document in found if rendered_document), plain.others
            )
    return Rendering(values, problem=f"the lines that {values.words} renders cannot be traced to the template")


def same_lines(one: str, other: str) -> bool:
    """Whether two texts have the same lines, blank ones and spaces at the end of a line aside."""
    return _written(one) == _written(other)


def _written(text: str) -> list[str]:
    return [line.rstrip() for line in text.split("\n") if line.strip()]


def _aligned(plain: RenderedDocument, followed: RenderedDocument) -> RenderedDocument | None:
    """A document with the trace of one that holds marks; None where they differ in more than blank lines."""
    trace = [trace for trace in traced(followed.text) if trace.text.strip()]
    lines: list[int | None] = []
    whole: list[bool] = []
    position = 0
    for line in plain.text.split("\n"):
        if not line.strip():
            lines.append(None)
            whole.append(False)
            continue
        if position >= len(trace) or trace[position].text.rstrip() != line.rstrip():
            return None
        lines.append(trace[position].line)
        whole.append(trace[position].ends)
        position += 1
    if position < len(trace):
        return None
    return RenderedDocument(plain.text, tuple(lines), tuple(whole))
