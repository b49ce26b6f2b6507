"""`cnpfix verdict`: allow or deny for given flows, and the rule that decides."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rewriter.cli.errors import UsageError
from rewriter.cli.options import (
    REPORT,
    CacheDir,
    Color,
    ColorOption,
    Config,
    Inventory,
    NoCache,
    Paths,
    cache_for,
    open_for,
    warn_of_files_beside,
)
from rewriter.cli.printing import say, say_json, warn
from rewriter.output.style import Style, one_line, style_for

if TYPE_CHECKING:
    from rewriter.cilium.version import Version
    from rewriter.engine.flow.verdict import Judged, JudgedDirection, LocatedRule

_INDENT = 20


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"


def verdict(
    paths: Paths = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--source", metavar="ENDPOINT", help="namespace/workload, namespace/key=value, entity, address or DNS name."
        ),
    ] = None,
    destination: Annotated[
        str | None, typer.Option("--destination", metavar="ENDPOINT", help="In one of the same forms, or a Service.")
    ] = None,
    port: Annotated[
        str, typer.Option("--port", metavar="PORT/PROTOCOL", help="For example 3306/TCP, or a type: 8/ICMP.")
    ] = "80/TCP",
    to_version: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="VERSION",
            help="The Cilium release that decides. Default: as configured, else the one after the release that runs.",
        ),
    ] = None,
    cases: Annotated[
        Path | None,
        typer.Option(
            "--cases", metavar="FILE", help="Answer the flows of a .jsonl or .jsonl.gz file, or of stdin (`-`)."
        ),
    ] = None,
    inventory: Inventory = None,
    config: Config = None,
    format_: Annotated[Format, typer.Option("--format", help="Text, or JSON.", rich_help_panel=REPORT)] = Format.TEXT,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit 1 if the flow is denied.", rich_help_panel=REPORT)
    ] = False,
    cache_dir: CacheDir = None,
    no_cache: NoCache = False,
    color: ColorOption = Color.AUTO,
) -> int:
    """Say whether a flow passes, in each direction, and name the rule that decides.

    For example `cnpfix verdict --source shop/web --destination prod/db --port 3306/TCP clusters/`. A name may begin
    with a cluster and a kind. For a Service cnpfix judges its backends, on their own ports.
    Exit codes: 0 fine (with `--exit-code`: allowed), 1 denied under `--exit-code`, 2 usage or unreadable input.
    """
    if cases is not None:
        from rewriter.cli.verdict_cases import answer_cases

        return answer_cases(cases, _version(to_version))
    if source is None or destination is None:
        raise UsageError("verdict: give --source and --destination, or --cases FILE")
    from rewriter.engine.flow.endpoints import FlowError
    from rewriter.engine.flow.verdict import judge, read_port
    from rewriter.engine.run.workspace import Request

    request = Request(
        names=tuple(paths or (".",)),
        config_file=config,
        to_version=to_version,
        inventories=tuple(inventory or ()),
        cache=cache_for(cache_dir, none=no_cache),
    )
    workspace = open_for(request)
    try:
        number, protocol = read_port(port)
        judged = judge(workspace, source, destination, number, protocol)
    except FlowError as error:
        raise UsageError(str(error)) from None
    if format_ is Format.JSON:
        flow = {"port": number, "protocol": protocol, "version": workspace.to_version.in_full}
        say_json({**_as_json(judged, flow), **_through(judged), "missing": list(judged.missing)})
    else:
        style = style_for(sys.stdout, color.value)
        say(_text(judged, f"{number}/{protocol}", workspace.to_version, style))
    workspace.keep()
    warn_of_files_beside(workspace)
    for problem in workspace.errors:
        warn(problem)
    if workspace.errors:
        return 2
    return int(exit_code and not judged.allowed)


def _version(text: str | None) -> Version:
    from rewriter.cilium.version import DEFAULT_TO, parse_version

    try:
        return parse_version(text) if text else DEFAULT_TO
    except ValueError as error:
        raise UsageError(f"--to: {error}") from None


def _text(judged: Judged, port: str, version: Version, style: Style) -> Iterator[str]:
    word = style.paint("allowed", "green", "bold") if judged.allowed else style.paint("denied", "red", "bold")
    yield f"{one_line(judged.source)} → {one_line(judged.destination)} {port} on Cilium {version.in_full}: {word}"
    if judged.service is None:
        yield from _directions(judged, version, style)
    else:
        from rewriter.engine.flow.service_ends import way_through

        yield from style.wrap(f"{judged.service}, {judged.service.source}: {way_through(judged.service)}", 2)
        for backend in judged.backends:
            word = style.paint("allowed", "green") if backend.allowed else style.paint("denied", "red")
            yield f"  backend {one_line(backend.destination)} {backend.port}/{backend.protocol}: {word}"
            yield from _directions(backend, version, style)
    for text in judged.missing:
        yield from style.wrap(f"not known: {text}", 2)


def _directions(judged: Judged, version: Version, style: Style) -> Iterator[str]:
    for direction in judged.directions:
        yield from _direction(direction, version, style)


def _direction(direction: JudgedDirection, version: Version, style: Style) -> Iterator[str]:
    word = style.paint("allowed", "green") if direction.allowed else style.paint("denied ", "red")
    yield f"  {direction.name:<7}  {word}  {direction.reason}"
    for line in _places(direction.rules):
        yield from style.wrap(line, _INDENT)
    for setting in direction.settings:
        yield from style.wrap(f"decided by {setting}", _INDENT)
    for dependence in direction.depends_on:
        yield from style.wrap(f"depends on {dependence}", _INDENT)
    if direction.rejected:
        yield from style.wrap(f"not enforced, as Cilium {version} rejects it:", _INDENT)
    for line in _places(direction.rejected):
        yield from style.wrap(line, _INDENT)


def _places(rules: Sequence[LocatedRule]) -> Iterator[str]:
    """A line for each policy: `shop/web, apps/web.yaml:10, 16`."""
    for (policy, file), group in groupby(rules, key=lambda rule: (rule.policy, rule.file)):
        lines = dict.fromkeys(str(rule.line) for rule in group)
        yield f"{policy}, {file}:{', '.join(lines)}"


def _through(judged: Judged) -> dict[str, Any]:
    """The Service through which the flow goes, and the verdicts for its backends; nothing where there is none."""
    service = judged.service
    if service is None:
        return {}
    backends = [_as_json(backend, {"port": backend.port, "protocol": backend.protocol}) for backend in judged.backends]
    return {
        "service": f"{service.namespace}/{service.name}",
        "serviceSource": str(service.source),
        "backends": backends,
    }


def _as_json(judged: Judged, flow: dict[str, Any]) -> dict[str, Any]:
    return {
        "source": judged.source,
        "destination": judged.destination,
        **flow,
        "allowed": judged.allowed,
        **{
            direction.name: {
                "allowed": direction.allowed,
                "reason": direction.reason,
                "rules": [rule._asdict() for rule in direction.rules],
                "dependsOn": list(direction.depends_on),
                "rejected": [rule._asdict() for rule in direction.rejected],
                "settings": list(direction.settings),
            }
            for direction in judged.directions
        },
    }
