"""What is known, and what is not, of the clusters whose policies an impact is about."""

from __future__ import annotations

from collections.abc import Sequence

from rewriter.engine.run.workspace import Workspace
from rewriter.evidence.settings import not_enforced
from rewriter.inventory.facts.model import Cluster


def unenforced(members: Sequence[Cluster | None]) -> tuple[str, ...]:
    """The clusters in which no policy is enforced, and why."""
    return tuple(f"{cluster.name}: {words}" for cluster in members if cluster and (words := not_enforced(cluster)))


def meshed_with_none(members: Sequence[Cluster | None]) -> tuple[str, ...]:
    """The clusters, each with where it stands that it is meshed with no other; none where that is not known of each."""
    places = [(cluster.name, cluster.alone) if cluster is not None else ("", None) for cluster in members]
    return tuple(f"{name}, {place}" for name, place in places) if all(place for _name, place in places) else ()


def unread_settings_of(workspace: Workspace, members: Sequence[Cluster | None]) -> tuple[str, ...]:
    """What may set the agents of the clusters and is not read."""
    return tuple(
        dict.fromkeys(
            str(unread)
            for cluster in members
            for unread in workspace.inventory.unread_settings(cluster)
            if unread.fields != ()
        )
    )
