"""`cnpfix report`: one HTML page for a reviewer."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rewriter.cli.options import (
    CacheDir,
    Config,
    DiffBase,
    FromVersion,
    Ignore,
    Inventory,
    Jobs,
    NoCache,
    Paths,
    Select,
    ToVersion,
    cache_for,
    open_for,
    options_for,
    refuse_manifest,
    write_file,
)

#: Of the last line without the name of the page.
_WIDTH = 66


def report(
    paths: Paths = None,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="The page; `-` prints it.")] = Path(
        "report.html"
    ),
    from_version: FromVersion = None,
    to_version: ToVersion = None,
    unsafe_fixes: Annotated[
        bool, typer.Option("--unsafe-fixes", help="Show the page as if the unsafe fixes were made, too.")
    ] = False,
    select: Select = None,
    ignore: Ignore = None,
    inventory: Inventory = None,
    config: Config = None,
    diff_base: DiffBase = None,
    jobs: Jobs = 0,
    cache_dir: CacheDir = None,
    no_cache: NoCache = False,
) -> int:
    """Write one self-contained HTML page: what would change, why, and who may talk to whom before and after."""
    from rewriter.cli import fix_run, reports
    from rewriter.cli.printing import say, warn
    from rewriter.engine.run.pictures import pictures
    from rewriter.engine.run.workspace import Request
    from rewriter.output import html_report
    from rewriter.output.ending import summed_up
    from rewriter.output.style import one_line

    request = Request(
        names=tuple(paths or (".",)),
        config_file=config,
        from_version=from_version,
        to_version=to_version,
        inventories=tuple(inventory or ()),
        cache=cache_for(cache_dir, none=no_cache),
        diff_base=diff_base,
    )
    workspace = open_for(request)
    options = options_for(workspace, select, ignore, unsafe_fixes=unsafe_fixes)
    results = fix_run.preview(workspace, options, jobs)
    made = fix_run.make_report(workspace, results)
    clusters = {
        result.path: cluster.name
        for result in results
        if (cluster := workspace.inventory.cluster_of(result.path)) is not None
    }
    page = html_report.render(made, pictures(workspace, results), clusters)
    workspace.keep()
    if str(output) == "-":
        sys.stdout.write(page)
        sys.stdout.flush()
    else:
        refuse_manifest("--output", output)
        write_file(output, page)
    reports.print_errors(made)
    *listed, last = summed_up(made, _WIDTH)
    if str(output) == "-":
        for line in (*listed, last):
            warn(line)
    else:
        say([*listed, one_line(f"{output}: {last}")])
    return 2 if made.errors else 0
