"""Documents of texts that several parts of a run read: parsed once, and shared."""

from __future__ import annotations

from rewriter.yamltext.document import Document
from rewriter.yamltext.parse import parse

#: So many characters of text are kept at most, the latest ones.
_MOST = 8_000_000


class _Kept:
    __slots__ = ("documents", "size")

    def __init__(self) -> None:
        self.documents: dict[str, list[Document]] = {}
        self.size = 0


_KEPT = _Kept()


def parse_kept(text: str) -> list[Document]:
    """As `parse`, with the documents of an equal text that were made before; their values must not be changed."""
    found = _KEPT.documents.get(text)
    if found is None:
        found = parse(text)
        _KEPT.documents[text] = found
        _KEPT.size += len(text)
        while _KEPT.size > _MOST and len(_KEPT.documents) > 1:
            oldest = next(iter(_KEPT.documents))
            _KEPT.size -= len(oldest)
            del _KEPT.documents[oldest]
    return list(found)
