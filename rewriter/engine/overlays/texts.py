"""The texts that policies and patches stand in: places in their files, and edits of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rewriter import yamltext
from rewriter.engine.proofs.manifest import ProofError, deletes, patched, prove_comments, prove_structure
from rewriter.inventory.delivery.patches import TextAt


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
            new = _edited(old, at, operations)
            _prove(old, new, at, operations)
        except yamltext.EditError as error:
            raise TextError(error.message) from None
        except (yamltext.YamlTextError, ProofError) as error:
            raise TextError(str(error)) from None
        return self.with_text(at.path, new)

    def value(self, at: TextAt) -> Any:
        """What a text says. Raises TextError."""
        try:
            document, inner = self._piece(at)
            if not at.route:
                return document.value
            whole = yamltext.node_at(document, at.route)
            text = inner.text if inner is not None else whole.text if isinstance(whole, yamltext.Scalar) else ""
            return yamltext.parse(text)[at.within].value
        except (yamltext.YamlTextError, IndexError):
            raise TextError(f"{at.path} cannot be read") from None

    def place(self, at: TextAt, route: str, *, at_key: bool) -> tuple[int, int, int, int]:
        """Line, column, end line and end column (1-based) in the file of what stands at a route of a text."""
        document, inner = self._piece(at)
        locate = yamltext.locate_key if at_key else yamltext.locate
        if inner is None:
            if at.route:
                found = locate(document, at.route)
                return found.line, found.column, found.end_line, found.end_column
            found = locate(document, route)
            return found.line, found.column, found.end_line, found.end_column
        documents = yamltext.parse(inner.text)
        found = locate(documents[min(at.within, len(documents) - 1)], route)
        shift = document.text.count("\n", 0, inner.start)
        return found.line + shift, found.column + inner.indent, found.end_line + shift, found.end_column + inner.indent

    def _piece(self, at: TextAt) -> tuple[yamltext.Document, yamltext.InnerText | None]:
        documents = yamltext.parse(self.of(at.path))
        document = documents[min(at.document, len(documents) - 1)]
        inner = yamltext.inner_text(document.text, yamltext.node_at(document, at.route)) if at.route else None
        return document, inner


def _edited(text: str, at: TextAt, operations: Sequence[Mapping[str, Any]]) -> str:
    if not at.route:
        return yamltext.edit(text, at.document, operations)
    inner = _inner(text, at)
    new = yamltext.edit(inner.text, at.within, operations)
    if len(new) - len(new.rstrip("\n")) != len(inner.text) - len(inner.text.rstrip("\n")):
        raise yamltext.EditError("the fix does not fit the block of text that it stands in")
    return inner.with_text(text, new)


def _inner(text: str, at: TextAt) -> yamltext.InnerText:
    document = yamltext.parse(text)[at.document]
    inner = yamltext.inner_text(text, yamltext.node_at(document, at.route))
    if inner is None:
        raise yamltext.EditError(
            "the patch stands in quoted or folded text, whose lines have no positions of their own"
        )
    return inner


def _prove(old: str, new: str, at: TextAt, operations: Sequence[Mapping[str, Any]]) -> None:
    """Proofs 1 and 2 over a file: the operations are made at their place, nothing else changes, no comment is lost."""
    before, after = yamltext.parse(old), yamltext.parse(new)
    if len(before) != len(after):
        raise ProofError("same structure", "the new file has another number of documents")
    for one, other in zip(before, after, strict=True):
        expected = one.value
        if one.index == at.document:
            if at.route:
                inner = _inner(new, at).text
                expected = patched(one.value, [{"op": "replace", "path": at.route, "value": inner}])
                _prove(_inner(old, at).text, inner, TextAt(at.path, at.within), operations)
            else:
                expected = patched(one.value, operations)
        prove_structure(expected, other.value)
    prove_comments(before, after, may_move=deletes(operations))
