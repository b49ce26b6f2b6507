"""`cnpfix validate`: which releases of Cilium accept a manifest."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from rewriter.cilium.validation import rejection
from rewriter.cilium.version import SUPPORTED, Version, parse_version
from rewriter.cli.errors import UsageError
from rewriter.cli.options import Color, open_for
from rewriter.engine.workspace import PlacedPolicy, Request
from rewriter.output.style import Style, clean, one_line, style_for


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"


def validate(
    paths: Annotated[list[str] | None, typer.Argument(metavar="PATH", show_default=".")] = None,
    versions: Annotated[
        list[str] | None, typer.Option("--versions", metavar="LIST", help="Releases to ask; default: all known.")
    ] = None,
    to_version: Annotated[
        str | None, typer.Option("--to", metavar="VERSION", help="Exit 1 if this one rejects a manifest.")
    ] = None,
    format_: Annotated[Format, typer.Option("--format")] = Format.TEXT,
    config: Annotated[Path | None, typer.Option("--config", metavar="FILE")] = None,
    color: Annotated[Color, typer.Option("--color")] = Color.AUTO,
) -> int:
    """Say which Cilium releases accept each policy, and why others reject it."""
    try:
        asked = [parse_version(part) for text in versions or () for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise UsageError(f"--versions: {error}") from None
    workspace = open_for(Request(names=tuple(paths or (".",)), config_file=config, to_version=to_version))
    shown = tuple(dict.fromkeys(asked)) or SUPPORTED
    rows = [(placed, _answers(placed, shown)) for placed in workspace.policies()]
    if format_ is Format.JSON:
        print(json.dumps([_as_json(placed, answers) for placed, answers in rows], indent=2, ensure_ascii=False))
    else:
        print("".join(line + "\n" for line in _table(rows, shown, style_for(sys.stdout, color.value))), end="")
    for problem in workspace.errors:
        print(clean(f"cnpfix: {problem}"), file=sys.stderr)
    if workspace.errors:
        return 2
    target = workspace.to_version
    return 1 if any(_rejects(placed, target) is not None for placed, _ in rows) else 0


Answers = dict[Version, tuple[str, str] | None]
"""For each version, None where it accepts, else the message and `file:line`."""


def _answers(placed: PlacedPolicy, versions: tuple[Version, ...]) -> Answers:
    return {version: _rejects(placed, version) for version in versions}


def _rejects(placed: PlacedPolicy, version: Version) -> tuple[str, str] | None:
    why = rejection(placed.policy.raw, version, base=placed.policy.route)
    return None if why is None else (why.message, placed.place(why.route))


def _as_json(placed: PlacedPolicy, answers: Answers) -> dict[str, object]:
    return {
        "file": placed.path,
        "document": placed.document.index,
        "kind": placed.policy.kind,
        "namespace": placed.policy.namespace or "",
        "name": placed.policy.name,
        "accepted": {str(version): why is None for version, why in answers.items()},
        "errors": {str(version): why[0] for version, why in answers.items() if why is not None},
    }


def _table(rows: list[tuple[PlacedPolicy, Answers]], versions: tuple[Version, ...], style: Style) -> list[str]:
    """A line per policy with a mark per version, and below it each reason once."""
    if not rows:
        return []
    names = [one_line("/".join(filter(None, (p.policy.namespace, p.policy.name))) or p.path) for p, _ in rows]
    width = max(len("policy"), *map(len, names))
    lines = [style.paint(f"{'policy':<{width}}" + "".join(f"{version!s:>7}" for version in versions), "dim")]
    for name, (_, answers) in zip(names, rows, strict=True):
        marks = "".join(
            style.paint(f"{'yes':>7}", "green") if why is None else style.paint(f"{'no':>7}", "red", "bold")
            for why in answers.values()
        )
        lines.append(f"{name:<{width}}{marks}")
        reasons: dict[tuple[str, str], list[str]] = {}
        for version, why in answers.items():
            if why is not None:
                reasons.setdefault(why, []).append(str(version))
        for (message, place), where in reasons.items():
            lines += style.wrap(f"{', '.join(where)}: {message}", 2)
            lines += style.wrap(place, 4)
    return lines
