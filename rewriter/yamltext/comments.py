"""The comments of a text: found in the gaps between scalars, so never inside one."""

from __future__ import annotations

from rewriter.yamltext.document import Document
from rewriter.yamltext.gaps import Comment, comments_between, comments_up_to
from rewriter.yamltext.parse import parse


def comments(text: str) -> list[Comment]:
    """Every comment of a text that parses, in order. Raises YamlTextError as `parse` does."""
    if "#" not in text:
        return []
    found: list[Comment] = []
    position = 0
    for document in parse(text):
        position = comments_up_to(text, position, document.root, found)
    comments_between(text, position, len(text), found)
    return found


def comments_of(document: Document) -> list[Comment]:
    """The comments of one document, in order; their spans are those of its file's text."""
    return document.comments
