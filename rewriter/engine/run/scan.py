"""Offers the files of a tree to the inventory, and takes those that hold policies.

Of the files that did not change since an earlier run, only those with policies are read.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rewriter.discovery import (
    MAX_BYTES,
    FoundFile,
    Globs,
    InputError,
    find_files,
    holds_old_object,
    holds_policy,
    is_beside_manifests,
    may_hold_manifests,
    read_file,
)
from rewriter.engine.run.workspace import Workspace
from rewriter.inventory.tree.repository import TreeInventory

_TOO_LARGE = f"is larger than {MAX_BYTES >> 20} MiB"

Progress = Callable[[int], None]
"""Called with the number of files read since the last call."""


def scan(
    workspace: Workspace, paths: Sequence[Path], only: frozenset[Path] | None, exclude: Globs, progress: Progress
) -> set[str]:
    """Offers every file at or below the paths, and takes those with policies; returns their real names."""
    seen: set[str] = set()
    for found, data in _offered(workspace.inventory, paths, exclude, seen):
        if isinstance(found, InputError):
            workspace.errors.append(found)
            continue
        workspace.scanned += 1
        if not workspace.scanned % 500:
            progress(500)
        if isinstance(data, InputError):
            workspace.errors.append(data)
        elif data is not None:
            if holds_policy(data) or holds_old_object(data):
                if only is None or found.path.resolve() in only:
                    workspace.files.append((found, data))
            elif found.explicit and b"\0" in data:
                what = InputError(found.display, "is binary, not a manifest", hint="name YAML or JSON files")
                workspace.errors.append(what)
    return seen


def scan_facts(inventory: TreeInventory, root: Path, exclude: Globs, seen: set[str]) -> None:
    """Offers the rest of the repository as facts, where the paths are only a part of it."""
    for _found in _offered(inventory, [root], exclude, seen, facts=True):
        pass


def _offered(
    inventory: TreeInventory, paths: Sequence[Path], exclude: Globs, seen: set[str], *, facts: bool = False
) -> Iterator[tuple[FoundFile | InputError, bytes | InputError | None]]:
    """Every file that may hold manifests, once it was offered, with its bytes if it may hold a policy.

    With `facts`, no bytes are asked for. What git or `exclude` leave out comes last.
    """
    left_out: list[FoundFile] = []
    lost: list[str] = []
    links: list[tuple[str, str]] = []
    kept, take = inventory.kept, inventory.take
    for found in find_files(paths, exclude, seen, left_out, lost, links):
        if isinstance(found, InputError):
            yield found, None
            continue
        path = found.display
        if not path.endswith((".yaml", ".yml")) and _is_beside(found):
            _offer_other(inventory, found)
            continue
        status = kept.status(path)
        known = kept.unchanged(path, status)
        if known is not None:
            take(path, *known)
            yield found, None if facts or not (known[0].policy or found.explicit) else read_file(found)
            continue
        data = read_file(found)
        if isinstance(data, bytes):
            known = kept.same(path, status, data)
            if known is not None:
                take(path, *known, data)
            elif (record := inventory.offer(path, data)) is not None:
                kept.note(path, status, data, record)
        else:
            inventory.leave_out(path, None, _TOO_LARGE if data is None else data.message)
        yield found, data
    inventory.offer_links(links)
    _leave_out(inventory, left_out, lost)


def _leave_out(inventory: TreeInventory, files: Sequence[FoundFile], lost: Sequence[str]) -> None:
    """Files under `exclude` are no facts, and may be applied all the same: what they may hold is not absent."""
    for found in files:
        data = read_file(found)
        text = data if isinstance(data, bytes) else None
        inventory.leave_out(found.display, text, "is under `exclude`", excluded=True, beside=_is_beside(found))
    for name in lost:
        inventory.leave_out(name, None, "is a symlink that leads out of the repository, or to nothing")


def _is_beside(found: FoundFile) -> bool:
    """Whether a file holds no manifests; one of a kind that is not known does not, unless it was named itself."""
    name = posixpath.basename(found.display)
    return is_beside_manifests(name) or (not may_hold_manifests(name) and not found.explicit)


def _offer_other(inventory: TreeInventory, found: FoundFile) -> None:
    """A file that holds no manifests. One that cannot be read counts as one without policies."""
    data = read_file(found)
    if isinstance(data, bytes):
        inventory.offer_beside(found.display, data)
