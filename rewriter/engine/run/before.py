"""The policies as they stood before a rewrite by hand, as clusters got them then."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from rewriter.discovery import FoundFile, Globs, InputError, find_files, holds_policy, read_file
from rewriter.engine.documents.located import LocatedPolicy
from rewriter.engine.overlays.applied import as_applied
from rewriter.engine.run.workspace import Workspace, WorkspaceError
from rewriter.inventory.tree.repository import TreeInventory


def policies_before(workspace: Workspace, before: Path, names: list[str], revision: str = "") -> list[LocatedPolicy]:
    """The policies of the file or folder `before`, each at the path that it has, or would have, now.

    What stands around the one name that is compared with it is taken as it is now. What cannot be read is among the
    errors of the workspace; a file is named `revision:path` where it is of a revision. Raises WorkspaceError.
    """
    now = _compared(before, names)
    files = {path: (shown, data) for path, shown, data in _files(workspace, before, now, revision)}
    inventory = _inventory(workspace, now, {path: data for path, (_, data) in files.items()})
    then = workspace.with_inventory(inventory)
    policies: list[LocatedPolicy] = []
    tiers: list[LocatedPolicy] = []
    for path, (shown, data) in files.items():
        if holds_policy(data):
            policies += then.read_policies(FoundFile(path), data, read_from=shown)
            tiers += then.read_tiers(FoundFile(path), data)
    clusters = {cluster.name: cluster for cluster in workspace.inventory.clusters}
    applied = list(as_applied(inventory.patched, policies, everywhere=True))
    applied += as_applied(inventory.patched.of_tiers(), tiers) if tiers else ()
    for located in applied:
        if located.built is not None and located.built.cluster is not None:
            located.built.cluster = clusters.get(located.built.cluster.name)
    return applied


def _inventory(workspace: Workspace, now: Path, files: Mapping[str, bytes]) -> TreeInventory:
    """The facts of the tree with these files in the place of what is compared with them."""
    place = os.path.normpath(now)
    inside = "" if place == "." else place + "/"
    kept: dict[str, bytes] = {}
    for path, data in workspace.inventory.patched.offered():
        whole = os.path.normpath(path)
        if data is not None and whole != place and not whole.startswith(inside):
            kept[path] = data
    inventory = workspace.another_inventory(read=(kept | dict(files)).get)
    for path, data in (*kept.items(), *files.items()):
        inventory.offer(path, data)
    return inventory


def _compared(before: Path, names: list[str]) -> Path:
    """The name that is compared. Raises WorkspaceError for one that cannot be."""
    if len(names) != 1 or names == ["-"]:
        raise WorkspaceError("--before: name the one file or folder to compare with it")
    now = Path(names[0])
    if not before.exists():
        raise WorkspaceError(f"--before {before}: no such file, folder or git revision")
    if before.is_dir() != now.is_dir():
        kind = "folder" if now.is_dir() else "file"
        raise WorkspaceError(f"--before {before}: expected a {kind}, as {now} is one")
    return now


def _files(workspace: Workspace, before: Path, now: Path, revision: str) -> Iterator[tuple[str, str, bytes]]:
    """The files of `before`: the path that each has now, its own, and its bytes."""
    exclude = Globs(workspace.config.root, workspace.config.exclude)

    def path_now(display: str) -> str:
        inner = os.path.relpath(display, before) if before.is_dir() else ""
        return os.path.normpath(now / inner)

    for found in find_files([before], Globs(before, ())):
        data = found if isinstance(found, InputError) else read_file(found)
        if isinstance(data, InputError):
            error = replace(data, path=f"{revision}:{path_now(data.path)}") if revision else data
            workspace.errors.append(error)
        elif isinstance(found, FoundFile) and data is not None:
            path = path_now(found.display)
            if not (exclude and exclude.match(Path(path))):
                yield path, f"{revision}:{path}" if revision else found.display, data
