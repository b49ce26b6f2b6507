"""Policies in archives that nothing applies: a run over a whole repository leaves them out and says so."""

from __future__ import annotations

from rewriter.engine.results.result import NotChecked
from rewriter.engine.run.workspace import Workspace
from rewriter.text import join_names


def leave_archives_out(workspace: Workspace) -> None:
    """Takes the files in archives out of those that are checked."""
    archives = [(workspace.inventory.archive_of(found.display), found, data) for found, data in workspace.files]
    workspace.files = [(found, data) for archive, found, data in archives if not archive]
    workspace.archived = [(archive, found.display) for archive, found, _ in archives if archive]


def archived(workspace: Workspace) -> NotChecked | None:
    """What a run leaves out because it lies in archives; None for nothing."""
    count = len(workspace.archived)
    if not count:
        return None
    archives = join_names(sorted({archive for archive, _ in workspace.archived}))
    files = "1 file" if count == 1 else f"{count} files"
    why = "nothing applies it" if count == 1 else "nothing applies them"
    return NotChecked(f"{files} with policies in {archives}", why, "name the folder to check it")
