"""`cnpfix fleet`: the facts of many repositories together, then the findings and the requests of each."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from rewriter import patterns as re
from rewriter.cli.errors import UsageError
from rewriter.cli.options import write_file
from rewriter.cli.printing import say, warn
from rewriter.cli.progress import Progress
from rewriter.output.style import one_line

_SHARD = re.compile(r"(\d{1,6})/(\d{1,6})")


class Stage(StrEnum):
    ALL = "all"
    FACTS = "facts"
    FINDINGS = "findings"


def fleet(
    arguments: Annotated[
        list[str], typer.Argument(metavar="FILE", help="fleet.toml; or `merge` and the ledgers of shards.")
    ],
    workers: Annotated[
        int,
        typer.Option(
            "--workers",
            metavar="N",
            min=1,
            help="Number of steps that run at the same time.",
            show_default="the processors",
        ),
    ] = os.cpu_count() or 1,
    shard: Annotated[
        str | None, typer.Option("--shard", metavar="N/M", help="Only the N-th of M parts of the repositories.")
    ] = None,
    stage: Annotated[
        Stage,
        typer.Option(
            "--stage", help="Run one stage only: read the facts, or make findings from the facts of the last run."
        ),
    ] = Stage.ALL,
    dask: Annotated[
        str | None,
        typer.Option("--dask", metavar="ADDRESS", help="Run the steps on the Dask cluster whose scheduler is there."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="With merge: the ledger of all shards.")
    ] = None,
) -> int:
    """Check many repositories together: first their facts, then the findings of each on the facts of all.

    `fleet.toml` names the repositories and a `work` folder, which holds clones, facts, findings, `ledger.jsonl`,
    `fleet.json` and `fleet.html`. A run continues where the last one stopped. cnpfix opens pull requests only with
    `enabled = true` under `[pr]`.
    `fleet merge LEDGER... -o FILE` joins the ledgers of shards. Exit codes: 0 fine, 2 usage, or a failed repository.
    """
    from rewriter.fleet.settings import FleetError

    try:
        if arguments[0] == "merge":
            return _merge([Path(name) for name in arguments[1:]], output)
        if len(arguments) != 1 or output is not None:
            raise UsageError("fleet: expected one file, as in `cnpfix fleet fleet.toml`; --output goes with merge")
        return _run(Path(arguments[0]), workers, _shard(shard), stage, dask)
    except FleetError as error:
        raise UsageError(str(error)) from None


def _shard(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    found = _SHARD.fullmatch(text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise UsageError(f"--shard {text}: expected N/M with N from 1 to M, as in 3/16")
    return int(found[1]) - 1, int(found[2])


def _run(file: Path, workers: int, shard: tuple[int, int] | None, stage: Stage, dask: str | None) -> int:
    from rewriter.bot.retry import Clock
    from rewriter.cilium.version import SUPPORTED
    from rewriter.config.table import is_release
    from rewriter.fleet.executors import Threads, dask_at
    from rewriter.fleet.ledger import FAILED, Entry, newest
    from rewriter.fleet.report import as_json, as_lines, as_page, results
    from rewriter.fleet.repositories import repositories
    from rewriter.fleet.run import FleetRun, Places, only_run
    from rewriter.fleet.settings import read_settings

    settings = read_settings(file)
    for key, release in (("from", settings.from_version), ("to", settings.to_version)):
        if release is not None and not is_release(release):
            raise UsageError(f"{file}: {key}: expected one of {', '.join(map(str, SUPPORTED))}")
    places = Places(settings.work.absolute(), shard)
    with ExitStack() as stack:
        stack.enter_context(only_run(places))
        everything = repositories(settings.sources, Clock(), os.environ)
        if not everything:
            raise UsageError(
                f"{file}: the sources name no repository; expected one that is not archived or empty, has a name that "
                "`match` fits, and that the token may read"
            )
        mine = [repository for repository in everything if repository.of_shard(shard)]
        executor = stack.enter_context(dask_at(dask)) if dask else Threads(workers)
        progress = stack.enter_context(Progress("repositories", len(mine) * (2 if stage is Stage.ALL else 1)))

        def ended(entry: Entry) -> None:
            progress.step(1)
            if entry.outcome == FAILED:
                warn(one_line(f"{entry.repository}: {entry.step}: {entry.reason}"))

        run = FleetRun(settings, places, executor, ended)
        if stage is not Stage.FINDINGS:
            run.facts(mine)
        if stage is not Stage.FACTS:
            digest = run.merge(everything)
            steps = run.findings(mine, digest)
            if settings.requests:
                run.requests(steps, time.time())
    found = results(mine, places, newest(places.ledger.entries()))
    name = "fleet" if shard is None else f"fleet-{shard[0] + 1}-of-{shard[1]}"
    write_file(places.work / f"{name}.json", json.dumps(as_json(found), indent=1) + "\n")
    write_file(places.work / f"{name}.html", as_page(found))
    say([one_line(line) for line in as_lines(found)])
    say([f"{places.work / name}.html and .json hold the report"])
    return 2 if any(result.state == FAILED or result.request.startswith(FAILED) for result in found) else 0


def _merge(files: list[Path], output: Path | None) -> int:
    from rewriter.fleet.ledger import Ledger, newest

    if not files or output is None:
        raise UsageError(
            "fleet merge: give the ledgers and -o FILE, as in `fleet merge ledger-*.jsonl -o ledger.jsonl`"
        )
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        raise UsageError(f"{missing[0]}: no such file; expected a ledger of `cnpfix fleet`")
    ledgers = [(file, Ledger(file).entries()) for file in files]
    for file, lines in ledgers:
        if not lines and file.stat().st_size:
            raise UsageError(f"{file}: holds no line of a ledger; expected one of `cnpfix fleet`")
    entries = [entry for _, lines in ledgers for entry in lines]
    joined = Ledger(output)
    known = set(joined.entries())
    for entry in sorted(dict.fromkeys(entries), key=lambda entry: (entry.at, entry.repository, entry.step)):
        if entry not in known:
            joined.add(entry)
    print(f"{output}: {len(newest(joined.entries()))} steps of {len(files)} ledgers", file=sys.stderr)
    return 0
