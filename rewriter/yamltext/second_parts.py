"""The parts of ruamel.yaml that read a text, wired to each other directly.

Its own parts look each other up at every character and token, which takes most of the time. What a text means is left
to them: only the way from one to the next is shorter here, and what is asked twice in a row is asked once.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from rewriter import patterns as re

#: A percent sign at the start of a line, as ruamel.yaml knows lines: behind a BOM, or any break of YAML 1.1.
_DIRECTIVE = re.compile("(?:^|[\\n\\r\\x85\\u2028\\u2029])\ufeff?%")


class Tokens:
    """Tokens that were scanned before, in place of ruamel.yaml's scanner; their comments are dropped."""

    def __init__(self, tokens: list[Any]) -> None:
        self._tokens = tokens
        self._next = 0
        for token in tokens:
            token._comment = None

    def check_token(self, *choices: type) -> bool:
        return self._next < len(self._tokens) and (not choices or isinstance(self._tokens[self._next], choices))

    def peek_token(self) -> Any:
        return self._tokens[self._next]

    def get_token(self) -> Any:
        self._next += 1
        return self._tokens[self._next - 1]

    def reset_scanner(self) -> None:
        """Part of what a scanner is; there is nothing to forget."""


def scanned(text: str) -> list[Any]:
    """The tokens of a text with their comments. Raises as ruamel.yaml does."""
    if has_directives(text):
        return list(_new_loader().scan(text))
    from rewriter.yamltext.second_direct import DirectReader, DirectScanner

    made: Any = DirectScanner.__new__(DirectScanner)
    made.reader = DirectReader(text, _loader())
    made.__init__(_loader())
    found = []
    while (token := made.get_token()) is not None:
        found.append(token)
    return found


def composed(text: str, tokens: list[Any]) -> Any:
    """The root node of a text of one document, which has these tokens. Raises as ruamel.yaml does."""
    if has_directives(text):  # What they say is known to a scanner of its own, while it scans.
        return _new_loader().compose(text)
    from rewriter.yamltext.second_direct import DirectComposer, DirectParser

    parser: Any = DirectParser.__new__(DirectParser)
    composer: Any = DirectComposer.__new__(DirectComposer)
    parser.scanner, parser.resolver = Tokens(tokens), _loader().resolver
    parser.__init__(_loader())
    composer.parser, composer.resolver = parser, _loader().resolver
    composer.__init__(_loader())
    return composer.get_single_node()


def has_directives(text: str) -> bool:
    """Whether a text may hold directives (`%YAML`, `%TAG`), which change how it is read."""
    return "%" in text and _DIRECTIVE.search(text) is not None


@cache
def _loader() -> Any:
    """What the parts ask for settings, all of them ruamel.yaml's own; without directives nothing changes it."""
    return _new_loader()


def _new_loader() -> Any:
    from ruamel.yaml import YAML

    return YAML(typ="rt")
