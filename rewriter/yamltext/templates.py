"""Markup that is not YAML: Go, Helm and Jinja templates, and `${VAR}` substitution."""

from __future__ import annotations

from rewriter import patterns as re
from rewriter.yamltext.nodes import Span

_MARKUP = re.compile(r"\{\{|\{%")
_COMMENT_BEFORE = re.compile(r"(?:^|\s)#")


def template_markup(text: str) -> Span | None:
    """The first template markup outside of comments; None where there is none."""
    start = 0
    while match := _MARKUP.search(text, start):
        line_start = text.rfind("\n", 0, match.start()) + 1
        if _COMMENT_BEFORE.search(text, line_start, match.start()) is None:
            return Span(match.start(), match.end())
        start = text.find("\n", match.end())  # All that follows in the line is comment, too.
        if start < 0:
            break
    return None


def has_substitution(value: str) -> bool:
    """Whether a value holds `${VAR}`, which something else replaces before the manifest is applied."""
    return 0 <= value.find("${") < value.rfind("}")
