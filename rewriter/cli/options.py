"""What several commands share."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rewriter import patterns as re
from rewriter.cli.errors import UsageError
from rewriter.cli.pass_names import selection

if TYPE_CHECKING:  # Help and answers about passes need none of it.
    from rewriter.cache import CacheFolder
    from rewriter.engine.results.baseline import Baseline
    from rewriter.engine.run.run_options import Options
    from rewriter.engine.run.workspace import Request, Workspace


class Color(StrEnum):
    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class RenderMode(StrEnum):
    AUTO = "auto"
    NEVER = "never"


# The panels of a command's help; what has none, the mode of a run above all, comes first.
FILES = "Files"
PASSES = "Passes"
FACTS = "Facts"
REPORT = "Report"
SPEED = "Speed"

#: How help writes paths: none is needed, several may be given.
PATHS = "[PATH]..."

Paths = Annotated[
    list[str] | None, typer.Argument(metavar=PATHS, help="Files and folders. Default: `.`", show_default=False)
]
DiffBase = Annotated[
    str | None,
    typer.Option("--diff-base", metavar="REV", help="Only files changed since a git revision.", rich_help_panel=FILES),
]
FromVersion = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="VERSION",
        help="The Cilium release that runs today. Default: as configured, else the one that the facts name, else the "
        "one before --to (1.18).",
        rich_help_panel=PASSES,
    ),
]
ToVersion = Annotated[
    str | None,
    typer.Option(
        "--to",
        metavar="VERSION",
        help="The Cilium release to prepare for. Default: as configured, else the one after --from (1.19).",
        rich_help_panel=PASSES,
    ),
]
Select = Annotated[
    list[str] | None,
    typer.Option(
        "--select",
        metavar="ID",
        help="Run only this pass, by id or code. Commas separate several; repeatable. Default: all.",
        rich_help_panel=PASSES,
    ),
]
Ignore = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore",
        metavar="ID",
        help="Leave this pass out, by id or code. Commas separate several; repeatable.",
        rich_help_panel=PASSES,
    ),
]
Inventory = Annotated[
    list[Path] | None,
    typer.Option(
        "--inventory",
        metavar="FILE",
        help="A snapshot of a cluster's facts (`cnpfix snapshot`); repeatable.",
        rich_help_panel=FACTS,
    ),
]
Render = Annotated[
    RenderMode | None,
    typer.Option(
        "--render",
        metavar="WHEN",
        help="Render Helm charts that lie in the repository or in helm's cache, with the helm on PATH: auto (default) "
        "or never.",
        rich_help_panel=FACTS,
    ),
]
RenderFetch = Annotated[
    bool,
    typer.Option(
        "--render-fetch",
        help="Let helm download the charts that the repository installs, from the registries that it names.",
        rich_help_panel=FACTS,
    ),
]
Values = Annotated[
    list[str] | None,
    typer.Option(
        "--values",
        metavar="FILE",
        help="Render charts that the repository does not install, too, with these values. Commas separate files that "
        "override each other from left to right. Repeatable.",
        rich_help_panel=FACTS,
    ),
]
Context = Annotated[
    list[str] | None,
    typer.Option(
        "--context",
        metavar="CTX",
        help="Read the facts of a live cluster, by its context in the kubeconfig; repeatable.",
        rich_help_panel=FACTS,
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="The configuration. Default: the nearest cnpfix.toml or pyproject.toml, searched upward.",
        rich_help_panel=FACTS,
    ),
]
Jobs = Annotated[
    int,
    typer.Option(
        "--jobs", "-j", metavar="N", min=0, help="Number of processes; with 0, cnpfix decides.", rich_help_panel=SPEED
    ),
]
CacheDir = Annotated[
    Path | None,
    typer.Option(
        "--cache-dir",
        metavar="DIR",
        help="The folder that keeps facts and rendered charts for the next run. Default: the user's cache folder.",
        rich_help_panel=SPEED,
    ),
]
NoCache = Annotated[
    bool,
    typer.Option("--no-cache", help="Neither read nor write the cache.", rich_help_panel=SPEED),
]
ColorOption = Annotated[Color, typer.Option("--color", help="Colour the text.", rich_help_panel=REPORT)]


def plugin_alone(paths: Sequence[str] | None) -> bool:
    """Whether this is `kubectl cnpfix` with no path: then it is the cluster that is meant, as for all of kubectl."""
    return not paths and sys.argv[0].rpartition("/")[2].startswith("kubectl-")


def cache_for(folder: Path | None = None, *, none: bool = False) -> CacheFolder:
    """What a run keeps things in. Raises UsageError for a `--cache-dir` that is no folder."""
    from rewriter.cache import NO_CACHE, CacheFolder, default_folder

    if none:
        return NO_CACHE
    if folder is not None and folder.exists() and not folder.is_dir():
        raise UsageError(f"--cache-dir {folder}: is not a folder; name one, or one to be made")
    return CacheFolder(default_folder() if folder is None else folder.absolute())


def known_findings(path: Path | None) -> Baseline:
    """The baseline of a file; of none, one that knows nothing. Raises UsageError."""
    from rewriter.engine.results.baseline import NOTHING_KNOWN, BaselineError, read_baseline

    try:
        return NOTHING_KNOWN if path is None else read_baseline(path)
    except BaselineError as error:
        raise UsageError(str(error)) from None


def open_for(request: Request) -> Workspace:
    """The workspace of a command, with a progress bar while it is read. Raises UsageError."""
    from rewriter.cli.printing import warn
    from rewriter.cli.progress import Progress
    from rewriter.config import ConfigError
    from rewriter.engine.run.opening import open_workspace
    from rewriter.engine.run.workspace import WorkspaceError
    from rewriter.inventory.snapshots.form import SnapshotError

    if "" in request.names:
        raise UsageError("an empty path: no such file or folder; name one, or `.` for all that is here")
    try:
        with Progress("reading", None) as progress:
            workspace = open_workspace(request, progress.step)
    except (ConfigError, SnapshotError, WorkspaceError) as error:
        raise UsageError(str(error)) from None
    for warning in workspace.warnings:
        warn(warning)
    return workspace


def warn_of_files_beside(workspace: Workspace) -> None:
    """Says on stderr that nothing was read beside the files which are named, where that is so."""
    from rewriter.cli.printing import warn
    from rewriter.engine.run.not_checked import left_beside

    if reason := left_beside(workspace):
        warn(f"not checked: {reason}")


def options_for(
    workspace: Workspace,
    select: Sequence[str] | None = None,
    ignore: Sequence[str] | None = None,
    *,
    unsafe_fixes: bool = False,
) -> Options:
    """What a run of the fixer does, by its command line and the configuration. Raises UsageError."""
    from rewriter.engine.run.run_options import Options

    chosen, ignored = selection(workspace.config, select, ignore)
    return Options(
        workspace.from_version, workspace.to_version, select=chosen, ignore=ignored, unsafe_fixes=unsafe_fixes
    )


def write_file(path: Path, content: str) -> None:
    """Writes what a command was asked to write to a file. Raises UsageError."""
    try:
        with open(path, "w", encoding="utf-8", errors="backslashreplace", opener=_without_waiting) as file:
            file.write(content)
    except OSError as error:
        why = f"cannot be written: {error.strerror or error}"
        if error.errno == errno.ENXIO and path.is_fifo():
            why = "is a named pipe that nothing reads; start its reader first, or give `>(command)`"
        raise UsageError(f"{path}: {why}") from None


#: How a file begins, or a document in it, that is a manifest. No report of any format does.
_MANIFEST = re.compile(
    rb"""^(?:- )?["']?(?:apiVersion|kind)["']?[ \t]*:|^\{\s*["']?(?:apiVersion|kind|metadata)["']?[ \t]*:""",
    re.MULTILINE,
)


