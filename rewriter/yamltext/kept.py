"""Documents of texts that several parts of a run read: parsed once, and shared.

The nodes are most of what a text takes, and few need those of a text that was read long ago. So of most texts the
values alone are kept; who asks for a node then has the text parsed again.
"""

from __future__ import annotations

from functools import partial

from rewriter.yamltext.document import Document
from rewriter.yamltext.nodes import Node
from rewriter.yamltext.parse import parse

#: So many characters of text are kept at most, the latest ones, and of so many the nodes.
_MOST, _MOST_WITH_NODES = 8_000_000, 300_000


class _Kept:
    __slots__ = ("documents", "made", "size", "size_with_nodes", "with_nodes")

    def __init__(self) -> None:
        self.documents: dict[str, list[Document]] = {}
        self.made: tuple[str, list[Document]] = ("", [])
        self.size = 0
        self.with_nodes: dict[str, None] = {}
        self.size_with_nodes = 0


_KEPT = _Kept()


def parse_kept(text: str) -> list[Document]:
    """As `parse`, with the documents of an equal text that were made before; their values must not be changed."""
    found = _KEPT.documents.get(text)
    if found is None:
        found = parse(text)
        _KEPT.documents[text] = found
        _KEPT.size += len(text)
        _has_nodes(text)
        while _KEPT.size > _MOST and len(_KEPT.documents) > 1:
            oldest = next(iter(_KEPT.documents))
            _let_go(oldest)
            _KEPT.size -= len(oldest)
            del _KEPT.documents[oldest]
    return [document.view() for document in found]


def parse_made(text: str) -> list[Document]:
    """As `parse`, of a text that a run makes: those who look at the last one share its documents.

    No more are kept, for what is read of a text that was made is little beside the files themselves.
    """
    if _KEPT.made[0] != text:
        _KEPT.made = text, parse(text)
    return _KEPT.made[1]


def let_go_of_nodes() -> None:
    """Frees the nodes of all texts, for a run that has seen what it asks of these; values stay."""
    for text in list(_KEPT.with_nodes):
        _let_go(text)
    _KEPT.made = "", []


def _has_nodes(text: str) -> None:
    """Counts a text among those that have nodes, of which the oldest lose theirs where they are too many."""
    _KEPT.with_nodes[text] = None
    _KEPT.size_with_nodes += len(text)
    while _KEPT.size_with_nodes > _MOST_WITH_NODES and len(_KEPT.with_nodes) > 1:
        _let_go(next(iter(_KEPT.with_nodes)))


def _let_go(text: str) -> None:
    if text in _KEPT.with_nodes:
        del _KEPT.with_nodes[text]
        _KEPT.size_with_nodes -= len(text)
        documents = _KEPT.documents[text]
        for document in documents:
            document.let_go(partial(_again, text, documents, document.index))


def _again(text: str, documents: list[Document], position: int) -> Node | None:
    """The nodes of one of the documents of a text, which is parsed again for all of them."""
    for document, made in zip(documents, parse(text), strict=True):
        document.regain(made.root)
    if _KEPT.documents.get(text) is documents:
        _has_nodes(text)
    return documents[position].root
