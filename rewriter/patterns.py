"""Patterns that are compiled when they are first used, in the place of `re` where a module has many of them.

`from rewriter import patterns as re`: most runs meet nothing that the patterns of such a module look for, and to
compile all of them took a tenth of the start.
"""

from __future__ import annotations

import re
from re import (
    ASCII,
    DOTALL,
    IGNORECASE,
    MULTILINE,
    VERBOSE,
    Match,
    Pattern,
    error,
    escape,
    findall,
    finditer,
    fullmatch,
    match,
    search,
    split,
    sub,
)
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from re import compile as compile  # noqa: A004
else:

    class _Later:
        """A pattern; what is asked of it first has it compiled, and stays with it."""

        def __init__(self, pattern, flags):
            self.pattern = pattern
            self._flags = flags

        def __getattr__(self, name):
            found = getattr(re.compile(self.pattern, self._flags), name)
            setattr(self, name, found)
            return found

    def compile(pattern, flags=0):  # noqa: A001
        return _Later(pattern, flags)


__all__ = [
    "ASCII",
    "DOTALL",
    "IGNORECASE",
    "MULTILINE",
    "VERBOSE",
    "Match",
    "Pattern",
    "compile",
    "error",
    "escape",
    "findall",
    "finditer",
    "fullmatch",
    "match",
    "search",
    "split",
    "sub",
]
