"""Runs the fixer for a command line: treat, write, report, exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from rewriter import __version__
from rewriter.cli.options import write_file
from rewriter.cli.printing import say, tell
from rewriter.cli.progress import Progress
from rewriter.discovery import MAX_BYTES, FoundFile, InputError
from rewriter.engine import parallel
from rewriter.engine.fixer import Fixer, Options, write_result
from rewriter.engine.observed import TrafficSummary
from rewriter.engine.once import reported_once
from rewriter.engine.result import FileResult, Report, Summary
from rewriter.engine.workspace import Workspace
from rewriter.output.lines import count
from rewriter.output.style import one_line, style_for

#: Policies that are in no file, told one a line.
_MOST_TOLD = 10


class Mode(StrEnum):
    DRY_RUN = "dry-run"
    WRITE = "write"
    CHECK = "check"


@dataclass(frozen=True, slots=True)
class Printing:
    """How the report is shown; `format` is a name of `output.FORMATS`."""

    format: str = "text"
    output: Path | None = None
    color: str = "auto"
    quiet: bool = False
    verbose: bool = False


def run_files(workspace: Workspace, options: Options, mode: Mode, printing: Printing, jobs: int) -> int:
    """Treats the files of a workspace, writes if asked, prints the report. Returns the exit code."""
    results = [
        write_result(found, data, result) if mode is Mode.WRITE else result
        for (found, data), result in zip(workspace.files, _treated(workspace, options, jobs), strict=True)
    ]
    report = replace(make_report(workspace, results), written=mode is Mode.WRITE)
    _print(report, mode, printing)
    return exit_code(report, mode)


def run_baseline(workspace: Workspace, options: Options, path: Path, jobs: int) -> int:
    """Writes a baseline that knows every finding of the workspace. Returns the exit code."""
    from rewriter.engine.baseline import baseline_text

    report = make_report(workspace, preview(workspace, options, jobs))
    write_file(path, baseline_text(report.findings, path))
    print_errors(report)
    say([one_line(f"{path}: {count(report.summary.findings, 'finding')} known from now on")])
    return 2 if report.errors else 0


def preview(workspace: Workspace, options: Options, jobs: int) -> list[FileResult]:
    """What the fixer would make of each file, in order."""
    return list(_treated(workspace, options, jobs))


def _treated(workspace: Workspace, options: Options, jobs: int) -> Iterator[FileResult]:
    fixer = _fixer(workspace, options)
    told = _dead_told(workspace)
    with Progress("checking", len(workspace.files)) as progress:
        for result in parallel.each(workspace.files, lambda item: fixer.treat(*item), jobs):
            yield told(result)
            progress.step()


def _dead_told(workspace: Workspace) -> Callable[[FileResult], FileResult]:
    """Adds what is known of policies that a cluster refused; those that are in no file are told on stderr."""
    if not workspace.dead:
        return lambda result: result
    from rewriter.engine.dead import DeadPolicies

    policies = DeadPolicies(workspace)
    elsewhere = policies.elsewhere
    for dead in elsewhere[:_MOST_TOLD]:
        name = "/".join(filter(None, (dead.namespace, dead.name)))
        tell(f"{name} is not in the files and not enforced: {dead.reason}, {dead.source}")
    if len(elsewhere) > _MOST_TOLD:
        tell(f"and {len(elsewhere) - _MOST_TOLD} more like it")
    return policies.told


def run_stdin(workspace: Workspace, options: Options, mode: Mode, printing: Printing, name: str) -> int:
    """Treats stdin as one file: its result goes to stdout, the report to stderr (or --output).

    Whatever is wrong with it, stdout gets the text back, so that an editor's buffer is never lost.
    """
    data = sys.stdin.buffer.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        sys.stdout.buffer.write(data)
        for part in iter(lambda: sys.stdin.buffer.read(1 << 20), b""):
            sys.stdout.buffer.write(part)
        result = FileResult(name, "", errors=(InputError(name, f"is more than {MAX_BYTES >> 20} MiB"),))
    else:
        result = _fixer(workspace, options).treat(FoundFile(name, explicit=True), data)
        sys.stdout.buffer.write(result.after.encode() if result.changed else data)
    sys.stdout.flush()
    workspace.scanned += 1
    report = make_report(workspace, [result])
    _print(report, mode, printing, stream=sys.stderr)
    return exit_code(report, mode)


def _fixer(workspace: Workspace, options: Options) -> Fixer:
    return Fixer(
        workspace.config, options, workspace.inventory, workspace.namespace_of, workspace.others, workspace.traffic
    )


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
        "from": str(workspace.from_version),
        "to": str(workspace.to_version),
    }
    changed = tuple(result for result in results if result.changed)
    return Report(summary, findings, changed, errors, tool, _traffic(workspace, results))


def _traffic(workspace: Workspace, results: Sequence[FileResult]) -> TrafficSummary | None:
    if workspace.traffic is None:
        return None
    from rewriter.engine.traffic import policies_after, summarised

    return summarised(workspace.traffic, workspace, policies_after(workspace, results))


def exit_code(report: Report, mode: Mode) -> int:
    """0 fine, 1 something to fix under --check, 2 input that could not be treated."""
    if report.errors:
        return 2
    if mode is Mode.CHECK and (report.files or report.unfixed_errors):
        return 1
    return 0


def _print(report: Report, mode: Mode, printing: Printing, stream: object = None) -> None:
    from rewriter.output import render, text

    out = sys.stdout if stream is None else sys.stderr
    if printing.format != "text":
        rendered = render(report, printing.format)
        if printing.output is None:
            out.write(rendered)
        else:
            write_file(printing.output, rendered)
    if printing.format == "text" or printing.output is not None:
        written = mode is Mode.WRITE
        shown = text.render(report, style_for(out, printing.color), written=written, quiet=printing.quiet)
        out.write(shown)
        if printing.format == "text" and printing.output is not None:
            plain = replace(style_for(out, "never"), width=100)
            write_file(printing.output, text.render(report, plain, written=written, quiet=printing.quiet))
    out.flush()
    print_errors(report, verbose=printing.verbose)


def print_errors(report: Report, *, verbose: bool = False) -> None:
    """One line on stderr for each file or document that could not be treated; if `verbose` with its traceback."""
    for error in report.errors:
        tell(error)
        for line in error.details.splitlines() if verbose else ():
            tell(line)
