"""The three functions of the library, on the engine that the command line uses."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cnpfix.types import (
    CnpfixError,
    FileChange,
    FileError,
    Finding,
    FlowChange,
    Impact,
    PolicyImpact,
    Result,
)

if TYPE_CHECKING:  # `import cnpfix` is cheap; the engine is imported by the first call.
    from rewriter.discovery import InputError
    from rewriter.engine.results.result import FileResult, Reported
    from rewriter.engine.run.fixer import Fixer
    from rewriter.engine.run.impact_result import Change
    from rewriter.engine.run.workspace import Workspace

PathLike = str | os.PathLike[str]


def check(
    *paths: PathLike,
    from_version: str | None = None,
    to_version: str | None = None,
    select: Iterable[str] | None = None,
    ignore: Iterable[str] = (),
    unsafe_fixes: bool = False,
    config: PathLike | None = None,
    inventories: Iterable[PathLike] = (),
) -> Result:
    """Finds policies that do not do what they say, and previews the fixes; nothing is written.

    `paths` are files and folders (default: the working folder). `from_version` and `to_version` are Cilium releases,
    such as "1.18"; the default is what the configuration and the facts say. `select` and `ignore` are ids or codes of
    passes, `unsafe_fixes` previews fixes whose intent is a guess as well. `config` is a `cnpfix.toml` (default: the
    nearest one upward), `inventories` are files of `cnpfix snapshot`. Raises CnpfixError.
    """
    workspace = _open(paths, from_version, to_version, config, inventories)
    return _result(workspace, _fixed(workspace, select, ignore, unsafe_fixes=unsafe_fixes))


def fix(
    *paths: PathLike,
    from_version: str | None = None,
    to_version: str | None = None,
    select: Iterable[str] | None = None,
    ignore: Iterable[str] = (),
    unsafe_fixes: bool = False,
    config: PathLike | None = None,
    inventories: Iterable[PathLike] = (),
) -> Result:
    """Rewrites files in place, as `cnpfix --write` does: each whole or not at all, and only what evidence supports.

    Takes what `check` takes. `changes` of the result are the files that were written; a file that cannot be written
    is among `errors`, and its findings are not `fixed`. Raises CnpfixError.
    """
    from rewriter.engine.run.write import write_result

    workspace = _open(paths, from_version, to_version, config, inventories)
    results = _fixed(workspace, select, ignore, unsafe_fixes=unsafe_fixes)
    written = [
        write_result(found, data, result) for (found, data), result in zip(workspace.files, results, strict=True)
    ]
    return _result(workspace, written)


def impact(
    *paths: PathLike,
    from_version: str | None = None,
    to_version: str | None = None,
    before: PathLike | None = None,
    unsafe_fixes: bool = False,
    config: PathLike | None = None,
    inventories: Iterable[PathLike] = (),
) -> Impact:
    """Which flows an upgrade changes, and which of them are left after the fixes; nothing is written.

    With `before`, a file or folder with the policies as they were, it judges what was made of them by hand in place of
    the fixes. The other arguments are those of `check`. Raises CnpfixError.
    """
    from rewriter.engine.run.impact import impact_of
    from rewriter.engine.run.rewrites import fixed_file, rewritten_by_fixes, rewritten_by_hand
    from rewriter.engine.run.workspace import WorkspaceError

    workspace = _open(paths, from_version, to_version, config, inventories)
    errors: list[InputError] = []
    if before is None:
        fixer = _fixer(workspace, None, (), unsafe_fixes=unsafe_fixes)
        results = [fixed_file(workspace, fixer.fix_file(found, data)) for found, data in workspace.files]
        rewrites = rewritten_by_fixes(workspace, results)
        errors = [error for result in results for error in result.errors]
    else:
        try:
            rewrites = rewritten_by_hand(workspace, Path(before), workspace.names)
        except WorkspaceError as error:
            raise CnpfixError(str(error)) from None
    found = impact_of(workspace, rewrites, by_hand=before is not None, errors=errors)
    policies = tuple(
        PolicyImpact(
            file=policy_impact.policy.path,
            line=policy_impact.line,
            kind=policy_impact.policy.policy.kind,
            namespace=policy_impact.policy.policy.namespace or "",
            name=policy_impact.policy.policy.name,
            cluster=policy_impact.cluster,
            upgrade=_flow_change(policy_impact.undone),
            after_fixes=_flow_change(policy_impact.fixed),
            fixes=policy_impact.fixes,
        )
        for policy_impact in found.policies
    )
    return Impact(policies, found.total, _errors(found.errors), str(workspace.from_version), str(workspace.to_version))


def _open(
    paths: Sequence[PathLike],
    from_version: str | None,
    to_version: str | None,
    config: PathLike | None,
    inventories: Iterable[PathLike],
) -> Workspace:
    from rewriter.config import ConfigError
    from rewriter.engine.run.opening import open_workspace
    from rewriter.engine.run.workspace import Request, WorkspaceError
    from rewriter.inventory.snapshots.form import SnapshotError

    names = tuple(os.fspath(path) for path in paths) or (".",)
    if "" in names:
        raise CnpfixError("an empty path: no such file or folder; name one, or `.` for all that is here")
    request = Request(
        names=names,
        config_file=None if config is None else Path(config),
        from_version=from_version,
        to_version=to_version,
        inventories=tuple(map(Path, inventories)),
    )
    try:
        return open_workspace(request, lambda _count: None)
    except (ConfigError, SnapshotError, WorkspaceError) as error:
        raise CnpfixError(str(error)) from None


def _fixed(
    workspace: Workspace, select: Iterable[str] | None, ignore: Iterable[str], *, unsafe_fixes: bool
) -> list[FileResult]:
    """What the fixer makes of each file, in order and in this process."""
    fixer = _fixer(workspace, select, ignore, unsafe_fixes=unsafe_fixes)
    return [fixer.fix_file(found, data) for found, data in workspace.files]


def _fixer(workspace: Workspace, select: Iterable[str] | None, ignore: Iterable[str], *, unsafe_fixes: bool) -> Fixer:
    from rewriter.engine.run.fixer import fixer_for
    from rewriter.engine.run.run_options import Options

    chosen = workspace.config.select if select is None else _pass_ids("select", select)
    options = Options(
        workspace.from_version,
        workspace.to_version,
        select=None if chosen is None else frozenset(chosen),
        ignore=frozenset(workspace.config.ignore) | _pass_ids("ignore", ignore),
        unsafe_fixes=unsafe_fixes,
    )
    return fixer_for(workspace, options)


def _pass_ids(argument: str, names: Iterable[str]) -> frozenset[str]:
    from rewriter.passes import PASS_IDS

    if isinstance(names, str):
        raise CnpfixError(f"{argument}: expected a list of ids, not the text {names!r}")
    found = set()
    for name in names:
        known = PASS_IDS.get(name) or PASS_IDS.get(name.upper())
        if known is None:
            raise CnpfixError(f"{argument}: {name!r} is not a pass; `cnpfix passes` lists them")
        found.add(known)
    return frozenset(found)


def _result(workspace: Workspace, results: Sequence[FileResult]) -> Result:
    from rewriter.engine.results.once import reported_once
    from rewriter.engine.run.not_checked import not_checked

    findings = reported_once([finding for result in results for finding in result.findings])
    errors = dict.fromkeys((*workspace.errors, *(error for result in results for error in result.errors)))
    return Result(
        tuple(map(_finding, findings)),
        tuple(FileChange(result.path, result.before, result.after) for result in results if result.changed),
        _errors(errors),
        sum(result.policies for result in results),
        str(workspace.from_version),
        str(workspace.to_version),
        tuple(map(str, not_checked(workspace, results))),
        workspace.warnings,
    )


def _finding(reported: Reported) -> Finding:
    finding, location = reported.finding, reported.location
    return Finding(
        code=finding.code,
        id=finding.id,
        severity=finding.severity,
        applicability=finding.applicability,
        message=finding.message,
        why=finding.why,
        evidence=finding.evidence,
        advice=finding.advice,
        file=location.file,
        line=location.line,
        column=location.column,
        kind=location.kind,
        namespace=location.namespace,
        name=location.name,
        fixed=reported.fixed,
        not_fixed=reported.not_fixed,
        opens=reported.flows.opened,
        closes=reported.flows.closed,
    )


def _flow_change(change: Change) -> FlowChange:
    return FlowChange(change.flows.opened, change.flows.closed, change.state, change.reason)


def _errors(errors: Iterable[InputError]) -> tuple[FileError, ...]:
    return tuple(
        FileError(error.path, "; ".join(filter(None, (error.message, error.hint))), error.line) for error in errors
    )
