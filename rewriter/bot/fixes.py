"""What the fixer does to the manifests of a laid out tree."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rewriter import parallel
from rewriter.bot.token import ALL_VARIABLES
from rewriter.discovery import FoundFile, InputError
from rewriter.engine.results.result import FileResult
from rewriter.engine.run.fixer import Fixer, fixer_for
from rewriter.engine.run.run_options import Options
from rewriter.engine.run.workspace import Workspace
from rewriter.records import dataclass


@dataclass(frozen=True, slots=True)
class Fixes:
    """The results of one run over a tree, and what could not be read. `targets` maps a file to where it really is."""

    results: tuple[FileResult, ...]
    errors: tuple[InputError, ...]
    targets: dict[str, str]


@contextlib.contextmanager
def inside(tree: Path) -> Iterator[None]:
    """Works inside a tree: names of files are relative to it, and git finds it and no other repository."""
    hidden = {name: os.environ.pop(name) for name in list(os.environ) if _is_hidden(name)}
    try:
        with contextlib.chdir(tree):
            yield
    finally:
        os.environ.update(hidden)


def _is_hidden(name: str) -> bool:
    """Whether a variable would lead git elsewhere, or is a token, which reading files has no use for."""
    return name in ALL_VARIABLES or name in (
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
    )


def fixes_of(workspace: Workspace, options: Options, jobs: int) -> Fixes:
    """Treats every file of a workspace; nothing is written."""
    fixer = fixer_of(workspace, options)
    results = list(parallel.each(workspace.files, lambda item: fixer.fix_file(*item), jobs))
    errors = [*workspace.errors, *(error for result in results for error in result.errors)]
    targets = {result.path: _target(result.path) for result in results if result.changed}
    return Fixes(tuple(results), tuple(errors), targets)


def fixer_of(workspace: Workspace, options: Options) -> Fixer:
    return fixer_for(workspace, options)


def _target(path: str) -> str:
    """The file that a path names in the tree: through symlinks inside it, the one that holds the bytes."""
    return os.path.relpath(os.path.realpath(path), os.path.realpath("."))


def part_of(result: FileResult, documents: frozenset[int], fixer: Fixer) -> FileResult | None:
    """A result cut down to the changes of some documents; None where the documents cannot be parted.

    They can when the fixer, given the part, would go on to exactly the whole: that proves the part.
    """
    changed = sorted({item.location.document for item in result.findings if item.fixed})
    if len(changed) != len(result.changes):
        return None
    kept = tuple(change for number, change in zip(changed, result.changes, strict=True) if number in documents)
    findings = tuple(item for item in result.findings if item.location.document in documents or not item.fixed)
    part = replace(result, changes=kept, findings=findings)
    if kept == result.changes:
        return part
    rest = fixer.fix_file(FoundFile(result.path), part.after.encode("utf-8"))
    return part if rest.after == result.after and not rest.errors else None
