"""The Cilium that the facts say runs today, beside the one that a run takes for it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rewriter.cilium.version import SUPPORTED, Version
from rewriter.engine.workspace import Workspace
from rewriter.inventory.facts import Cluster

#: A release as tags, charts and snapshots write it: `1.17`, `1.17.4`, `1.17.x`, `1.17.0-rc.1`.
_RELEASE = re.compile(r"v?(\d+)\.(\d+)(?:\.(?:\d+|x|\*))?(?:[-+].*)?")


def another_release_runs(workspace: Workspace) -> str:
    """One line for people where nobody said what runs today, and a cluster of the files runs another release.

    Empty where `--from` or the config says it, where no version is known, and where it is the one assumed.
    """
    if not workspace.from_assumed:
        return ""
    others = [(version, cluster) for version, cluster in _running(workspace) if version != workspace.from_version]
    if not others:
        return ""
    oldest = min(version for version, _ in others)
    found = " and ".join(
        f"{cluster.name} runs Cilium {cluster.version}{_source(workspace, cluster)}" for _, cluster in others
    )
    advice = f"--from {oldest}" if oldest <= workspace.to_version else f"--from {oldest} --to {oldest}"
    return (
        f"--from is not given and taken to be {workspace.from_version}, the release before --to, but {found}; "
        f"give {advice}"
    )


def _running(workspace: Workspace) -> Iterator[tuple[Version, Cluster]]:
    """The clusters that the files are applied to, all that are known where nobody says, with their release."""
    inventory = workspace.inventory
    applied = [inventory.cluster_of(found.display) for found, _ in workspace.files]
    for cluster in inventory.clusters:
        if cluster in applied or not any(applied):
            release = _RELEASE.fullmatch(cluster.version or "")
            version = Version(int(release[1]), int(release[2])) if release else None
            if version in SUPPORTED and version is not None:
                yield version, cluster


def _source(workspace: Workspace, cluster: Cluster) -> str:
    """The installation that tells the version of a cluster; empty where it comes from elsewhere."""
    for install in workspace.inventory.installs:
        if (install.settings.name, install.settings.version) == (cluster.name, cluster.version):
            return f" ({install.settings.source})"
    return ""
