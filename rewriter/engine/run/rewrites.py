"""What becomes of each policy: by the fixes of a run, or by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import field
from pathlib import Path
from typing import NamedTuple

from rewriter import yamltext
from rewriter.cilium.policy import Policy
from rewriter.discovery import InputError
from rewriter.engine.documents.located import LocatedPolicy
from rewriter.engine.results.result import FileResult
from rewriter.engine.run.before import policies_before
from rewriter.engine.run.workspace import Workspace
from rewriter.records import dataclass


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A policy before and after; None where it is new, or gone. Both are the same object where nothing became of it.

    `located` is the policy that people look at, the newest; `fixes` are the passes that rewrote it.
    """

    located: LocatedPolicy
    old: Policy | None
    new: Policy | None
    fixes: tuple[str, ...] = ()


class FixedFinding(NamedTuple):
    """A finding that is fixed: its pass, and the document and policy that it is of."""

    pass_id: str
    document: int
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class FixedFile:
    """What counts of the result of a file: the findings that are fixed, the errors, and its new text if it has one.

    `policies` are those of the new text; None where there is none, or it cannot be read. `asked` has on which policies
    the result rests, by the place of each document (None: the file as a whole), where that is taken down.
    """

    path: str
    after: str | None
    policies: tuple[Policy, ...] | None
    findings: tuple[FixedFinding, ...]
    errors: tuple[InputError, ...]
    asked: Mapping[int | None, frozenset[str]] = field(default_factory=dict)


def fixed_file(
    workspace: Workspace, result: FileResult, asked: Mapping[int | None, Iterable[str]] | None = None
) -> FixedFile:
    """What counts of a result, whose new text need not be read again where this is asked right behind the fixes."""
    findings = (
        FixedFinding(item.finding.id, item.location.document, item.location.namespace, item.location.name)
        for item in result.findings
        if item.fixed
    )
    after = result.after if result.changed else None
    policies = None
    if after is not None:
        with suppress(yamltext.YamlTextError):
            policies = _policies_of(workspace, result.path, after)
    parts = {number: frozenset(questions) for number, questions in (asked or {}).items()}
    return FixedFile(result.path, after, policies, tuple(findings), result.errors, parts)


def _policies_of(workspace: Workspace, path: str, text: str) -> tuple[Policy, ...]:
    return tuple(located.policy for located in workspace.policies_of_text(path, text))


def rewritten_by_fixes(workspace: Workspace, results: Iterable[FixedFile]) -> list[Rewrite]:
    """The policies of a workspace, and what the fixer makes of them. Each file is looked at once."""
    by_path = {result.path: result for result in results}
    changed = {path: result.after for path, result in by_path.items() if result.after is not None}
    applied = workspace.applied_policies(everywhere=True)
    by_file: dict[str, list[LocatedPolicy]] = {}
    for located in workspace.policies():
        by_file.setdefault(located.path, []).append(located)
    after: dict[int, Policy] = {}
    for path, text in changed.items():
        own = by_file.get(path)
        if own is None:
            continue  # A template, whose policies come of rendering it.
        policies = by_path[path].policies
        if policies is None:
            policies = _policies_of(workspace, path, text)
        for located, policy in zip(own, policies, strict=True):
            if policy.raw != located.policy.raw:
                after[id(located)] = policy
    for located in applied:
        if located.built is not None and not located.built.paths.isdisjoint(changed):
            made = located.built.with_texts(changed, located.policy.namespace)
            if made is not None and made.raw != located.policy.raw:
                after[id(located)] = made
    return [
        Rewrite(located, located.policy, after.get(id(located), located.policy), fixes_of(located, by_path))
        for located in applied
    ] + [Rewrite(located, located.policy, located.policy) for located in workspace.cluster_network_policies(None)]


def fixes_of(located: LocatedPolicy, results: Mapping[str, FixedFile]) -> tuple[str, ...]:
    """The passes that rewrote a policy."""
    files = sorted(located.built.paths) if located.built else [located.path]
    mine = [
        item.pass_id
        for item in (finding for file in files if file in results for finding in results[file].findings)
        if (located.built is not None or item.document == located.document.index)
        and item.name == located.policy.name
        and item.namespace == (located.policy.namespace or "")
    ]
    return tuple(dict.fromkeys(mine))


def rewritten_by_hand(workspace: Workspace, before: Path, names: Iterable[str], *, revision: str = "") -> list[Rewrite]:
    """The policies of a workspace beside those that stood at `before`, a file or folder like the one named.

    Both are as a cluster gets them, patched and filled in. A policy is the same one where kind, namespace and name are,
    first in the file of the same name, then in any file for the same cluster. What cannot be read is among the errors
    of the workspace, under its name in the `revision` that `before` is laid out from. Raises WorkspaceError.
    """
    left = policies_before(workspace, before, list(names), revision)
    now = [*workspace.applied_policies(everywhere=True), *workspace.cluster_network_policies(None)]
    pairs: dict[int, LocatedPolicy] = {}
    for alike in ((True, True), (True, False), (False, True)):
        known: dict[tuple[object, ...], list[LocatedPolicy]] = {}
        for old in left:
            known.setdefault(_key(workspace, old, *alike), []).append(old)
        for located in now:
            found = known.get(_key(workspace, located, *alike))
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


def _key(workspace: Workspace, located: LocatedPolicy, same_file: bool, same_cluster: bool) -> tuple[object, ...]:
    cluster = workspace.cluster_of(located) if same_cluster else None
    where = (located.path if same_file else "", cluster.name if cluster else "")
    return (*where, located.policy.kind, located.policy.namespace, located.policy.name)
