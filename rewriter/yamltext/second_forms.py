"""Texts of one form, read by ruamel.yaml once: what stands in words does not change how a text is read.

Where no words stand behind an escape, an anchor, a tag, a directive or the header of a block, a text and the one in
which every run of letters and digits is one letter have the same nodes and comments, at places that follow from the
lengths of the words. Most policies of a cluster are a handful of such forms.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from itertools import accumulate
from typing import Any, NamedTuple

from rewriter import patterns as re
from rewriter.yamltext.second_parts import composed, scanned

_WORD = re.compile("[A-Za-z0-9]+")
_LETTER = "a"
#: Behind one of these words may have a meaning, or a character is not what it is in values; a key has at most 1,024.
_NO_FORM = re.compile(r"[\\|>%!&\a]|\r(?!\n)|[^\n]{1000}")
#: More forms than this, or of longer texts, are not remembered.
_MOST = 256
_LONGEST = 8_000


class Comment(NamedTuple):
    """A comment as ruamel.yaml has it: where its line and `#` are, and its text."""

    line: int
    column: int
    text: str


class Raw(NamedTuple):
    """The root node (None: an empty document), the comments in order, and the marks of aliases and dashes."""

    root: Any
    comments: list[Comment]
    aliases: list[Any]
    dashes: list[tuple[int, int]]


class Place(NamedTuple):
    """A mark of a text that was not scanned itself."""

    line: int
    column: int


class ScalarNode(NamedTuple):
    """What is asked of ruamel.yaml's node of this name. In a form, `first` is the number of words before it."""

    value: str
    style: str | None
    start_mark: Place
    end_mark: Place
    first: int = 0


class SequenceNode(NamedTuple):
    """As ScalarNode."""

    value: list[Any]
    flow_style: bool
    start_mark: Place
    end_mark: Place


class MappingNode(NamedTuple):
    """As ScalarNode; `value` holds pairs."""

    value: list[Any]
    flow_style: bool
    start_mark: Place
    end_mark: Place


_NOWHERE = Place(-1, -1)
_FORMS: dict[str, Raw] = {}


def read(text: str) -> Raw:
    """What ruamel.yaml reads in a text of one document. Raises as ruamel.yaml does."""
    if len(text) > _LONGEST or not text.isascii() or _NO_FORM.search(text):
        return _read(text)
    form = _WORD.sub(_LETTER, text)
    known = _FORMS.get(form)
    if known is None:
        if len(_FORMS) >= _MOST:
            _FORMS.clear()
        try:
            known = _FORMS[form] = _kept(_read(form), form)
        except Exception:  # The error is reported for the text itself.
            return _read(text)
    return _Named(text, form).raw(known) or _read(text)


def _read(text: str) -> Raw:
    comments: list[Comment] = []
    aliases: list[Any] = []
    dashes: list[tuple[int, int]] = []
    tokens = scanned(text)
    for token in tokens:
        kind, mark = type(token).__name__, token.start_mark
        if kind == "AliasToken":
            aliases.append(mark)
        elif kind == "BlockEntryToken":
            dashes.append((mark.line, mark.column))
        if getattr(token, "_comment", None):
            comments += _comments(token)
    return Raw(composed(text, tokens), sorted(comments), aliases, dashes)


def _comments(token: Any) -> list[Comment]:
    """Each comment that hangs on a token."""
    found = []
    behind, before = (*token._comment, None, None)[:2]
    for comment in (*(behind if isinstance(behind, list) else [behind]), *(before or ())):
        if isinstance(comment, str):  # The comment of a block scalar's header.
            found.append(Comment(token.start_mark.line, token.start_mark.column + 1, comment.strip()))
        elif comment is not None:
            value = comment.value
            line = comment.start_mark.line - value[: value.index("#")].count("\n") if "#" in value else 0
            line += value[: len(value) - len(value.lstrip("\n"))].count("\n")
            for number, row in enumerate(value.lstrip("\n").split("\n")):
                if row.strip():
                    column = comment.start_mark.column if not number else indent(row)
                    found.append(Comment(line + number, column, row.strip()))
    return found


def indent(row: str) -> int:
    """The width of the white space that a line begins with."""
    return len(row) - len(row.lstrip(" \t"))


def _kept(raw: Raw, form: str) -> Raw:
    """A form without ruamel.yaml's own nodes, which hold much more."""
    at = _places_of_words(form)

    def kept(node: Any) -> Any:
        start, end = node.start_mark, node.end_mark
        places = Place(start.line, start.column), Place(end.line, end.column)
        kind = type(node).__name__
        if kind == "ScalarNode":
            return ScalarNode(node.value, node.style, *places, bisect_left(at, start.index))
        if kind == "MappingNode":
            return MappingNode([(kept(key), kept(item)) for key, item in node.value], node.flow_style, *places)
        return SequenceNode([kept(item) for item in node.value], node.flow_style, *places)

    return raw._replace(root=raw.root and kept(raw.root))


def _places_of_words(form: str) -> list[int]:
    return [match.start() for match in re.finditer(_LETTER, form)]


class _Named:
    """The words of a text in the places of its form."""

    def __init__(self, text: str, form: str) -> None:
        self._words: list[str] = _WORD.findall(text)
        self._form = form

    def raw(self, known: Raw) -> Raw | None:
        """What was read in the form, for this text. None where the words of a comment cannot be found again."""
        if known.root is None and not known.comments:
            return known
        if not known.comments:
            return known._replace(root=self._node(known.root, lambda _place: _NOWHERE))
        rows = self._form.split("\n")
        begin = [0, *accumulate(len(row) + 1 for row in rows)]
        at = _places_of_words(self._form)
        wider = [0, *accumulate(len(word) - 1 for word in self._words)]

        def place(of: Place) -> Place:
            start = begin[of.line]
            return Place(of.line, of.column + wider[bisect_left(at, start + of.column)] - wider[bisect_left(at, start)])

        comments = []
        for line, _, text in known.comments:
            row = rows[line].rstrip()
            if not row.endswith(text):
                return None
            column = len(row) - len(text)
            own = self._put(text, bisect_left(at, begin[line] + column))
            comments.append(Comment(line, place(Place(line, column)).column, own))
        dashes: list[tuple[int, int]] = [place(Place(*dash)) for dash in known.dashes]
        root = known.root and self._node(known.root, place)
        return Raw(root, comments, [], dashes)

    def _put(self, text: str, first: int) -> str:
        """A part of the form with the words of this text, of which so many stand before it."""
        if text == _LETTER:
            return self._words[first]
        count = text.count(_LETTER)
        if not count:
            return text
        words = iter(self._words[first : first + count])
        return "".join(next(words) if letter == _LETTER else letter for letter in text)

    def _node(self, node: Any, place: Callable[[Place], Place]) -> Any:
        kind = type(node)
        if kind is ScalarNode:
            value: Any = self._put(node.value, node.first)
            return ScalarNode(value, node.style, place(node.start_mark), place(node.end_mark))
        if kind is MappingNode:
            value = [(self._node(key, place), self._node(item, place)) for key, item in node.value]
        else:
            value = [self._node(item, place) for item in node.value]
        return kind(value, node.flow_style, place(node.start_mark), place(node.end_mark))
