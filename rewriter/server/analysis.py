"""What is known of a folder while an editor works in it, and what the passes find in a text of it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import field
from pathlib import Path

from rewriter.cache import CacheFolder, default_folder
from rewriter.config import Config, ConfigError
from rewriter.discovery import FoundFile, Globs, holds_policy
from rewriter.engine.results.result import FileResult
from rewriter.engine.run.fixer import fixer_for
from rewriter.engine.run.opening import open_workspace
from rewriter.engine.run.run_options import Options
from rewriter.engine.run.workspace import Request, Workspace, WorkspaceError
from rewriter.inventory.snapshots.form import SnapshotError
from rewriter.records import dataclass


class FolderError(Exception):
    """A folder whose facts cannot be had; the message is one line for its user."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line asks of every folder. `select` and `ignore` are ids of passes; None: as configured."""

    config: Path | None = None
    from_version: str | None = None
    to_version: str | None = None
    inventories: tuple[Path, ...] = ()
    select: frozenset[str] | None = None
    ignore: frozenset[str] = frozenset()


@dataclass(slots=True)
class Folder:
    """A folder that is open in the editor. Its facts are read when they are needed first, and anew once stale."""

    root: Path
    wishes: Wishes
    stale: bool = True
    _workspace: Workspace | None = field(default=None, repr=False)

    def result(self, path: Path, text: str) -> FileResult | None:
        """What is found in a text of a file of the folder; None where it holds no policy. Raises FolderError."""
        data = text.encode("utf-8", "surrogatepass")
        if not holds_policy(data):
            return None
        workspace = self.workspace()
        with contextlib.chdir(self.root):
            name = os.path.relpath(path, self.root)
            if self._is_excluded(workspace.config, path):
                return None
            return fixer_for(workspace, self._options(workspace)).fix_file(FoundFile(name), data)

    def workspace(self) -> Workspace:
        """The facts of the folder. Raises FolderError."""
        if self._workspace is None or self.stale:
            wishes = self.wishes
            versions = (wishes.from_version, wishes.to_version)
            cache = CacheFolder(default_folder())
            request = Request((".",), wishes.config, *versions, wishes.inventories, cache=cache)
            try:
                with contextlib.chdir(self.root):
                    self._workspace = open_workspace(request, lambda _count: None)
            except (ConfigError, SnapshotError, WorkspaceError, OSError) as error:
                raise FolderError(str(error)) from None
            self.stale = False
        return self._workspace

    def _options(self, workspace: Workspace) -> Options:
        config, wishes = workspace.config, self.wishes
        chosen = frozenset(config.select) if wishes.select is None and config.select is not None else wishes.select
        ignored = wishes.ignore | frozenset(config.ignore)
        return Options(workspace.from_version, workspace.to_version, select=chosen, ignore=ignored)

    @staticmethod
    def _is_excluded(config: Config, path: Path) -> bool:
        globs = Globs(config.root, config.exclude)
        return bool(globs) and globs.match(path)


def folder_for(folders: Sequence[Folder], path: Path) -> Folder | None:
    """The innermost of the open folders that holds a file."""
    holding = [folder for folder in folders if path.is_relative_to(folder.root)]
    return max(holding, key=lambda folder: len(folder.root.parts), default=None)
