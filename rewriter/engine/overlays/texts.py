"""The texts that policies and patches stand in: places in their files, and edits of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from rewriter import yamltext
from rewriter.engine.proofs.manifest import ProofError, deletes, patched, prove_comments, prove_structure
from rewriter.inventory.delivery.patches import TextAt
from rewriter.records import dataclass


class TextError(Exception):
    """An edit that a text does not take: why, in words."""


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of files by path, `changed` ones in place of those of the tree.

    `read` gives the bytes of a file by its path.
    """

    read: Callable[[str], bytes | None]
    changed: Mapping[str, str] = field(default_factory=dict)

    def of(self, path: str) -> str:
        """The text of a file. Raises TextError."""
        if path in self.changed:
            return self.changed[path]
        data = self.read(path)
        try:
            if data is not None:
                return yamltext.decode(data)
        except yamltext.YamlTextError:
            pass
        raise TextError(f"{path} cannot be read")

    def with_text(self, path: str, text: str) -> Texts:
        """The same with another text of one file."""
        return replace(self, changed={**self.changed, path: text})

    def edited(self, at: TextAt, operations: Sequence[Mapping[str, Any]]) -> Texts:
        """The same with operations made where a text stands. Raises TextError for what it does not take."""
        old = self.of(at.path)
        try:
            new = _edited(old, at.document, at.strings, operations)
            _prove(old, new, at.document, at.strings, operations)
        except yamltext.EditError as error:
            raise TextError(error.message) from None
        except (yamltext.YamlTextError, ProofError) as error:
            raise TextError(str(error)) from None
        return self.with_text(at.path, new)

    def value(self, at: TextAt) -> Any:
        """What a text says. Raises TextError."""
        return self._own_document(at).value

    def comments(self, at: TextAt) -> tuple[str, ...]:
        """The comments of a text; none where it cannot be read."""
        try:
            return yamltext.comment_texts(self._own_document(at))
        except TextError:
            return ()

    def comments_at(self, at: TextAt, route: str) -> tuple[str, ...]:
        """The comments that describe what stands at a route of a text; none where it cannot be read."""
        try:
            return yamltext.comments_at(self._own_document(at), route)
        except TextError:
            return ()

    def _own_document(self, at: TextAt) -> yamltext.Document:
        """The document that a text is, also one within a string. Raises TextError."""
        try:
            document = self._document(at)
            for route, within in at.strings:
                whole = yamltext.node_at(document, route)
                inner = yamltext.inner_text(document.text, whole)
                text = inner.text if inner is not None else whole.text if isinstance(whole, yamltext.Scalar) else ""
                document = yamltext.parse(text)[within]
            return document
        except (yamltext.YamlTextError, IndexError):
            raise TextError(f"{at.path} cannot be read") from None

    def place(self, at: TextAt, route: str, *, at_key: bool) -> tuple[int, int, int, int]:
        """Line, column, end line and end column (1-based) in the file of what stands at a route of a text."""
        document = self._document(at)
        locate = yamltext.locate_key if at_key else yamltext.locate
        lines = columns = 0
        for string, within in at.strings:
            inner = yamltext.inner_text(document.text, yamltext.node_at(document, string))
            if inner is None:
                route = string
                break
            lines, columns = lines + document.text.count("\n", 0, inner.start), columns + inner.indent
            documents = yamltext.parse(inner.text)
            document = documents[min(within, len(documents) - 1)]
        found = locate(document, route)
        return found.line + lines, found.column + columns, found.end_line + lines, found.end_column + columns

    def _document(self, at: TextAt) -> yamltext.Document:
        documents = yamltext.parse(self.of(at.path))
        return documents[min(at.document, len(documents) - 1)]


#: The strings around a text, the outermost first, each with the document in it.
_Strings = tuple[tuple[str, int], ...]


def _edited(text: str, index: int, strings: _Strings, operations: Sequence[Mapping[str, Any]]) -> str:
    if not strings:
        return yamltext.edit(text, index, operations)
    inner = _inner(text, index, strings)
    new = _edited(inner.text, strings[0][1], strings[1:], operations)
    if len(new) - len(new.rstrip("\n")) != len(inner.text) - len(inner.text.rstrip("\n")):
        raise yamltext.EditError("the fix does not fit the block of text that it stands in")
    return inner.with_text(text, new)


def _inner(text: str, index: int, strings: _Strings) -> yamltext.InnerText:
    document = yamltext.parse(text)[index]
    inner = yamltext.inner_text(text, yamltext.node_at(document, strings[0][0]))
    if inner is None:
        raise yamltext.EditError(
            "the patch stands in quoted or folded text, whose lines have no positions of their own"
        )
    return inner


def _prove(old: str, new: str, index: int, strings: _Strings, operations: Sequence[Mapping[str, Any]]) -> None:
    """Proofs 1 and 2 over a file: the operations are made at their place, nothing else changes, no comment is lost."""
    before, after = yamltext.parse(old), yamltext.parse(new)
    if len(before) != len(after):
        raise ProofError("same structure", "the number of documents in the file would change")
    for one, other in zip(before, after, strict=True):
        expected = one.value
        if one.index == index:
            if strings:
                inner = _inner(new, index, strings).text
                expected = patched(one.value, [{"op": "replace", "path": strings[0][0], "value": inner}])
                _prove(_inner(old, index, strings).text, inner, strings[0][1], strings[1:], operations)
            else:
                expected = patched(one.value, operations)
        prove_structure(expected, other.value)
    prove_comments(before, after, may_move=deletes(operations))
