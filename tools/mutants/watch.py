"""Watches which statements and functions run: those with a mutant, and nothing else."""

from __future__ import annotations

import ast
import sys
import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from tools.mutants.draw import Place


@dataclass(frozen=True, slots=True)
class Seen:
    """What one test runs: statements by the number of their mutant, and files with mutants."""

    statements: Collection[int]
    files: Collection[str]


class Calls:
    """The functions of some files that are called between start and stop."""

    def __init__(self, files: Collection[str]) -> None:
        self._files = files
        self._codes: set[tuple[str, int, str]] = set()

    def start(self) -> None:
        sys.settrace(self._trace)

    def stop(self) -> None:
        sys.settrace(None)

    def has(self, code: CodeType) -> bool:
        return (code.co_filename, code.co_firstlineno, code.co_qualname) in self._codes

    def _trace(self, frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        if code.co_filename in self._files:
            self._codes.add((code.co_filename, code.co_firstlineno, code.co_qualname))


class Statements:
    """The statements at some places that are run between start and stop, and the files in which functions are called.

    A frame is watched line by line only as long as one of its statements was not seen.
    """

    def __init__(self, places: Sequence[Place]) -> None:
        self._by_file: dict[str, list[tuple[int, range]]] = {}
        for number, place in enumerate(places):
            lines = statement(place.path, place.line)
            self._by_file.setdefault(str(place.path.resolve()), []).append((number, lines))
        self._of_code: dict[CodeType, dict[int, tuple[int, ...]]] = {}
        self._unseen: dict[CodeType, set[int]] = {}
        self._found: set[int] = set()
        self._files: set[str] = set()

    def start(self) -> None:
        self._unseen.clear()
        self._found, self._files = set(), set()
        sys.settrace(self._called)
        threading.settrace(self._called)

    def stop(self) -> Seen:
        sys.settrace(None)
        threading.settrace(None)
        return Seen(self._found, self._files)

    def _called(self, frame: FrameType, event: str, argument: object) -> Any:
        code = frame.f_code
        if code.co_filename not in self._by_file:
            return None
        unseen = self._unseen.get(code)
        if unseen is None:
            self._files.add(code.co_filename)
            unseen = self._unseen[code] = {number for numbers in self._lines(code).values() for number in numbers}
        return self._ran if unseen else None

    def _ran(self, frame: FrameType, event: str, argument: object) -> Any:
        if event == "line":
            code = frame.f_code
            numbers = self._of_code[code].get(frame.f_lineno)
            if numbers is not None:
                self._found.update(numbers)
                unseen = self._unseen[code]
                unseen.difference_update(numbers)
                if not unseen:
                    frame.f_trace_lines = False
        return self._ran

    def _lines(self, code: CodeType) -> dict[int, tuple[int, ...]]:
        """The lines of the code at which a statement is seen, with the numbers of these statements."""
        found = self._of_code.get(code)
        if found is None:
            spots = self._by_file[code.co_filename]
            lines = {line for _, _, line in code.co_lines() if line}
            at = {line: tuple(number for number, within in spots if line in within) for line in lines}
            found = self._of_code[code] = {line: numbers for line, numbers in at.items() if numbers}
        return found


def statement(path: Path, line: int) -> range:
    """The lines of the innermost statement at this line; of one that holds others, the lines before the first."""
    found = range(line, line + 1)
    size = sys.maxsize
    for node in ast.walk(ast.parse(path.read_text())):
        lines = _lines_of(node)
        if line in lines and len(lines) < size:
            found, size = lines, len(lines)
    return found


def _lines_of(node: ast.AST) -> range:
    if isinstance(node, ast.match_case):
        return range(node.pattern.lineno, max(node.body[0].lineno, node.pattern.lineno + 1))
    if not isinstance(node, ast.stmt | ast.ExceptHandler):
        return range(0)
    body = getattr(node, "body", None)
    if body:
        return range(node.lineno, max(body[0].lineno, node.lineno + 1))
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)
