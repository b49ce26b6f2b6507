"""The comments of a text: found in the gaps between scalars, so never inside one."""

from __future__ import annotations

from bisect import bisect_right

from rewriter.yamltext.document import Document, locate_key
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


def comment_texts(document: Document) -> tuple[str, ...]:
    """The texts of the comments of one document, in order, with their `#`."""
    return tuple(comment.text for comment in document.comments)


def comments_at(document: Document, pointer: str) -> tuple[str, ...]:
    """The texts of the comments that describe the node at a pointer, in order, without `#`.

    They stand on the lines right above the one on which the node, or its key, begins, and at the end of that line. One
    behind the dash of a list item (`- # the office`) describes that item.
    """
    line = locate_key(document, pointer).line
    lines, found = document.lines, comments_of(document)

    def line_of(comment: Comment) -> int:
        return lines.place(comment.span.start)[0]

    # They are in order, and a policy may have thousands.
    at = end = bisect_right(found, line, key=line_of)
    if at and line_of(found[at - 1]) == line:
        at -= 1
    number = line - 1
    while at and line_of(found[at - 1]) == number and _stands_alone(document, found[at - 1]):
        at -= 1
        number -= 1
    return tuple(comment.text.lstrip("#").strip() for comment in found[at:end])


def _stands_alone(document: Document, comment: Comment) -> bool:
    start = document.text.rfind("\n", 0, comment.span.start) + 1
    return not document.text[start : comment.span.start].strip(" \t-")
