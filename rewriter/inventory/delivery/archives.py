"""Files that lie in an archive and that nothing applies: what they hold runs nowhere."""

from __future__ import annotations

from rewriter.inventory.delivery.kustomize_walk import BARE
from rewriter.inventory.delivery.placements import Placements

#: What people call the folders of manifests that they no longer apply.
_ARCHIVES = frozenset(
    {"archive", "archived", "archives", "attic", "decommissioned", "deprecated", "disabled", "graveyard"}
    | {"obsolete", "old", "retired", "trash", "unused"}
)


def archive_of(placements: Placements, inner: str) -> str:
    """The archive that a file lies in, relative to the root of the tree; empty for one that may be applied.

    A name alone shows nothing, since an application may be called so: Flux or Argo CD must apply the repository, and
    neither they nor a kustomization that they reach this file. What people ask about is no archive to them.
    """
    folder = _archive_in(inner)
    if not folder or not placements.managed or any(f"{name}/".startswith(f"{folder}/") for name in placements.asked):
        return ""
    targets = [placement.target for placement in placements.of(inner)]
    return folder if all(target is None or target.startswith(BARE) for target in targets) else ""


def holds_no_objects(placements: Placements, inner: str) -> bool:
    """Whether the manifests of a file are no objects of a cluster: patches, or in an archive."""
    return inner in placements.patch_files or bool(archive_of(placements, inner))


def _archive_in(inner: str) -> str:
    """The outermost folder of a file that is called like an archive, whatever signs stand before or behind it."""
    parts = inner.split("/")[:-1]
    for place, part in enumerate(parts, start=1):
        if part.lower().strip("._-~") in _ARCHIVES:
            return "/".join(parts[:place])
    return ""
