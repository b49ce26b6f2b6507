"""`cnpfix snapshot`: the facts of live clusters in a file, and what differs between two such files."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from rewriter.cli.errors import UsageError
from rewriter.cli.options import Color, ColorOption, cache_for, open_for, refuse_manifest
from rewriter.cli.printing import say, say_json, warn
from rewriter.cli.progress import Progress
from rewriter.output.style import Style, escaped_marks, logged, one_line, style_for

snapshot_app = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


class DiffFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


@snapshot_app.callback()
def snapshot(
    ctx: typer.Context,
    context: Annotated[
        list[str] | None,
        typer.Option("--context", metavar="CTX", help="A context of the kubeconfig; repeatable, one per cluster."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="The snapshot file; `-` is stdout.")
    ] = None,
    kubeconfig: Annotated[
        Path | None,
        typer.Option("--kubeconfig", metavar="FILE", help="The kubeconfig. Default: $KUBECONFIG, else ~/.kube/config."),
    ] = None,
    cilium_namespace: Annotated[
        str, typer.Option("--cilium-namespace", metavar="NAME", help="The namespace of the ConfigMap cilium-config.")
    ] = "kube-system",
    repository: Annotated[
        Path | None,
        typer.Option(
            "--repository",
            metavar="DIR",
            help="Write the facts of this checkout instead of a cluster's, for runs in other repositories.",
        ),
    ] = None,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=0.1, help="How long to wait for one page of a list.")
    ] = 60,
    allow_incomplete: Annotated[
        bool,
        typer.Option(
            "--allow-incomplete", help="Write what could be read, and mark the lists that could not as unknown."
        ),
    ] = False,
) -> int:
    """Write the facts of live clusters to a file for `--inventory`: Services, workloads, policies, Cilium's settings.

    cnpfix lists objects and gets one ConfigMap, nothing else; `examples/snapshot-role.yaml` has the permissions that it
    needs. The file holds no Secret, no environment variable and no annotation but those of `service.cilium.io/`.
    `snapshot diff A B` shows what differs between two files. With `--repository` the file holds the facts of a
    checkout's manifests instead: runs in other repositories of the same clusters use them, and take nothing for absent
    because this file does not hold it. Exit codes: 0 written, 2 not written, for example because a list could not be
    read completely.
    """
    if ctx.invoked_subcommand is not None:
        return 0
    if repository is not None:
        return _of_repository(repository, output, context)
    if not context or output is None:
        raise UsageError("snapshot: give --context for each cluster and -o FILE, as in `--context prod -o mesh.json`")
    from rewriter.inventory.live.contexts import LiveRequest, read_contexts
    from rewriter.inventory.live.errors import ClusterError

    request = LiveRequest(tuple(context), kubeconfig, cilium_namespace, timeout)
    try:
        with Progress("reading objects", None) as progress:
            reading = read_contexts(request, progress.step)
    except ClusterError as error:
        raise UsageError(str(error)) from None
    for failure in reading.failures:
        warn(failure)
    if reading.failures and not allow_incomplete:
        warn("nothing is written; --allow-incomplete writes the rest")
        return 2
    _write(output, reading.content)
    return 0


def _of_repository(folder: Path, output: Path | None, contexts: list[str] | None) -> int:
    from rewriter.bot.token import redact
    from rewriter.discovery.git import repository_remotes
    from rewriter.engine.run.workspace import Request
    from rewriter.inventory.tree.repository_snapshot import repository_as_json

    if contexts or output is None:
        raise UsageError("snapshot: --repository takes -o FILE and no --context, as in `--repository . -o facts.json`")
    if not folder.is_dir():
        raise UsageError(f"--repository {folder}: expected a folder")
    workspace = open_for(Request(names=(str(folder),), cache=cache_for()))
    remotes = repository_remotes(folder)
    name = redact(remotes[0], None) if remotes else folder.resolve().name
    content = repository_as_json(workspace.inventory, name, datetime.now(UTC))
    if not content["clusters"]:
        warn(f"{folder}: no cluster has a name here, so no fact is of use elsewhere; name it in cnpfix.toml")
    _write(output, content)
    return 0


def _write(output: Path, content: Mapping[str, Any]) -> None:
    """Writes the file, or prints it; says how much of what is in it. Raises UsageError."""
    from rewriter.inventory.snapshots.form import SnapshotError
    from rewriter.inventory.snapshots.write import snapshot_text, write_snapshot

    try:
        if str(output) == "-":
            sys.stdout.write(escaped_marks(snapshot_text(content)))
        else:
            refuse_manifest("--output", output)
            write_snapshot(output, content)
    except SnapshotError as error:
        raise UsageError(str(error)) from None
    for entry in content["clusters"]:
        print(logged(one_line(f"{entry['name']}: {_counts(entry)}")), file=sys.stderr)


def _counts(entry: dict[str, Any]) -> str:
    from rewriter.inventory.snapshots.form import LISTS

    return ", ".join(f"{len(entry[name])} {name.replace('_', ' ')}" for name in LISTS if name in entry)


@snapshot_app.command("diff")
def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A snapshot file.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="A later one.")],
    format_: Annotated[DiffFormat, typer.Option("--format", help="Text, or JSON.")] = DiffFormat.TEXT,
    color: ColorOption = Color.AUTO,
) -> int:
    """Show what differs between two snapshots. Exit codes: 0 nothing, 1 something, 2 a file cannot be read."""
    from rewriter.inventory.snapshots.diff import differences
    from rewriter.inventory.snapshots.form import SnapshotError, read_snapshot

    try:
        before, after = read_snapshot(old), read_snapshot(new)
    except SnapshotError as error:
        raise UsageError(str(error)) from None
    found = differences(before, after)
    if format_ is DiffFormat.JSON:
        content = {
            "schema": 1,
            "old": {"file": str(old), "created": before.created},
            "new": {"file": str(new), "created": after.created},
            "differences": [asdict(difference) for difference in found],
        }
        say_json(content)
    else:
        say(_lines(found, style_for(sys.stdout, color.value)))
    return 1 if found else 0


_MARKS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}


def _lines(found: list[Any], style: Style) -> Iterator[str]:
    from rewriter.yamltext.differences import differences

    cluster = None
    for change in found:
        if change.cluster != cluster:
            cluster = change.cluster
            yield style.paint(one_line(cluster), "bold")
        mark, color = _MARKS[change.change]
        kind = change.list.replace("_", " ")
        name = "settings" if change.list == "cluster" and change.change == "changed" else change.name
        yield "  " + style.paint(one_line(f"{mark} {kind}: {name}"), color)
        if change.change == "changed":
            for inner in differences(change.before, change.after):
                yield "      " + one_line(f"{inner.place}: {_short(inner.old)} → {_short(inner.new)}")


def _short(value: Any) -> str:
    text = "not set" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 120 else text[:117] + "…"
