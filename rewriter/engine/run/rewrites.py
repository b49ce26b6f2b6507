"""What becomes of each policy: by the fixes of a run, or by hand."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rewriter.cilium.policy import Policy
from rewriter.discovery import FoundFile, Globs, InputError, find_files, holds_policy, read_file
from rewriter.engine.documents.located import LocatedPolicy
from rewriter.engine.results.result import FileResult
from rewriter.engine.run.workspace import Workspace, WorkspaceError


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A policy before and after; None where it is new, or gone. Both are the same object where nothing became of it.

    `located` is the policy that people look at, the newest; `fixes` are the passes that rewrote it.
    """

    located: LocatedPolicy
    old: Policy | None
    new: Policy | None
    fixes: tuple[str, ...] = ()


def rewritten_by_fixes(workspace: Workspace, results: Iterable[FileResult]) -> list[Rewrite]:
    """The policies of a workspace, and what the fixer's results make of them."""
    by_path = {result.path: result for result in results}
    changed = {path: result.after for path, result in by_path.items() if result.changed}
    applied = workspace.applied_policies(everywhere=True)
    by_file: dict[str, list[LocatedPolicy]] = {}
    for located in workspace.policies():
        by_file.setdefault(located.path, []).append(located)
    after: dict[int, Policy] = {}
    for path, text in changed.items():
        for located, after_it in zip(by_file.get(path, ()), workspace.policies_of_text(path, text), strict=True):
            if after_it.policy.raw != located.policy.raw:
                after[id(located)] = after_it.policy
    for located in applied:
        if located.built is not None and not located.built.paths.isdisjoint(changed):
            made = located.built.with_texts(changed, located.policy.namespace)
            if made is not None and made.raw != located.policy.raw:
                after[id(located)] = made
    return [
        Rewrite(located, located.policy, after.get(id(located), located.policy), _fixes(located, by_path))
        for located in applied
    ] + [Rewrite(each, each.policy, each.policy) for each in workspace.cluster_network_policies(None)]


def _fixes(located: LocatedPolicy, results: Mapping[str, FileResult]) -> tuple[str, ...]:
    files = sorted(located.built.paths) if located.built else [located.path]
    mine = [
        item.finding.id
        for item in (finding for file in files if file in results for finding in results[file].findings)
        if item.fixed
        and (located.built is not None or item.location.document == located.document.index)
        and item.location.name == located.policy.name
        and item.location.namespace == (located.policy.namespace or "")
    ]
    return tuple(dict.fromkeys(mine))


def rewritten_by_hand(workspace: Workspace, before: Path, names: Iterable[str]) -> list[Rewrite]:
    """The policies of a workspace beside those that stood at `before`, a file or folder like the one named.

    A policy is the same one where kind, namespace and name are, first in the file of the same name, then in any file
    for the same cluster. What cannot be read is among the errors of the workspace. Raises WorkspaceError.
    """
    left = list(_located_before(workspace, before, list(names)))
    now = [*workspace.policies(), *workspace.cluster_network_policies(None)]
    pairs: dict[int, LocatedPolicy] = {}
    for same_file in (True, False):
        known: dict[tuple[object, ...], list[LocatedPolicy]] = {}
        for old in left:
            known.setdefault(_key(workspace, old, same_file=same_file), []).append(old)
        for located in now:
            found = known.get(_key(workspace, located, same_file=same_file))
            if id(located) not in pairs and found:
                pairs[id(located)] = found.pop(0)
        taken = {id(old) for old in pairs.values()}
        left = [old for old in left if id(old) not in taken]
    rewrites = [_by_hand(located, pairs.get(id(located))) for located in now]
    return [*rewrites, *(Rewrite(old, old.policy, None) for old in left)]


def _by_hand(located: LocatedPolicy, old: LocatedPolicy | None) -> Rewrite:
    if old is None:
        return Rewrite(located, None, located.policy)
    same = old.policy.raw == located.policy.raw and old.policy.namespace == located.policy.namespace
    return Rewrite(located, old.policy, old.policy if same else located.policy)


def _key(workspace: Workspace, located: LocatedPolicy, *, same_file: bool) -> tuple[object, ...]:
    cluster = workspace.inventory.cluster_of(located.path)
    where = located.path if same_file else cluster.name if cluster else ""
    return (where, located.policy.kind, located.policy.namespace, located.policy.name)


def _located_before(workspace: Workspace, before: Path, names: list[str]) -> Iterator[LocatedPolicy]:
    """The policies as they were, each at the path that it has, or would have, now."""
    if len(names) != 1 or names == ["-"]:
        raise WorkspaceError("--before: name the one file or folder to compare with it")
    now = Path(names[0])
    if not before.exists():
        raise WorkspaceError(f"--before {before}: no such file or folder")
    if before.is_dir() != now.is_dir():
        kind = "folder" if now.is_dir() else "file"
        raise WorkspaceError(f"--before {before}: expected a {kind}, as {now} is one")
    exclude = Globs(workspace.config.root, workspace.config.exclude)
    for found in find_files([before], Globs(before, ())):
        data = found if isinstance(found, InputError) else read_file(found)
        if isinstance(data, InputError):
            workspace.errors.append(data)
        elif isinstance(found, FoundFile) and data is not None and holds_policy(data):
            inner = os.path.relpath(found.display, before) if before.is_dir() else ""
            path = os.path.normpath(now / inner)
            if not (exclude and exclude.match(Path(path))):
                yield from workspace.read_policies(FoundFile(path), data, read_from=found.display)
                yield from workspace.read_tiers(FoundFile(path), data)