def refuse_manifest(option: str, path: Path) -> None:
    """Raises UsageError where a file that a report is to be written to is a manifest, by whatever name."""
    try:
        held = path.read_bytes() if path.is_file() else b""
    except OSError:
        return  # Writing says why.
    if _MANIFEST.search(held) is not None:
        raise UsageError(f"{option} {path} is a manifest, which a report would replace; name another file")


def _without_waiting(name: str, flags: int) -> int:
    """Opens a file; a named pipe at once too, where it would wait for a reader for ever."""
    descriptor = os.open(name, flags | os.O_NONBLOCK, 0o666)
    os.set_blocking(descriptor, True)
    return descriptor


def tell_facts(workspace: Workspace) -> None:
    """On stderr: which clusters are known, from where, and what is doubtful or not known about the facts."""
    from rewriter.cli.printing import warn

    inventory = workspace.inventory
    lines = [f"cluster {cluster.name}, {cluster.source}" for cluster in inventory.clusters]
    lines += [
        f"cluster {cluster.name}: kubeProxyReplacement is {str(cluster.kube_proxy_replacement).lower()}"
        for cluster in inventory.clusters
        if cluster.kube_proxy_replacement is not None
    ]
    lines += dict.fromkeys(doubt for cluster in inventory.clusters for doubt in inventory.doubts(cluster))
    lines += [str(problem) for problem in inventory.problems]
    lines += [f"{source}: cannot be read as facts" for source in inventory.unreadable]
    for line in lines:
        warn(line)
