"""`${VAR}` in flow style, where YAML reads its brace as one of its own: placeholders of the same length in quotes.

Only scalars of flow collections that hold a variable change. What stands for a scalar names what it stands for.
"""

from __future__ import annotations

from dataclasses import field

from rewriter import patterns as re
from rewriter.engine.documents.masks import Masked, MaskError
from rewriter.records import dataclass

_VARIABLE = re.compile(r"\$\{[^{}\n]*\}")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\']|\'\')*\'', re.DOTALL)
#: A bracket opens a flow collection at the beginning of a line, or behind what ends a key, a dash or another bracket.
_BEFORE = re.compile(r"(?:^|\n|[:?,\[{-][ \t]|[\[{,])[ \t]*$")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(slots=True)
class _Scan:
    text: str
    made: Masked
    pieces: list[str] = field(default_factory=list)
    depth: int = 0


def masked_in_flow(text: str) -> Masked | None:
    """A text with the variables of its flow collections masked; None where there are none.

    Raises MaskError where a scalar is too short for a placeholder.
    """
    scan = _Scan(text, Masked(""))
    position = 0
    while position < len(text):
        position = _step(scan, position)
    scan.made.text = "".join(scan.pieces)
    return scan.made if scan.made.names else None


def _step(scan: _Scan, at: int) -> int:
    """Takes what stands at an offset; returns where it ends."""
    text, char = scan.text, scan.text[at]
    if char in "\"'" and (quoted := _QUOTED.match(text, at)) and _begins(text, at):
        return _kept(scan, at, quoted.end())
    if char == "#" and (at == 0 or text[at - 1] in " \t\n"):
        return _kept(scan, at, text.find("\n", at) + 1 or len(text))
    if scan.depth and char not in " \t\r\n,[]{}:":
        end = _end_of_scalar(text, at)
        found = text[at:end]
        if "${" not in found:
            return _kept(scan, at, end)
        scan.pieces.append(_quoted(scan, found, at))
        return end
    if not scan.depth and (variable := _VARIABLE.match(text, at)):
        return _kept(scan, at, variable.end())
    if char in "[{" and (scan.depth or _BEFORE.search(text, max(0, at - 40), at)):
        scan.depth += 1
    elif char in "]}" and scan.depth:
        scan.depth -= 1
    return _kept(scan, at, at + 1)


def _begins(text: str, at: int) -> bool:
    return at == 0 or text[at - 1] in " \t\n,[{:"


def _kept(scan: _Scan, start: int, end: int) -> int:
    scan.pieces.append(scan.text[start:end])
    return end


def _end_of_scalar(text: str, at: int) -> int:
    """Where a plain scalar in flow style ends, which begins at an offset and may hold variables."""
    while at < len(text):
        if variable := _VARIABLE.match(text, at):
            at = variable.end()
        elif (
            text[at] in ",[]{}\n"
            or (text[at] == ":" and text[at + 1 : at + 2] in " \n,]}")
            or (text[at] == "#" and text[at - 1] in " \t")
        ):
            break
        else:
            at += 1
    return at


def _quoted(scan: _Scan, found: str, at: int) -> str:
    """A scalar with placeholders in the place of its variables, in quotes and as long as it was."""
    bare = found.rstrip()
    around = [part.replace("\\", "\\\\").replace('"', '\\"') for part in _VARIABLE.split(bare)]
    variables = _VARIABLE.findall(bare)
    room = len(bare) - 2 - sum(map(len, around)) - len("${}") * len(variables)
    made = around[0]
    for number, (variable, rest) in enumerate(zip(variables, around[1:], strict=True)):
        digits = _number(len(scan.made.names))
        left = room if number == len(variables) - 1 else len(digits)
        if left < len(digits):
            raise MaskError(at, f"`{bare}` in braces or brackets leaves no room for what may stand for it; quote it")
        name = f"${{{digits.rjust(left, '_')}}}"
        scan.made.names[name] = variable
        room -= left
        made += name + rest
    return f'"{made}"' + found[len(bare) :]


def _number(number: int) -> str:
    digits = ""
    while number or not digits:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits
