"""What several commands share."""

from __future__ import annotations

from enum import StrEnum

from rewriter.cli.errors import UsageError
from rewriter.cli.progress import Progress
from rewriter.config import ConfigError
from rewriter.engine.workspace import Request, Workspace, WorkspaceError, open_workspace
from rewriter.inventory.snapshot import SnapshotError


class Color(StrEnum):
    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


def open_for(request: Request) -> Workspace:
    """The workspace of a command, with a progress bar while it is read. Raises UsageError."""
    try:
        with Progress("reading", None) as progress:
            return open_workspace(request, progress.step)
    except (ConfigError, SnapshotError, WorkspaceError) as error:
        raise UsageError(str(error)) from None
