"""Where a finding of what a template renders stands in the template, and what the template calls its policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rewriter import patterns as re
from rewriter import yamltext
from rewriter.engine.charts.renderings import RenderedDocument
from rewriter.engine.results.result import Location
from rewriter.records import dataclass
from rewriter.suppress import Suppression
from rewriter.yamltext.go_template import TemplateLine

_VALUE = re.compile(r"^[ \t-]*[\"']?[\w./-]+[\"']?[ \t]*:[ \t]*(.*?)[ \t]*$")


@dataclass(frozen=True, slots=True)
class Places:
    """Turns places of a rendered document into places of its template's text."""

    path: str
    template: Sequence[TemplateLine]
    rendered: RenderedDocument
    document: yamltext.Document

    def of(self, location: Location) -> Location:
        """The location in the template; a policy's name and namespace as the template has them."""
        first, last = self.line(location.line), self.line(location.end_line)
        line = self.template[first]
        exact = line.is_text
        before = exact or location.column <= line.actions[0].start - line.start + 1
        return replace(
            location,
            file=self.path,
            line=first + 1,
            end_line=max(first, last) + 1,
            column=location.column if before else min(location.column, len(line.text) - len(line.text.lstrip()) + 1),
            end_column=location.end_column if exact or last != first else len(line.text) + 1,
            document=self._index(first),
        )

    def named(self, location: Location, route: str) -> Location:
        """A location of the policy at a route, named as the template names it."""
        name = self._written(f"{route}/metadata/name") if location.name else ""
        namespace = self._written(f"{route}/metadata/namespace") if location.namespace else ""
        return replace(location, name=name or location.name, namespace=namespace or location.namespace)

    def line(self, rendered: int) -> int:
        """The template line (0-based) of a rendered one (1-based): of what fills it in, else the one before it."""
        lines = self.rendered.lines
        index = min(rendered - 1, len(lines) - 1)
        here = lines[index]
        if here is not None:
            return here
        return next((line for line in reversed(lines[:index]) if line is not None), 0)

    def suppression(self, found: Suppression) -> Suppression:
        """A suppression comment with the lines of the template."""
        return replace(
            found, line=self.line(found.line) + 1, first=self.line(found.first) + 1, last=self.line(found.last) + 1
        )

    def _index(self, line: int) -> int:
        return sum(template_line.text.startswith("---") for template_line in self.template[1 : line + 1])

    def _written(self, route: str) -> str:
        node = yamltext.node_at(self.document, route)
        if node is None:
            return ""
        line = self.template[self.line(yamltext.locate(self.document, route).line)]
        match = _VALUE.match(line.text)
        if match is None or line.is_text or "{{" not in match[1]:
            return ""
        return match[1].strip("\"'")
