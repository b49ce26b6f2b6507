"""What can be wrong with a text, in one line."""

from __future__ import annotations

from rewriter.records import dataclass


class YamlTextError(ValueError):
    """A text that cannot be read. `line` and `column` are 1-based; `hint` says what to do."""

    def __init__(self, message: str, line: int = 1, column: int = 1, hint: str = "") -> None:
        super().__init__(f"line {line}: {message}" + (f"; {hint}" if hint else ""))
        self.message = message
        self.line = line
        self.column = column
        self.hint = hint


class EditError(ValueError):
    """An edit that cannot be made safely; the text is as it was."""

    def __init__(self, message: str, route: str = "") -> None:
        super().__init__(f"{route or 'document'}: {message}")
        self.message = message
        self.route = route


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what is parsed: characters of a file, nesting, and nodes after aliases are expanded."""

    max_characters: int = 64 << 20
    max_depth: int = 200
    max_expanded_nodes: int = 1_000_000
