"""`cnpfix verdict`: allow or deny for given flows, and the rule that decides."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, TextIO

import typer

from rewriter.cli.errors import UsageError
from rewriter.cli.options import Color, open_for
from rewriter.engine.workspace import Request
from rewriter.output.style import Style, one_line, style_for


def verdict(
    paths: Annotated[list[str] | None, typer.Argument(metavar="PATH", show_default=".")] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--source", metavar="ENDPOINT", help="namespace/workload, namespace/key=value, entity or address."
        ),
    ] = None,
    destination: Annotated[str | None, typer.Option("--destination", metavar="ENDPOINT")] = None,
    port: Annotated[str, typer.Option("--port", metavar="PORT/PROTOCOL", help="For example 3306/TCP.")] = "80/TCP",
    to_version: Annotated[
        str | None, typer.Option("--to", metavar="VERSION", help="Cilium that judges. Default: 1.19.")
    ] = None,
    cases: Annotated[
        Path | None, typer.Option("--cases", metavar="FILE", help="Answer cases of a .jsonl or .jsonl.gz file.")
    ] = None,
    inventory: Annotated[list[Path] | None, typer.Option("--inventory", metavar="FILE")] = None,
    config: Annotated[Path | None, typer.Option("--config", metavar="FILE")] = None,
    color: Annotated[Color, typer.Option("--color")] = Color.AUTO,
) -> int:
    """Say whether a flow passes, in each direction, and name the rule that decides."""
    if cases is not None:
        return _answer_cases(cases, to_version)
    if source is None or destination is None:
        raise UsageError("verdict: give --source and --destination, or --cases FILE")
    from rewriter.engine.flows import FlowError, judge, read_port

    request = Request(
        names=tuple(paths or (".",)),
        config_file=config,
        to_version=to_version,
        inventories=tuple(inventory or ()),
    )
    workspace = open_for(request)
    try:
        judged = judge(workspace, source, destination, *read_port(port))
    except FlowError as error:
        raise UsageError(str(error)) from None
    style = style_for(sys.stdout, color.value)
    allowed = judged.allowed
    word = style.paint("allowed", "green", "bold") if allowed else style.paint("denied", "red", "bold")
    print(f"{judged.source} → {judged.destination} {port} on Cilium {workspace.to_version}: {word}")
    for direction in judged.directions:
        for line in _direction(direction.name, direction.allowed, direction.reasons, style):
            print(line)
    return 0


def _direction(name: str, allowed: bool, reasons: tuple[str, ...], style: Style) -> Iterator[str]:
    word = style.paint("allowed", "green") if allowed else style.paint("denied ", "red")
    yield f"  {name:<7}  {word}  {one_line(reasons[0])}"
    for reason in reasons[1:]:
        yield from style.wrap(reason, 20)


def _answer_cases(file: Path, version: str | None) -> int:
    from rewriter.cilium.cases import answer_case
    from rewriter.cilium.version import DEFAULT_TO, parse_version

    try:
        asked = parse_version(version) if version else DEFAULT_TO
    except ValueError as error:
        raise UsageError(f"--to: {error}") from None
    bad = 0
    try:
        with _open(file) as stream:
            for number, line in enumerate(stream, start=1):
                if not line.strip():
                    continue
                try:
                    answer = answer_case(json.loads(line), asked)
                except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
                    bad += 1
                    what = f"has no {error}" if isinstance(error, KeyError) else str(error)
                    print(f"cnpfix: {file}:{number}: is not a case: {what}", file=sys.stderr)
                    continue
                sys.stdout.write(json.dumps(answer, separators=(",", ":")) + "\n")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise UsageError(f"--cases {file}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    return 2 if bad else 0


def _open(file: Path) -> TextIO:
    with file.open("rb") as stream:
        compressed = stream.read(2) == b"\x1f\x8b"
    return gzip.open(file, "rt", encoding="utf-8") if compressed else file.open(encoding="utf-8")
