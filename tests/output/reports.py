"""Reports of golden cases and of made trees, as the command line makes them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from rewriter.cli import fix_run
from rewriter.engine.results.result import FileResult, Report
from rewriter.engine.run.opening import open_workspace
from rewriter.engine.run.run_options import Options
from rewriter.engine.run.workspace import Request, Workspace

GOLDEN = Path(__file__).parent.parent.parent / "golden"
CASES = sorted(path.parent for path in GOLDEN.glob("*/*/input.*"))


def report_of(paths: Sequence[Path], *, config: Path | None = None) -> tuple[Report, list[FileResult], Workspace]:
    """The dry run's report on files and folders, unsafe fixes included; its parts, and what it was made from."""
    request = Request(names=tuple(str(path) for path in paths), config_file=config)
    workspace = open_workspace(request, lambda _count: None)
    options = Options(workspace.from_version, workspace.to_version, unsafe_fixes=True)
    results = fix_run.preview(workspace, options, jobs=1)
    return fix_run.make_report(workspace, results), results, workspace


def apart(case: Path, folder: Path) -> Path:
    """A copy of a golden case in a new folder, outside this checkout.

    In place, every file of the checkout would be read for facts, and the time grow with the square of the cases.
    """
    return shutil.copytree(case, folder / "repository")


def report_of_case(case: Path) -> Report:
    """The report on a golden case with its config."""
    config = case / "cnpfix.toml"
    names = [path for path in sorted(case.iterdir()) if path.name.startswith("input.") or path.name == "tree"]
    return report_of(names, config=config if config.exists() else None)[0]
