"""The fixer: `cnpfix [PATH]...`."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from rewriter.cli.commands import refuse_unknown_command
from rewriter.cli.completion import first_words
from rewriter.cli.errors import UsageError
from rewriter.cli.options import (
    FACTS,
    FILES,
    PASSES,
    PATHS,
    REPORT,
    CacheDir,
    Color,
    ColorOption,
    Config,
    Context,
    DiffBase,
    FromVersion,
    Ignore,
    Inventory,
    Jobs,
    NoCache,
    Render,
    RenderFetch,
    Select,
    ToVersion,
    Values,
    cache_for,
    known_findings,
    open_for,
    options_for,
    plugin_alone,
    refuse_manifest,
    tell_facts,
)


class Format(StrEnum):
    TEXT = "text"
    CONCISE = "concise"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"
    GITLAB = "gitlab"
    MARKDOWN = "markdown"
    JUNIT = "junit"


def fix(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar=PATHS,
            help="Files and folders; `-` reads stdin, and without --dry-run or --check writes stdout. Default: `.`",
            show_default=False,
            autocompletion=first_words,
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Print findings and diffs, change nothing (the default)."),
    ] = False,
    write: Annotated[
        bool,
        typer.Option(
            "--write",
            help="Apply the fixes that are safe (they change no traffic) or evident (facts support what they change).",
        ),
    ] = False,
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing; exit 1 if a file would change or an error remains."),
    ] = False,
    allow_empty: Annotated[
        bool,
        typer.Option("--allow-empty", help="With --check: folders in which there is no policy are fine."),
    ] = False,
    unsafe_fixes: Annotated[
        bool,
        typer.Option("--unsafe-fixes", help="Also apply the unsafe fixes: what they guess may not be what was meant."),
    ] = False,
    diff_base: DiffBase = None,
    stdin_filename: Annotated[
        str | None,
        typer.Option(
            "--stdin-filename",
            metavar="NAME",
            help="The name that `-` has in reports, and for settings by path.",
            rich_help_panel=FILES,
        ),
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option(
            "--baseline",
            metavar="FILE",
            help="Hide the findings that this file records, and do not fix them.",
            rich_help_panel=FILES,
        ),
    ] = None,
    write_baseline: Annotated[
        bool,
        typer.Option("--write-baseline", help="Write today's findings to the --baseline file.", rich_help_panel=FILES),
    ] = False,
    from_version: FromVersion = None,
    to_version: ToVersion = None,
    select: Select = None,
    ignore: Ignore = None,
    as_clusterwide: Annotated[
        bool,
        typer.Option(
            "--as-clusterwide",
            help="Offer to make policies that are meant for every namespace clusterwide.",
            rich_help_panel=PASSES,
        ),
    ] = False,
    inventory: Inventory = None,
    context: Context = None,
    live: Annotated[
        bool,
        typer.Option(
            "--live",
            help="Check the policies of a live cluster instead of files: kubectl reads them from --context, or from "
            "the current context. --output DIR receives the fixed manifests.",
            rich_help_panel=FACTS,
        ),
    ] = False,
    render: Render = None,
    render_fetch: RenderFetch = False,
    values: Values = None,
    hubble: Annotated[
        list[Path] | None,
        typer.Option(
            "--hubble",
            metavar="FILE",
            help="Flows that Hubble saw, from `hubble observe -o json`, plain or gzip; repeatable.",
            rich_help_panel=FACTS,
        ),
    ] = None,
    agent_log: Annotated[
        list[Path] | None,
        typer.Option(
            "--agent-log",
            metavar="FILE",
            help="A log of Cilium's agents, which names the policies that they refuse; repeatable.",
            rich_help_panel=FACTS,
        ),
    ] = None,
    config: Config = None,
    format_: Annotated[
        list[Format] | None,
        typer.Option(
            "--format",
            metavar="NAME",
            help="text, concise (one line a finding, the default of --check), json, sarif, github, gitlab, markdown or "
            "junit; repeatable with --output.",
            rich_help_panel=REPORT,
        ),
    ] = None,
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "--output",
            metavar="FILE",
            help="Write the report to a file; the terminal still gets the text. Repeatable, one for each --format.",
            rich_help_panel=REPORT,
        ),
    ] = None,
    statistics: Annotated[
        bool,
        typer.Option("--statistics", help="Add a table of the findings by pass.", rich_help_panel=REPORT),
    ] = False,
    quiet: Annotated[
        bool,
        typer.Option(
            "--quiet",
            "-q",
            help="Leave out notes, which are the mildest findings, and the summary.",
            rich_help_panel=REPORT,
        ),
    ] = False,
    verbose: Annotated[
        int,
        typer.Option(
            "--verbose",
            "-v",
            count=True,
            metavar="",
            help="Show every finding in full; on stderr the facts, the doubts, and the traceback of what failed.",
            show_default=False,
            rich_help_panel=REPORT,
        ),
    ] = 0,
    color: ColorOption = Color.AUTO,
    jobs: Jobs = 0,
    cache_dir: CacheDir = None,
    no_cache: NoCache = False,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> int:
    """Find Cilium network policies that do not do what they say, and rewrite them with the smallest diff.

    Without --write and --check it is a dry run. Exit codes: 0 fine, 1 under --check if a file would change or an
    error remains, 2 usage, unreadable input or a proof that failed.
    """
    if version:
        from rewriter import __version__

        print(f"cnpfix {__version__}")
        return 0
    if write + check + dry_run > 1:
        raise UsageError("--dry-run, --write and --check exclude each other; give one of them")
    if write_baseline:
        _refuse_baseline(baseline, other_mode=write or check)
    live = live or plugin_alone(paths)
    names = tuple(paths or (".",))
    if live:
        _refuse_beside_live(paths, write=write)
    else:
        _refuse_names(names)
    from rewriter.cli import fix_run, reports
    from rewriter.engine.run.workspace import Request

    mode = reports.Mode.WRITE if write else reports.Mode.CHECK if check else reports.Mode.DRY_RUN
    outputs = () if live else output or ()
    screen, files = reports.chosen([report_format.value for report_format in format_ or ()], outputs, mode)
    printing = reports.Printing(
        screen, files, color.value, quiet, everything=verbose > 0, statistics=statistics, diffs=dry_run
    )

    request = Request(
        names=names,
        config_file=config,
        from_version=from_version,
        to_version=to_version,
        inventories=tuple(inventory or ()),
        contexts=tuple(context or ()),
        render=None if render is None else render.value,
        render_fetch=render_fetch,
        values=tuple(values or ()),
        hubble=tuple(hubble or ()),
        agent_logs=tuple(agent_log or ()),
        diff_base=diff_base,
        stdin_name=stdin_filename,
        cache=cache_for(cache_dir, none=no_cache),
        jobs=jobs,
    )
    if live:
        from rewriter.cli.live import run_live

        chosen = partial(options_for, select=select, ignore=ignore, unsafe_fixes=unsafe_fixes)
        return run_live(request, chosen, mode, printing, tuple(output or ()), jobs, allow_empty=allow_empty)
    workspace = open_for(request)
    if verbose:
        tell_facts(workspace)
    options = replace(
        options_for(workspace, select, ignore, unsafe_fixes=unsafe_fixes),
        as_clusterwide=as_clusterwide,
        baseline=known_findings(None if write_baseline else baseline),
    )
    if write_baseline and baseline is not None:
        return fix_run.run_baseline(workspace, options, baseline, jobs)
    if names == ("-",):
        name = stdin_filename or "stdin.yaml"
        return fix_run.run_stdin(workspace, options, mode, printing, name, as_filter=not (dry_run or check))
    return fix_run.run_files(workspace, options, mode, printing, jobs, allow_empty=allow_empty)


def _refuse_baseline(baseline: Path | None, *, other_mode: bool) -> None:
    if baseline is None or other_mode:
        raise UsageError("--write-baseline needs --baseline FILE, and neither --write nor --check")
    refuse_manifest("--baseline", baseline)


def _refuse_beside_live(paths: list[str] | None, *, write: bool) -> None:
    if paths:
        raise UsageError("--live takes no paths; give --context")
    if write:
        raise UsageError("--live writes nothing to a cluster; --output DIR takes the fixed manifests")


def _refuse_names(names: tuple[str, ...]) -> None:
    if "-" in names and len(names) > 1:
        raise UsageError("`-` stands alone; give either `-` or paths")
    refuse_unknown_command(next(iter(names)))
