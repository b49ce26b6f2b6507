"""`cnpfix validate`: which releases of Cilium accept a manifest."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

import typer

from rewriter.cilium.validation import rejection
from rewriter.cilium.version import SUPPORTED, Version, parse_version
from rewriter.cli.errors import UsageError
from rewriter.cli.options import REPORT, Color, ColorOption, Config, Paths, open_for
from rewriter.cli.printing import say, say_json, tell
from rewriter.engine.settings import settings_of
from rewriter.engine.workspace import PlacedPolicy, Request, Workspace
from rewriter.output.style import Style, one_line, style_for
from rewriter.yamltext import has_substitution


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"


def validate(
    paths: Paths = None,
    versions: Annotated[
        list[str] | None,
        typer.Option("--versions", metavar="LIST", help="Releases to ask, as in 1.18,1.19. Default: all known."),
    ] = None,
    to_version: Annotated[
        str | None,
        typer.Option("--to", metavar="VERSION", help="Exit 1 if this release rejects a policy. Default: 1.19."),
    ] = None,
    format_: Annotated[
        Format, typer.Option("--format", help="A table, or JSON.", rich_help_panel=REPORT)
    ] = Format.TEXT,
    config: Config = None,
    color: ColorOption = Color.AUTO,
) -> int:
    """Say which Cilium releases accept each policy, and why others reject it."""
    asked = _read_versions(versions or ())
    workspace = open_for(Request(names=tuple(paths or (".",)), config_file=config, to_version=to_version))
    rows = [
        (placed, {version: _rejects(workspace, placed, version) for version in asked})
        for placed in workspace.policies()
    ]
    target = workspace.to_version
    verdicts = [_rejects(workspace, placed, target) for placed, _ in rows]
    rejected = sum(why is not None and not why.unknown for why in verdicts)
    unknown = sum(why is not None and why.unknown for why in verdicts)
    if format_ is Format.JSON:
        say_json([_as_json(placed, answers) for placed, answers in rows])
    else:
        style = style_for(sys.stdout, color.value)
        say([*_table(rows, asked, style), *_summary(len(rows), rejected, unknown, target, style)])
    for place in workspace.templates:
        tell(f"{place}: holds a policy in a template, which is left alone; render it")
    for problem in workspace.errors:
        tell(problem)
    if workspace.errors:
        return 2
    return 1 if rejected else 0


class Why(NamedTuple):
    """Why a release rejects a policy, and `file:line`; `unknown` where what is wrong is still to be replaced."""

    message: str
    place: str
    unknown: bool = False


Answers = dict[Version, Why | None]
"""For each version, None where it accepts."""


def _read_versions(texts: Sequence[str]) -> tuple[Version, ...]:
    """The releases of comma lists, in order and once each; all known ones for none."""
    try:
        asked = [parse_version(part) for text in texts for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise UsageError(f"--versions: {error}") from None
    return tuple(dict.fromkeys(asked)) or SUPPORTED


def _rejects(workspace: Workspace, placed: PlacedPolicy, version: Version) -> Why | None:
    settings = settings_of(workspace.inventory.cluster_of(placed.path), version)
    labels = settings.node_selector_labels
    why = rejection(placed.policy.raw, version, base=placed.policy.route, node_selector_labels=labels)
    if why is None:
        return None
    culprit = _value_at(placed.document.value, why.route)
    if isinstance(culprit, str) and has_substitution(culprit):
        return Why(f"cannot be told before {culprit} is replaced", placed.place(why.route), unknown=True)
    return Why(why.message, placed.place(why.route))


def _value_at(value: Any, pointer: str) -> Any:
    """What a JSON pointer leads to; None where it leads nowhere."""
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return value


def _as_json(placed: PlacedPolicy, answers: Answers) -> dict[str, object]:
    return {
        "file": placed.path,
        "document": placed.document.index,
        "kind": placed.policy.kind,
        "namespace": placed.policy.namespace or "",
        "name": placed.policy.name,
        "accepted": {str(version): why is None for version, why in answers.items() if not (why and why.unknown)},
        "errors": {str(version): why.message for version, why in answers.items() if why and not why.unknown},
    }


def _table(rows: list[tuple[PlacedPolicy, Answers]], versions: Sequence[Version], style: Style) -> Iterator[str]:
    """A line per policy with a mark per version, and below it each reason once, with its place and releases."""
    if not rows:
        return
    names = [one_line("/".join(filter(None, (p.policy.namespace, p.policy.name))) or p.path) for p, _ in rows]
    width = min(max(len("policy"), *map(len, names)), max(6, style.width - 7 * len(versions)))
    yield style.paint(f"{'policy':<{width}}" + "".join(f"{version!s:>7}" for version in versions), "dim")
    for name, (_, answers) in zip(names, rows, strict=True):
        marks = "".join(_mark(why, style) for why in answers.values())
        if len(name) > width:
            yield name
            name = ""
        yield f"{name:<{width}}{marks}"
        yield from _reasons(answers, style)


def _mark(why: Why | None, style: Style) -> str:
    if why is None:
        return style.paint(f"{'yes':>7}", "green")
    return style.paint(f"{'?':>7}", "yellow") if why.unknown else style.paint(f"{'no':>7}", "red", "bold")


def _reasons(answers: Answers, style: Style) -> Iterator[str]:
    """Each reason once, in the words of the newest release that gives it: some only changed a capital letter."""
    same: dict[tuple[str, str], list[Version]] = {}
    for version, why in answers.items():
        if why is not None:
            same.setdefault((why.message.lower(), why.place), []).append(version)
    for (_, place), where in same.items():
        why = answers[max(where)]
        releases = _releases(where, tuple(answers))
        yield from style.wrap(f"{place}: {why.message if why else ''} ({releases})", 2)


def _releases(some: Sequence[Version], every: Sequence[Version]) -> str:
    """`1.17 to 1.20`, `1.15, 1.16`, or `every release` of those asked."""
    if len(some) == len(every) > 1:
        return "every release"
    if len(some) > 2 and tuple(some) == tuple(version for version in every if some[0] <= version <= some[-1]):
        return f"{some[0]} to {some[-1]}"
    return ", ".join(map(str, some))


def _summary(policies: int, rejected: int, unknown: int, target: Version, style: Style) -> Iterator[str]:
    if not policies:
        yield "no policies found"
        return
    yield ""
    count = f"{policies} {'policy' if policies == 1 else 'policies'}"
    rest = f", {unknown} cannot be told" if unknown else ""
    if rejected:
        yield style.paint(f"{count}; Cilium {target} rejects {rejected}: not enforced at all", "red", "bold") + rest
    else:
        yield f"{count}; Cilium {target} rejects none{rest}"
