"""What a run did not check, and why: clusters of no known mesh, files beside, charts, archives."""

from __future__ import annotations

from collections.abc import Sequence

from rewriter.engine.results.result import FileResult, NotChecked
from rewriter.engine.results.unchecked import beside_files, no_mesh
from rewriter.engine.run.archived import archived
from rewriter.engine.run.unrendered import unrendered
from rewriter.engine.run.workspace import Workspace


def not_checked(workspace: Workspace, results: Sequence[FileResult]) -> tuple[NotChecked, ...]:
    """The reasons, for a run over these files."""
    meshless = no_mesh(frozenset().union(*(result.meshless for result in results)))
    alone = beside_files(alone=workspace.files_alone and any(result.policies for result in results))
    found = (meshless, alone, unrendered(workspace), archived(workspace))
    return tuple(reason for reason in found if reason is not None)


def left_beside(workspace: Workspace) -> NotChecked | None:
    """That nothing beside the files was read which are named, where that is so: for answers that fix nothing."""
    return beside_files(alone=workspace.files_alone and bool(workspace.files))
