"""Questions about the lines around an offset."""

from __future__ import annotations

from rewriter import patterns as re

_CONTENT = re.compile(r"[^ \t\r\n\ufeff]")


def line_start(text: str, offset: int) -> int:
    """The offset of the first character of the line; behind the BOM on a text's first line."""
    start = text.rfind("\n", 0, offset) + 1
    return start + 1 if text.startswith("\ufeff", start) else start


def line_end(text: str, offset: int) -> int:
    """The offset of the line's end, before its line break."""
    end = text.find("\n", offset)
    if end < 0:
        return len(text)
    return end - 1 if end > offset and text[end - 1] == "\r" else end


def next_line(text: str, offset: int) -> int:
    """The offset of the first character after the line break; the end of the text on its last line."""
    end = text.find("\n", offset)
    return len(text) if end < 0 else end + 1


def column(text: str, offset: int) -> int:
    """0-based column."""
    return offset - line_start(text, offset)


def begins_line(text: str, offset: int) -> bool:
    """Whether only indentation stands before an offset on its line."""
    return not text[line_start(text, offset) : offset].strip(" \t")


def indentation(text: str, offset: int) -> int:
    """The number of spaces (of tabs, in JSON) at the beginning of an offset's line."""
    start = line_start(text, offset)
    match = _CONTENT.search(text, start)
    return (match.start() if match else len(text)) - start


def only_comment_follows(text: str, offset: int) -> bool:
    """Whether nothing but space and a comment stands between an offset and the end of its line."""
    rest = text[offset : line_end(text, offset)].lstrip(" \t")
    return not rest or rest.startswith("#")


def above_head_comments(text: str, offset: int) -> int:
    """The start of the run of comment lines right above an offset's line; of that line where there are none."""
    start = line_start(text, offset)
    while start > 0:
        above = line_start(text, start - 1)
        if above == start or not text[above:start].lstrip(" \t").startswith("#"):
            break
        start = above
    return start
