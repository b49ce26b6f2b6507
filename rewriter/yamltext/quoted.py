"""A text inside a quoted or folded scalar: where each of its characters stands in the file, and other text in place."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher

from rewriter import patterns as re
from rewriter.records import dataclass
from rewriter.yamltext.nodes import Node, Scalar

_ESCAPES = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "\t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "e": "\x1b",
    " ": " ", '"': '"', "/": "/", "\\": "\\", "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029",
}  # fmt: skip
_WIDTHS = {"x": 2, "u": 4, "U": 8}
_HEADER = re.compile(r">[-+0-9]*[ \t]*(?:#[^\r\n]*)?\r?\n")
_TOKEN = re.compile(r"\w+|[ ]+|.", re.DOTALL)
#: As many words are compared one by one; of more, what lies between the first and the last change is written anew.
_MOST_TOKENS = 4000


@dataclass(frozen=True, slots=True)
class QuotedText:
    """The text of a quoted or folded scalar. `start` to `end` are the characters of the file that stand for it.

    `starts` and `ends` have for each of its characters where what stands for that begins and ends in the file.
    """

    text: str
    start: int
    end: int
    style: str
    indent: int
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def offset(self, at: int) -> int:
        """The offset in the file of an offset in the text."""
        return self.starts[at] if at < len(self.starts) else self.end

    def with_text(self, whole: str, new: str) -> str:
        """The file's text with another inner text: characters that stay keep what stands for them.

        Whether the style can hold what is new (leading spaces in folded text, say) is for the caller to prove.
        """
        old = self.text
        if self.style == ">":  # What stands for the line breaks at its end are the lines below.
            old, new = old.rstrip("\n"), new.rstrip("\n")
        pieces, position = [], self.start
        for start, end, made in _changes(old, new):
            first = self.offset(start)
            last = first if start == end else self.ends[end - 1] if end <= len(self.ends) else self.end
            pieces += [whole[position:first], self._encoded(made)]
            position = last
        return whole[: self.start] + "".join(pieces) + whole[position:]

    def _encoded(self, text: str) -> str:
        if self.style == '"':
            escaped = text.replace("\\", "\\\\").replace('"', '\\"')
            return escaped.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
        folded = text.replace("\n", "\n\n" + " " * self.indent)
        return folded.replace("'", "''") if self.style == "'" else folded


def quoted_text(whole: str, node: Node | None) -> QuotedText | None:
    """The text of a node of a file that is a quoted or folded scalar; None for another, or where its lines are unclear.

    The scalar is decoded here again: only where that gives what the parser read is each place known.
    """
    if not isinstance(node, Scalar) or node.style not in ("'", '"', ">"):
        return None
    if node.style == ">":
        return _folded_text(whole, node)
    if whole[node.start : node.start + 1] != node.style or whole[node.end - 1 : node.end] != node.style:
        return None
    found = list(_unquoted(whole, node.start + 1, node.end - 1, node.style))
    if "".join(char for char, _, _ in found) != node.text:
        return None
    column = node.start - whole.rfind("\n", 0, node.start) - 1
    return _made(node, found, node.start + 1, node.end - 1, node.style, column)


def _made(node: Scalar, found: list[tuple[str, int, int]], start: int, end: int, style: str, indent: int) -> QuotedText:
    starts, ends = tuple(first for _, first, _ in found), tuple(last for _, _, last in found)
    return QuotedText(node.text, start, end, style, indent, starts, ends)


def _unquoted(whole: str, start: int, end: int, style: str) -> Iterator[tuple[str, int, int]]:
    """The characters between quotes, each with where what stands for it begins and ends."""
    position = start
    while position < end:
        char = whole[position]
        if folds := _line_break(whole, position, end):
            breaks = whole.count("\n", position, folds) - 1
            yield from [("\n" if breaks else " ", position, folds), *[("\n", folds, folds)] * (breaks - 1)]
            position = folds
        elif style == "'" or char != "\\":
            length = 2 if style == "'" and char == "'" else 1
            yield char, position, position + length
            position += length
        else:
            made, length = _escaped(whole, position, end)
            if made:
                yield made, position, position + length
            position += length


def _line_break(whole: str, position: int, end: int) -> int:
    """Where the blanks around a line break that begin at an offset end; 0 where no line break is among them."""
    stop = position
    while stop < end and whole[stop] in " \t\r\n":
        stop += 1
    return stop if whole.find("\n", position, stop) >= 0 else 0


def _escaped(whole: str, position: int, end: int) -> tuple[str, int]:
    """What an escape in double quotes stands for (nothing: a line that goes on), and its length."""
    char = whole[position + 1 : position + 2]
    if char in ("\r", "\n"):
        stop = whole.find("\n", position) + 1
        while stop < end and whole[stop] in " \t":
            stop += 1
        return "", stop - position
    width = _WIDTHS.get(char)
    if width is None:
        return _ESCAPES.get(char, ""), 2
    digits = whole[position + 2 : position + 2 + width]
    return (chr(int(digits, 16)) if re.fullmatch(r"[0-9A-Fa-f]+", digits) else ""), 2 + width


def _folded_text(whole: str, node: Scalar) -> QuotedText | None:
    header = _HEADER.match(whole, whole.find(">", node.start))
    body = node.text.rstrip("\n")
    if header is None or not body:
        return None
    found: list[tuple[str, int, int]] = []
    indent, blanks, position = -1, 0, header.end()
    kept, first = True, header.end()
    while len(found) < len(body) and position < len(whole):
        stop = whole.find("\n", position)
        stop = len(whole) if stop < 0 else stop
        line = whole[position:stop].removesuffix("\r")
        if not line.strip(" "):
            blanks += 1
        else:
            indent = len(line) - len(line.lstrip(" ")) if indent < 0 else indent
            begin, more = position + indent, line[indent : indent + 1] in (" ", "\t")
            if found:
                folds = not (kept or more)
                between = blanks if folds else blanks + 1
                found.append(("\n" if between else " ", found[-1][2], begin))
                found += [("\n", begin, begin)] * (between - 1)
            else:
                first = begin
                found += [("\n", begin, begin)] * blanks
            found += [(char, at, at + 1) for at, char in enumerate(line[indent:], begin)]
            kept, blanks = more, 0
        position = stop + 1
    if "".join(char for char, _, _ in found) != body:
        return None
    return _made(node, found, first, found[-1][2], ">", indent)


def _changes(old: str, new: str) -> Iterator[tuple[int, int, str]]:
    """The parts of a text that another differs in, in order, with what stands there in that."""
    words, others = _TOKEN.findall(old), _TOKEN.findall(new)
    head = next((at for at, (one, other) in enumerate(zip(words, others, strict=False)) if one != other), None)
    head = min(len(words), len(others)) if head is None else head
    tail = 0
    while tail < min(len(words), len(others)) - head and words[-1 - tail] == others[-1 - tail]:
        tail += 1
    before, after = words[head : len(words) - tail], others[head : len(others) - tail]
    position = sum(map(len, words[:head]))
    if len(before) + len(after) > _MOST_TOKENS:
        yield position, position + sum(map(len, before)), "".join(after)
        return
    for word, first, last, start, end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        length = sum(map(len, before[first:last]))
        if word != "equal":
            yield position, position + length, "".join(after[start:end])
        position += length
