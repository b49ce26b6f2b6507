"""`cnpfix impact`: what an upgrade changes for traffic, and what of it is left after the fixes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rewriter.cli.errors import UsageError
from rewriter.cli.options import (
    FILES,
    REPORT,
    CacheDir,
    Color,
    ColorOption,
    Config,
    Context,
    FromVersion,
    Inventory,
    Jobs,
    NoCache,
    Paths,
    ToVersion,
    cache_for,
    open_for,
    options_for,
    refuse_manifest,
    warn_of_files_beside,
    write_file,
)
from rewriter.cli.printing import warn

if TYPE_CHECKING:
    from rewriter.discovery import FoundFile
    from rewriter.engine.run.impact_result import Impact
    from rewriter.engine.run.rewrites import FixedFile, Rewrite
    from rewriter.engine.run.run_options import Options
    from rewriter.engine.run.workspace import Request, Workspace


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


def impact(
    paths: Paths = None,
    from_version: FromVersion = None,
    to_version: ToVersion = None,
    unsafe_fixes: Annotated[
        bool, typer.Option("--unsafe-fixes", help="Count the unsafe fixes, whose intent is a guess, too.")
    ] = False,
    inventory: Inventory = None,
    context: Context = None,
    config: Config = None,
    format_: Annotated[
        Format, typer.Option("--format", help="The form of the report.", rich_help_panel=REPORT)
    ] = Format.TEXT,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", metavar="FILE", help="Write the report to this file instead of stdout.", rich_help_panel=REPORT
        ),
    ] = None,
    before: Annotated[
        Path | None,
        typer.Option(
            "--before",
            metavar="PATH|REV",
            help="The policies before a rewrite by hand, in a file, a folder or a git revision: judge that rewrite in "
            "place of the fixes.",
            rich_help_panel=FILES,
        ),
    ] = None,
    exit_code: Annotated[
        bool,
        typer.Option(
            "--exit-code", help="Exit 1 if the upgrade breaks something that no fix restores.", rich_help_panel=REPORT
        ),
    ] = False,
    jobs: Jobs = 0,
    cache_dir: CacheDir = None,
    no_cache: NoCache = False,
    color: ColorOption = Color.AUTO,
) -> int:
    """Say which flows an upgrade changes if nothing is done, and which of them are left after the fixes.

    `--before OLD NEW` judges a rewrite by hand in place of the fixes: which rules it adds, removes or changes, and
    which flows change from OLD on the Cilium of `--from` to NEW on that of `--to`. OLD and NEW are two files or two
    folders; or OLD is a git revision such as `main`, and is compared with NEW as it is now.

    cnpfix judges each policy by itself, over every identity that its selectors distinguish, and all policies together
    between the known workloads: egress in the source's cluster, ingress in the destination's. It marks flows of pods
    that could exist but are not known, and counts them separately. It changes no manifest.
    Exit codes: 0 fine, 1 with --exit-code if flows close or policies stop being enforced in spite of the fixes (flows
    of pods that are not known count only where facts may be missing), 2 usage, unreadable input or a proof that failed.
    """
    from rewriter.cli.progress import Progress
    from rewriter.engine.run.workspace import Request

    request = Request(
        names=tuple(paths or (".",)),
        config_file=config,
        from_version=from_version,
        to_version=to_version,
        inventories=tuple(inventory or ()),
        cache=cache_for(cache_dir, none=no_cache),
        contexts=tuple(context or ()),
        keeps_results=before is None,
    )
    workspace = open_for(request)
    if before is None:
        found = _after_fixes(request, workspace, jobs, unsafe_fixes=unsafe_fixes)
    else:
        from rewriter.engine.run.impact import impact_of

        rewrites = _by_hand(workspace, before)
        with Progress("comparing", None) as progress:
            found = impact_of(workspace, rewrites, progress.step, jobs, by_hand=True)
    versions = (workspace.from_version.in_full, workspace.to_version.in_full)
    text = _rendered(found, versions, format_, color, to_file=output is not None)
    if output is None:
        sys.stdout.write(text)
    else:
        refuse_manifest("--output", output)
        write_file(output, text)
    workspace.keep()
    warn_of_files_beside(workspace)
    for problem in found.errors:
        warn(problem)
    if found.errors:
        return 2
    return 1 if exit_code and found.breaks else 0


def _rendered(found: Impact, versions: tuple[str, str], format_: Format, color: Color, *, to_file: bool) -> str:
    from rewriter.output import impact_report, impact_text
    from rewriter.output.style import style_for

    if format_ is Format.JSON:
        return impact_report.render_json(found, versions)
    if format_ is Format.MARKDOWN:
        return impact_report.render_markdown(found, versions)
    style = style_for(sys.stdout, color.value)
    return impact_text.render(found, versions, replace(style, color=style.color and not to_file))


def _by_hand(workspace: Workspace, before: Path) -> list[Rewrite]:
    """What became of the policies that stood at a path, or in a git revision where no such path is there."""
    from rewriter.bot.errors import BotError
    from rewriter.cli.revision import at_revision
    from rewriter.engine.run.rewrites import rewritten_by_hand
    from rewriter.engine.run.workspace import WorkspaceError

    names = list(workspace.names)
    try:
        if before.exists() or len(names) != 1 or names == ["-"]:
            return rewritten_by_hand(workspace, before, names)
        with at_revision(names[0], str(before)) as old:
            return rewritten_by_hand(workspace, old or before, names, revision=str(before) if old else "")
    except (WorkspaceError, BotError) as error:
        raise UsageError(str(error)) from None


def _after_fixes(request: Request, workspace: Workspace, jobs: int, *, unsafe_fixes: bool) -> Impact:
    """The impact on what the fixes make of each policy, as far as it is not known from an earlier run."""
    from rewriter.cli.progress import Progress
    from rewriter.engine.again.keeping import KeptImpact

    options = replace(options_for(workspace, unsafe_fixes=unsafe_fixes), only_fixes=True)
    kept = KeptImpact(request, workspace, options)
    known = kept.impact()
    if known is not None:
        return known
    from rewriter.engine.run.impact import JudgedRewrite, Together, impact_of
    from rewriter.engine.run.rewrites import rewritten_by_fixes
    from rewriter.evidence.resting import Answers

    answers = Answers() if kept.wanted else {}
    fixed = _fixed(workspace, options, answers, jobs)
    rewrites = rewritten_by_fixes(workspace, fixed)
    errors = [error for result in fixed for error in result.errors]
    fixed = [replace(result, policies=None) for result in fixed]  # They take much room.
    judged: list[tuple[Sequence[JudgedRewrite], Together]] = []
    note = (lambda each, together: judged.append((each, together))) if kept.wanted else None
    with Progress("comparing", None) as progress:
        found = impact_of(workspace, rewrites, progress.step, jobs, errors=errors, kept=note)
    for each, together in judged:
        kept.keep(found, fixed, each, together)
    return found


def _fixed(workspace: Workspace, options: Options, answers: dict[Any, Any], jobs: int) -> list[FixedFile]:
    """What the fixes make of each file."""
    from rewriter import parallel
    from rewriter.cli.progress import Progress
    from rewriter.engine.run.fixer import fixer_for
    from rewriter.engine.run.rewrites import fixed_file
    from rewriter.evidence.resting import Answers, Record, recording

    fixer = replace(fixer_for(workspace, options), answers=answers)

    def fix(item: tuple[FoundFile, bytes]) -> FixedFile:
        if not isinstance(answers, Answers):
            return fixed_file(workspace, fixer.fix_file(*item))
        with recording(Record()) as record:
            result = fixer.fix_file(*item)
        return fixed_file(workspace, result, record.parts)

    found = []
    with Progress("fixing", len(workspace.files)) as progress:
        for result in parallel.each(workspace.files, fix, jobs):
            found.append(result)
            progress.step()
    return found
