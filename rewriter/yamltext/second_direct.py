"""ruamel.yaml's reader, scanner, parser and composer with attributes in the place of look-ups.

Imported where a text is read a second time, and not before: ruamel.yaml takes long to import.
"""

from __future__ import annotations

from typing import Any

from ruamel.yaml.composer import Composer
from ruamel.yaml.error import StringMark
from ruamel.yaml.parser import RoundTripParser
from ruamel.yaml.reader import Reader
from ruamel.yaml.scanner import RoundTripScanner
from ruamel.yaml.tokens import CommentToken, ScalarToken

from rewriter import patterns as re

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
