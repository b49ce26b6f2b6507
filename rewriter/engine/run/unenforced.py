"""The clusters of a run in which no policy is enforced, so that its findings are not taken for what happens today."""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.engine.run.workspace import Workspace
from rewriter.evidence.settings import not_enforced


def unenforced(workspace: Workspace) -> Iterator[str]:
    """A line for each cluster that the files are applied to and in which no policy is enforced."""
    applied = [workspace.inventory.cluster_of(item.display) for item, _ in workspace.files]
    names = {cluster.name for cluster in applied if cluster is not None}
    for cluster in workspace.inventory.clusters:
        if cluster.name in names and (words := not_enforced(cluster)):
            yield f"no policy is enforced in {cluster.name}: {words}; findings say what holds once policies are"
