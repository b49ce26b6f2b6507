"""Path globs of the configuration, matched as `.gitignore` matches them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path


class Globs:
    """Globs relative to a folder. `**` spans folders; a pattern without a slash matches at any depth."""

    __slots__ = ("_here", "_root", "_spec")

    def __init__(self, root: Path, patterns: Sequence[str]) -> None:
        self._root = str(root.resolve()).rstrip("/") + "/"
        self._here = ""
        self._spec = None
        if patterns:
            from pathspec import GitIgnoreSpec

            self._spec = GitIgnoreSpec.from_lines(patterns)
            self._here = str(Path.cwd()).rstrip("/") + "/"

    def __bool__(self) -> bool:
        return self._spec is not None

    def match(self, path: Path | str) -> bool:
        """Whether a file lies below the folder and one of the globs matches it."""
        if self._spec is None:
            return False
        text = os.fspath(path)
        if not text.startswith("/"):
            text = self._here + text
        if "/../" in text:
            text = os.path.normpath(text)
        return text.startswith(self._root) and self._spec.match_file(text[len(self._root) :])
