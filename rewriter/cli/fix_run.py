"""Runs the fixer for a command line: treat, write, report, exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rewriter import __version__, parallel
from rewriter.cli.options import write_file
from rewriter.cli.printing import say, warn
from rewriter.cli.progress import Progress
from rewriter.cli.reports import Mode, Printing, print_errors, print_report
from rewriter.discovery import MAX_BYTES, FoundFile, InputError
from rewriter.engine.results.observed import TrafficSummary
from rewriter.engine.results.once import reported_once
from rewriter.engine.results.result import FileResult, Report, Summary
from rewriter.engine.run.fixer import fixer_for
from rewriter.engine.run.not_checked import not_checked
from rewriter.engine.run.run_options import Options
from rewriter.engine.run.unenforced import unenforced
from rewriter.engine.run.workspace import Workspace
from rewriter.engine.run.write import remove_leftovers, write_result
from rewriter.output.lines import count
from rewriter.output.style import one_line

#: Policies that are in no file, one a line.
_MOST_NAMED = 10


def run_files(
    workspace: Workspace, options: Options, mode: Mode, printing: Printing, jobs: int, *, allow_empty: bool = False
) -> int:
    """Treats the files of a workspace, writes if asked, prints the report. Returns the exit code."""
    if mode is Mode.WRITE:
        remove_leftovers(workspace.names)
    results = [
        write_result(found, data, result) if mode is Mode.WRITE else result
        for (found, data), result in zip(workspace.files, _fix_files(workspace, options, jobs), strict=True)
    ]
    report = replace(make_report(workspace, results), written=mode is Mode.WRITE)
    print_report(report, mode, printing)
    empty = nothing_to_check(workspace, report) if mode is Mode.CHECK and not allow_empty else ""
    if empty:
        warn(empty)
    workspace.keep()
    return 2 if empty else exit_code(report, mode)


def run_baseline(workspace: Workspace, options: Options, path: Path, jobs: int) -> int:
    """Writes a baseline that knows every finding of the workspace. Returns the exit code."""
    from rewriter.engine.results.baseline import baseline_text

    report = make_report(workspace, preview(workspace, options, jobs))
    write_file(path, baseline_text(report.findings, path))
    print_errors(report)
    workspace.keep()
    say([one_line(f"{path}: {count(report.summary.findings, 'finding')} known from now on")])
    return 2 if report.errors else 0


def preview(workspace: Workspace, options: Options, jobs: int) -> list[FileResult]:
    """What the fixer would make of each file, in order."""
    return list(_fix_files(workspace, options, jobs))


def _fix_files(workspace: Workspace, options: Options, jobs: int) -> Iterator[FileResult]:
    fixer = fixer_for(workspace, options, workspace.traffic)
    for line in unenforced(workspace):
        warn(line)
    explained = _dead_explained(workspace)
    with Progress("checking", len(workspace.files)) as progress:
        for result in parallel.each(workspace.files, lambda item: fixer.fix_file(*item), jobs):
            yield explained(result)
            progress.step()


def _dead_explained(workspace: Workspace) -> Callable[[FileResult], FileResult]:
    """Adds what is known of policies that a cluster refused; stderr names those that are in no file."""
    if not workspace.dead:
        return lambda result: result
    from rewriter.engine.run.dead import DeadPolicies

    policies = DeadPolicies(workspace)
    elsewhere = policies.elsewhere
    for dead in elsewhere[:_MOST_NAMED]:
        name = "/".join(filter(None, (dead.namespace, dead.name)))
        warn(f"{name} is not in the files and not enforced: {dead.reason}, {dead.source}")
    if len(elsewhere) > _MOST_NAMED:
        warn(f"and {len(elsewhere) - _MOST_NAMED} more like it")
    return policies.explained


def run_stdin(
    workspace: Workspace, options: Options, mode: Mode, printing: Printing, name: str, *, as_filter: bool
) -> int:
    """Treats stdin as one file.

    As a filter its result goes to stdout and the report to stderr (or --output): whatever is wrong with it, stdout
    gets the text back, so that an editor's buffer is never lost. Otherwise stdout gets the report and never the text.
    """
    data = sys.stdin.buffer.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        if as_filter:
            sys.stdout.buffer.write(data)
        for part in iter(lambda: sys.stdin.buffer.read(1 << 20), b""):
            if as_filter:
                sys.stdout.buffer.write(part)
        result = FileResult(name, "", errors=(InputError(name, f"is more than {MAX_BYTES >> 20} MiB"),))
    else:
        result = fixer_for(workspace, options, workspace.traffic).fix_file(FoundFile(name, explicit=True), data)
        if as_filter:
            sys.stdout.buffer.write(result.after.encode() if result.changed else data)
    sys.stdout.flush()
    workspace.scanned += 1
    report = replace(make_report(workspace, [result]), written=as_filter)
    print_report(report, mode, printing, stream=sys.stderr if as_filter else None)
    workspace.keep()
    return exit_code(report, mode)


def make_report(workspace: Workspace, results: Sequence[FileResult]) -> Report:
    """The report over all results, files in the order in which they were read."""
    findings = reported_once([finding for result in results for finding in result.findings])
    errors = tuple(dict.fromkeys((*workspace.errors, *(error for result in results for error in result.errors))))
    summary = Summary(
        files=workspace.scanned,
        policies=sum(result.policies for result in results),
        findings=len(findings),
        fixed=sum(finding.fixed for finding in findings),
        errors=len(errors),
        known=sum(result.known for result in results),
    )
    tool = {
        "name": "cnpfix",
        "version": __version__,
        "from": workspace.from_version.in_full,
        "to": workspace.to_version.in_full,
        "versions": workspace.versions,
    }
    return Report(
        summary,
        findings,
        tuple(result for result in results if result.changed),
        errors,
        tool,
        _traffic(workspace, results),
        under=", ".join(workspace.names),
        holders=sum(bool(result.policies or result.findings) for result in results),
        not_checked=not_checked(workspace, results),
        texts={result.path: result.before for result in results if result.findings},
    )


def _traffic(workspace: Workspace, results: Sequence[FileResult]) -> TrafficSummary | None:
    if workspace.traffic is None:
        return None
    from rewriter.engine.run.traffic_of_run import summarised

    return summarised(workspace.traffic, workspace, results)


def nothing_to_check(workspace: Workspace, report: Report) -> str:
    """One line where a check would be green because there was nothing to check; empty where there was something.

    Files that are named one by one, as hooks do it, may hold no policy. So may the working folder as a whole, which
    is what a workflow for many repositories names, if it holds any manifest. A folder that is named is one in which
    policies are expected.
    """
    if report.summary.policies or report.findings or report.errors or workspace.narrowed:
        return ""
    folders = [name for name in workspace.names if Path(name).is_dir()]
    named = [name for name in folders if Path(name).resolve() != Path.cwd()]
    if not folders or (workspace.scanned and not named):
        return ""
    excluded = "; `exclude` of the configuration leaves files out" if workspace.config.exclude else ""
    return (
        f"no policies found under {', '.join(folders)}{excluded}; name the folder that has them, or give --allow-empty"
    )


def exit_code(report: Report, mode: Mode) -> int:
    """0 fine, 1 something to fix under --check, 2 input that could not be treated."""
    if report.errors:
        return 2
    if mode is Mode.CHECK and (report.files or report.unfixed_errors):
        return 1
    return 0
