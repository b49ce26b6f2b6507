"""Which reports a run prints, and where to: `--format` and `--output`, each as often as wanted."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TextIO

from rewriter.cli.errors import UsageError
from rewriter.cli.options import refuse_manifest, write_file
from rewriter.cli.printing import warn
from rewriter.engine.results.result import Report
from rewriter.output.style import style_for
from rewriter.records import dataclass

#: Formats for people: they follow the width and the colours of a terminal.
_FOR_PEOPLE = ("text", "concise")
#: Reports that are a list of findings and have no place for anything else.
_WITHOUT_NUMBERS = ("gitlab",)


class Mode(StrEnum):
    DRY_RUN = "dry-run"
    WRITE = "write"
    CHECK = "check"


@dataclass(frozen=True, slots=True)
class Printing:
    """How a run is shown. `screen` is the format of stdout, `files` are the reports that go to files.

    `everything` shows each finding in full and by itself; `diffs` says that diffs were asked for, however long.
    """

    screen: str = "text"
    files: tuple[tuple[str, Path], ...] = ()
    color: str = "auto"
    quiet: bool = False
    everything: bool = False
    statistics: bool = False
    diffs: bool = False


#: So wide are lines on stderr, which begin with the name of the command.
_TOLD = 80 - len("cnpfix: ")


def chosen(formats: Sequence[str], outputs: Sequence[Path], mode: Mode) -> tuple[str, tuple[tuple[str, Path], ...]]:
    """The format of stdout, and the format of each file. Raises UsageError.

    The n-th `--output` takes the n-th `--format`. A format without a file is for stdout; without one, stdout gets text
    (one line a finding under --check).
    """
    default = "concise" if mode is Mode.CHECK else "text"
    if len(outputs) > max(1, len(formats)):
        raise UsageError(f"--output is given {len(outputs)} times and --format {len(formats)}; give a format for each")
    if len(formats) > len(outputs) + 1:
        raise UsageError("only one --format goes to stdout; give an --output FILE for each of the others")
    for output in outputs:
        refuse_manifest("--output", output)
    paired = list(zip(formats or (default,), outputs, strict=False))
    screen = formats[len(outputs)] if len(formats) > len(outputs) else default
    return screen, tuple(paired)


def print_report(report: Report, mode: Mode, printing: Printing, stream: TextIO | None = None) -> None:
    """The reports of a run, its errors, and its last lines. `stream` stands in the place of stdout."""
    out = stream or sys.stdout
    for name, path in printing.files:
        write_file(path, rendered(report, name, printing, None))
    out.write(rendered(report, printing.screen, printing, out))
    out.flush()
    print_errors(report, verbose=printing.everything)
    if printing.quiet:
        return
    if printing.screen == "text":
        return
    from rewriter.output.ending import ending, summed_up

    if printing.screen == "concise":
        lines = ending(report, _TOLD)
    else:  # Most reports have the numbers themselves; what a clean one would hide goes to stderr.
        nothing = not (report.summary.policies or report.findings or report.errors)
        missing = nothing or report.not_checked or printing.screen in _WITHOUT_NUMBERS
        lines = summed_up(report, _TOLD) if missing else []
    for line in lines:
        warn(line)


def rendered(report: Report, name: str, printing: Printing, stream: TextIO | None) -> str:
    """A report as one text; `stream` is what it is for, None where that is a file."""
    if name not in _FOR_PEOPLE:
        from rewriter.output import render

        return render(report, name)
    style = style_for(stream or sys.stdout, printing.color if stream else "never", fixed=None if stream else 100)
    if name == "concise":
        from rewriter.output import concise

        return concise.render(report, style, quiet=printing.quiet, statistics=printing.statistics)
    from rewriter.output import text

    asked = text.Asked(printing.quiet, printing.everything, printing.statistics, printing.diffs)
    return text.render(report, style, asked)


def print_errors(report: Report, *, verbose: bool = False) -> None:
    """One line on stderr for each file or document that could not be treated; if `verbose` with its traceback."""
    for error in report.errors:
        warn(error)
        for line in error.details.splitlines() if verbose else ():
            warn(line)
