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

#: What is more than one step to a reader, the spaces before a token, what can only begin a token, a line break before
#: a line that is not blank, and a plain key.
_STEPS = re.compile("[\n\r\ufeff]").search
_SPACES = re.compile(" +").match
_TOKEN = re.compile('[!-"$-~]').match
_NEXT_LINE = re.compile("\n[ -~]").match
_KEY = re.compile("[A-Za-z0-9_./-]+(?=:[ \n])").match
#: White space that may hold tabs: behind the indentation, or with nothing but a comment behind it on its line.
_TABS = re.compile("[ \t]+").match
_NOTHING = re.compile("[#\n\r\0]").match


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
    reader, scanner = _classes()[:2]
    made = scanner.__new__(scanner)
    made.reader = reader(text, _loader())
    made.__init__(_loader())
    found = []
    while (token := made.get_token()) is not None:
        found.append(token)
    return found


def composed(text: str, tokens: list[Any]) -> Any:
    """The root node of a text of one document, which has these tokens. Raises as ruamel.yaml does."""
    if has_directives(text):  # What they say is known to a scanner of its own, while it scans.
        return _new_loader().compose(text)
    _, _, parsing, composing = _classes()
    parser, composer = parsing.__new__(parsing), composing.__new__(composing)
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


@cache
def _classes() -> tuple[Any, Any, Any, Any]:
    """The reader, the scanner, the parser and the composer with attributes in the place of look-ups."""
    from ruamel.yaml.composer import Composer
    from ruamel.yaml.error import StringMark
    from ruamel.yaml.parser import RoundTripParser
    from ruamel.yaml.reader import Reader
    from ruamel.yaml.scanner import RoundTripScanner
    from ruamel.yaml.tokens import CommentToken, ScalarToken

    class DirectReader(Reader):
        """Steps over what stands on one line at once, and makes one mark for each place."""

        mark: Any = None

        def forward(self, length: int = 1) -> None:
            there = self.pointer + length
            if there < len(self.buffer) and not _STEPS(self.buffer, self.pointer, there):
                self.pointer = there
                self.index += length
                self.column += length
            else:
                super().forward(length)

        def get_mark(self) -> Any:
            mark = self.mark
            if mark is None or mark.pointer != self.pointer:
                mark = StringMark(self.name, self.index, self.line, self.column, self.buffer, self.pointer)
                self.mark = mark
            return mark

    class DirectScanner(RoundTripScanner):
        reader: Any = None

        def scan_to_next_token(self) -> Any:
            reader, in_block = self.reader, not self.flow_context
            while reader.index:
                if spaces := _SPACES(reader.buffer, reader.pointer):
                    reader.forward(len(spaces[0]))
                if _TOKEN(reader.buffer, reader.pointer):
                    return None
                if not _NEXT_LINE(reader.buffer, reader.pointer):
                    break
                reader.forward()
                if in_block:
                    self.allow_simple_key = True
            comment = super().scan_to_next_token()
            while comment is None and (blanks := _TABS(reader.buffer, reader.pointer)):
                line = reader.buffer[reader.pointer - reader.column : reader.pointer]
                if not line.strip(" \t") and not _NOTHING(reader.buffer, blanks.end()):
                    break
                reader.forward(len(blanks[0]))
                comment = super().scan_to_next_token()
            return comment

        def scan_plain(self) -> Any:
            key = _KEY(self.reader.buffer, self.reader.pointer)
            if key is None:
                return super().scan_plain()
            self.allow_simple_key = False
            start = self.reader.get_mark()
            self.reader.forward(len(key[0]))
            return ScalarToken(key[0], True, start, self.reader.get_mark())

        def stale_possible_simple_keys(self) -> None:
            if self.possible_simple_keys:
                super().stale_possible_simple_keys()

        def need_more_tokens(self) -> bool:
            if self.done or (self.tokens and not self.possible_simple_keys):
                return not (self.done or self.tokens)
            return super().need_more_tokens()

        def _gather_comments(self) -> Any:
            tokens = self.tokens
            if not tokens or isinstance(tokens[0], CommentToken) or self.need_more_tokens():
                return super()._gather_comments()
            if not self.done and len(tokens) < 2:
                self.fetch_more_tokens()
            return []

    class DirectParser(RoundTripParser):
        scanner: Any = None
        resolver: Any = None

        def check_event(self, *choices: Any) -> bool:
            if self.current_event is None and self.state:
                self.current_event = self.state()
            return self.current_event is not None and (not choices or isinstance(self.current_event, choices))

    class DirectComposer(Composer):
        parser: Any = None
        resolver: Any = None

    return DirectReader, DirectScanner, DirectParser, DirectComposer
