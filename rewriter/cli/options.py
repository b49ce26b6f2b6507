"""What several commands share."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from rewriter.cli.errors import UsageError

if TYPE_CHECKING:  # Help and answers about passes need none of it.
    from rewriter.engine.baseline import Baseline
    from rewriter.engine.workspace import Request, Workspace


class Color(StrEnum):
    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


def known_findings(path: Path | None) -> Baseline:
    """The baseline of a file; of none, one that knows nothing. Raises UsageError."""
    from rewriter.engine.baseline import NOTHING_KNOWN, BaselineError, read_baseline

    try:
        return NOTHING_KNOWN if path is None else read_baseline(path)
    except BaselineError as error:
        raise UsageError(str(error)) from None


def open_for(request: Request) -> Workspace:
    """The workspace of a command, with a progress bar while it is read. Raises UsageError."""
    from rewriter.cli.progress import Progress
    from rewriter.config import ConfigError
    from rewriter.engine.workspace import WorkspaceError, open_workspace
    from rewriter.inventory.snapshot import SnapshotError
    from rewriter.output.style import one_line

    try:
        with Progress("reading", None) as progress:
            workspace = open_workspace(request, progress.step)
    except (ConfigError, SnapshotError, WorkspaceError) as error:
        raise UsageError(str(error)) from None
    for warning in workspace.warnings:
        print(f"cnpfix: {one_line(warning)}", file=sys.stderr)
    return workspace


def tell_facts(workspace: Workspace) -> None:
    """On stderr: which clusters are known, from where, and what is doubtful or not known about the facts."""
    from rewriter.output.style import one_line

    inventory = workspace.inventory
    lines = [f"cluster {cluster.name}, {cluster.source}" for cluster in inventory.clusters]
    lines += dict.fromkeys(doubt for cluster in inventory.clusters for doubt in inventory.doubts(cluster))
    lines += [str(problem) for problem in inventory.problems]
    lines += [f"{source}: cannot be read as facts" for source in inventory.unreadable]
    for line in lines:
        print(f"cnpfix: {one_line(line)}", file=sys.stderr)
