"""`--live`: the policies that clusters hold, judged and fixed as documents. Nothing is written to a cluster."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from rewriter import patterns as re
from rewriter.cli.errors import UsageError
from rewriter.cli.fix_run import exit_code, make_report, nothing_to_check, preview
from rewriter.cli.options import open_for, write_file
from rewriter.cli.printing import say, warn
from rewriter.cli.reports import Mode, Printing, print_report
from rewriter.engine.results.result import FileResult
from rewriter.engine.run.run_options import Options
from rewriter.engine.run.workspace import Request, Workspace
from rewriter.inventory.live.errors import ClusterError
from rewriter.inventory.live.kubectl import KubectlApi, current_context
from rewriter.inventory.live.listing import Reader
from rewriter.inventory.live.reading import read_cluster
from rewriter.inventory.live.running import Running, running_policies
from rewriter.inventory.snapshots.write import snapshot_as_json
from rewriter.output.lines import count
from rewriter.output.style import one_line
from rewriter.records import dataclass

_UNSAFE = re.compile(r"[^\w.-]")


@dataclass(frozen=True, slots=True)
class Laid:
    """Policies of clusters laid out below a folder: a folder for each context; `facts` are snapshots of them.

    `managers` says of a file who manages its policy.
    """

    folder: Path
    config: Path
    names: tuple[str, ...]
    facts: tuple[Path, ...]
    managers: dict[str, str]


@contextlib.contextmanager
def laid_out(contexts: Sequence[str]) -> Iterator[Laid]:
    """The policies of contexts (none: the current one) as files, for as long as they are needed. Raises UsageError."""
    with tempfile.TemporaryDirectory(prefix="cnpfix-live-") as name:
        folder = Path(name).resolve()
        try:
            laid = _laid(folder, [*dict.fromkeys(contexts)] or [current_context()])
        except ClusterError as error:
            raise UsageError(str(error)) from None
        with contextlib.chdir(folder):
            yield laid


def _laid(folder: Path, contexts: Sequence[str]) -> Laid:
    clusters: list[str] = []
    names: list[str] = []
    facts: list[Path] = []
    managers: dict[str, str] = {}
    for context in contexts:
        reader = Reader(KubectlApi(context))
        own = _UNSAFE.sub("_", context)
        (folder / own).mkdir()
        names.append(own)
        found = running_policies(reader)
        for policy in found:
            path = Path(own, *_place(policy))
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(_text(policy), encoding="utf-8")
            managers[str(path)] = policy.manager
        try:
            reading = read_cluster(reader)
        except ClusterError as error:
            warn(f"{error}; its policies are judged without facts")
            continue
        for reason in reading.failures.values():
            warn(f"context {context}: {reason}")
        # Its name is how evidence cites it.
        path = folder / f"context {own}"
        path.write_text(json.dumps(snapshot_as_json([reading.entry], datetime.now(UTC))), encoding="utf-8")
        facts.append(path.relative_to(folder))
        clusters.append(f"[[clusters]]\nname = {json.dumps(reading.name)}\nlocal = [{json.dumps(own + '/**')}]\n")
    config = folder / "cnpfix.toml"
    config.write_text("\n".join(clusters), encoding="utf-8")
    return Laid(folder, config, tuple(names), tuple(facts), managers)


def _place(policy: Running) -> tuple[str, str]:
    """Folder and file of a policy: its namespace, its kind and name."""
    metadata: dict[str, Any] = policy.manifest["metadata"]
    namespace = _UNSAFE.sub("_", str(metadata.get("namespace") or "clusterwide"))
    kind = str(policy.manifest["kind"]).lower()
    return namespace, f"{kind}-{_UNSAFE.sub('_', str(metadata.get('name', '')))}.yaml"


class _Dumper(yaml.SafeDumper):
    """Lists stand below their key, indented, as people write them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(policy: Running) -> str:
    text: str = yaml.dump(dict(policy.manifest), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1_000)
    return text


def run_live(
    request: Request,
    options: Callable[[Workspace], Options],
    mode: Mode,
    printing: Printing,
    outputs: Sequence[Path],
    jobs: int,
    *,
    allow_empty: bool,
) -> int:
    """Judges the policies of the request's contexts and prints the report. Returns the exit code. Raises UsageError."""
    if len(outputs) > 1:
        raise UsageError("--live takes one --output: the folder for the fixed manifests")
    target = outputs[0].absolute() if outputs else None
    given = tuple(path.absolute() for path in request.inventories)
    with laid_out(request.contexts) as laid:
        workspace = open_for(
            replace(request, names=laid.names, config_file=laid.config, inventories=(*given, *laid.facts), contexts=())
        )
        results = with_managers(preview(workspace, options(workspace), jobs), laid.managers)
        report = replace(make_report(workspace, results), apply_with="--output DIR")
        print_report(report, mode, printing)
        empty = nothing_to_check(workspace, report) if mode is Mode.CHECK and not allow_empty else ""
        if empty:
            warn("no policies in the cluster, so nothing to check; give --allow-empty where none are expected")
    if target is not None:
        write_fixed(results, target)
    return 2 if empty else exit_code(report, mode)


def with_managers(results: Sequence[FileResult], managers: dict[str, str]) -> list[FileResult]:
    """The results, each finding with who manages its policy among its evidence: there the change belongs."""
    return [_with_manager(result, managers.get(result.path, "")) for result in results]


def _with_manager(result: FileResult, manager: str) -> FileResult:
    if not manager:
        return result
    fact = f"managed by {one_line(manager)}: change it there"
    findings = tuple(
        replace(item, finding=replace(item.finding, evidence=(*item.finding.evidence, fact)))
        for item in result.findings
    )
    return replace(result, findings=findings)


def write_fixed(results: Sequence[FileResult], target: Path) -> None:
    """Writes the manifests that fixes change below a folder. Raises UsageError."""
    changed = [result for result in results if result.changed]
    for result in changed:
        path = target / result.path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{path.parent}: cannot be made: {error.strerror or error}") from None
        write_file(path, result.after)
    say([f"{target}: {count(len(changed), 'fixed manifest')}; nothing is written to a cluster"])
