"""A text inside a literal block scalar: where its lines stand in the file, and other lines in their place."""

from __future__ import annotations

from rewriter.records import dataclass
from rewriter.yamltext.nodes import Node, Scalar


@dataclass(frozen=True, slots=True)
class InnerText:
    """The text of a literal block. `start` to `end` are the characters of its lines, trailing blank ones left out.

    Each line stands behind `indent` spaces; a blank one may have fewer.
    """

    text: str
    start: int
    end: int
    indent: int

    def with_text(self, whole: str, new: str) -> str:
        """The file's text with another inner text, which ends in as many line breaks as the old one does."""
        # Of a text of one line the break above says how the file ends its lines.
        newline = "\r\n" if "\r\n" in whole[max(0, self.start - 2) : self.end] else "\n"
        lines = new.rstrip("\n").split("\n")
        body = newline.join(" " * self.indent + line if line else "" for line in lines)
        return whole[: self.start] + body + whole[self.end :]


def inner_text(whole: str, node: Node | None) -> InnerText | None:
    """The inner text of a node of a file; None where it is no literal block, or its lines are not those of the file."""
    if not isinstance(node, Scalar) or node.style != "|":
        return None
    body = node.text.rstrip("\n")
    if not body.strip() or "\r" in body:
        return None
    start = whole.find("\n", node.start) + 1
    lines = body.split("\n")
    position = last = start
    indent: int | None = None
    for line in lines:
        end = whole.find("\n", position)
        end = len(whole) if end < 0 else end
        own = whole[position:end].removesuffix("\r")
        if own.strip() or line.strip():
            indent = len(own) - len(line) if indent is None else indent
            if own != " " * indent + line:
                return None
        last = position + len(own)
        position = end + 1
    return None if indent is None else InnerText(node.text, start, last, indent)
