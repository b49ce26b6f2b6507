"""Blocks of HCL as values: attributes, nested blocks, literals. Expressions are not computed.

Source: the HCL native syntax specification (hashicorp/hcl, hclsyntax/spec.md).
"""

from __future__ import annotations

import textwrap
from typing import Any

from rewriter import patterns as re
from rewriter.records import dataclass

_SPACE = re.compile(r"(?:\s|#[^\n]*|//[^\n]*|/\*.*?\*/)+", re.DOTALL)
_NAME = re.compile(r'[A-Za-z_][\w-]*|"(?:[^"\\\n]|\\.)*"')
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
_HEREDOC = re.compile(r"<<(-?)\s*(\w+)[^\n]*\n(.*?)^[ \t]*\2[ \t]*$", re.DOTALL | re.MULTILINE)
_CALL = re.compile(r"([A-Za-z_]\w*)\(")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}
_WORDS = {"true": True, "false": False, "null": None}
_DEEPEST = 40


class HclError(Exception):
    """A text that is not read as HCL."""


@dataclass(frozen=True, slots=True)
class NotLiteral:
    """An expression, which is not computed."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function with one argument."""

    name: str
    argument: Any


def read_block(text: str, start: int) -> dict[str, Any]:
    """The body of a block that begins at `start`, behind its brace; a block that is repeated is a list of bodies.

    Raises HclError.
    """
    return _Reader(text, start).body(0)


class _Reader:
    def __init__(self, text: str, place: int) -> None:
        self._text = text
        self._place = place

    def body(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not self._takes("}"):
            name = self._match(_NAME)
            if name is None:
                raise HclError(f"a name was expected at {self._place}")
            key = name[0].strip('"')
            if self._takes("=") or self._takes(":"):
                found[key] = self._value(depth + 1)
                self._takes(",")
                continue
            while self._match(_NAME):
                pass
            if not self._takes("{"):
                raise HclError(f"a block was expected at {self._place}")
            known = found.setdefault(key, [])
            inner = self.body(depth + 1)
            if isinstance(known, list):
                known.append(inner)
        return found

    def _value(self, depth: int) -> Any:
        if depth > _DEEPEST:
            raise HclError("it is nested too deeply")
        start = self._skip()
        value = self._literal(depth)
        # What goes on behind a literal (an operator, an index) is an expression.
        rest = re.compile(r"[ \t]*(?:[#/][^\n]*)?(?=[\n,\]})]|$)").match(self._text, self._place)
        if rest is None or isinstance(value, NotLiteral):
            self._place = start
            return NotLiteral(self._expression())
        return value

    def _literal(self, depth: int) -> Any:
        if heredoc := self._match(_HEREDOC):
            text = textwrap.dedent(heredoc[3]) if heredoc[1] else heredoc[3]
            return NotLiteral(text) if "${" in text or "%{" in text else text
        if string := self._match(_STRING):
            text = re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), string[1])
            own = text.startswith("${path.module}/") and "${" not in text[2:]
            return text if own or "${" not in text else NotLiteral(text)
        if number := self._match(_NUMBER):
            return float(number[0]) if "." in number[0] else int(number[0])
        if call := self._match(_CALL):
            argument = self._value(depth + 1)
            return Call(call[1], argument) if self._takes(")") else NotLiteral(call[1])
        for word, value in _WORDS.items():
            if re.compile(rf"{word}\b").match(self._text, self._place):
                self._place += len(word)
                return value
        if self._takes("["):
            found = []
            while not self._takes("]"):
                found.append(self._value(depth + 1))
                if not self._takes(",") and self._text[self._skip()] != "]":
                    return NotLiteral("[")
            return found
        return self.body(depth + 1) if self._takes("{") else NotLiteral("")

    def _expression(self) -> str:
        """The text up to the end of an expression: a line's end or a comma outside of brackets."""
        start, open_ = self._place, 0
        while self._place < len(self._text):
            if string := _STRING.match(self._text, self._place):
                self._place = string.end()
                continue
            if heredoc := _HEREDOC.match(self._text, self._place):
                self._place = heredoc.end()
                continue
            char = self._text[self._place]
            if not open_ and char in "\n,])}":
                break
            open_ += (char in "([{") - (char in ")]}")
            self._place += 1
        return self._text[start : self._place]

    def _skip(self) -> int:
        if space := _SPACE.match(self._text, self._place):
            self._place = space.end()
        if self._place >= len(self._text):
            raise HclError("the block does not end")
        return self._place

    def _takes(self, mark: str) -> bool:
        if self._text.startswith(mark, self._skip()):
            self._place += len(mark)
            return True
        return False

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._text, self._skip())
        if match:
            self._place = match.end()
        return match
