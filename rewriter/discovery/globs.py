"""Path globs of the configuration, matched as `.gitignore` matches them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class Globs:
    """Globs relative to a folder. `**` spans folders; a pattern without a slash matches at any depth."""

    __slots__ = ("_root", "_spec")

    def __init__(self, root: Path, patterns: Sequence[str]) -> None:
        self._root = str(root.resolve())
        self._spec = None
        if patterns:
            from pathspec import GitIgnoreSpec

            self._spec = GitIgnoreSpec.from_lines(patterns)

    def __bool__(self) -> bool:
        return self._spec is not None

    def match(self, path: Path) -> bool:
        """Whether a file lies below the folder and one of the globs matches it."""
        if self._spec is None:
            return False
        text = str(path if path.is_absolute() else Path.cwd() / path)
        if not text.startswith(self._root + "/"):
            return False
        return self._spec.match_file(text[len(self._root) + 1 :])
