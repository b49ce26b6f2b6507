"""Markup that is not YAML: Go, Helm and Jinja templates, and `${VAR}` substitution."""

from __future__ import annotations

import re

from rewriter.yamltext.nodes import Span

_MARKUP = re.compile(r"\{\{|\{%")
_COMMENT_BEFORE = re.compile(r"(?:^|\s)#")
_SUBSTITUTION = re.compile(r"\$\{[^}]*\}")


def template_markup(text: str) -> Span | None:
    """The first template markup outside of comments; None where there is none."""
    for match in _MARKUP.finditer(text):
        line_start = text.rfind("\n", 0, match.start()) + 1
        if _COMMENT_BEFORE.search(text, line_start, match.start()) is None:
            return Span(match.start(), match.end())
    return None


def has_substitution(value: str) -> bool:
    """Whether a value holds `${VAR}`, which something else replaces before the manifest is applied."""
    return "$" in value and _SUBSTITUTION.search(value) is not None
