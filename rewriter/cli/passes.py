"""`cnpfix passes` and `cnpfix explain`: what the passes are."""

from __future__ import annotations

import difflib
import re
import sys
from enum import StrEnum
from typing import Annotated

import typer

from rewriter.cilium.version import DEFAULT_TO, Version, parse_version
from rewriter.cli.errors import UsageError
from rewriter.cli.options import Color, ColorOption
from rewriter.cli.pass_names import pass_id
from rewriter.cli.printing import say_json
from rewriter.cli.symptom import explain_symptom
from rewriter.output.style import Style, style_for
from rewriter.passes import PASSES
from rewriter.passes.kit.examples import Example, read_examples
from rewriter.passes.kit.registry import Pass


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"


def passes(
    from_version: Annotated[
        str | None,
        typer.Option("--from", metavar="VERSION", help="Only passes that apply to an upgrade from this release."),
    ] = None,
    to_version: Annotated[
        str | None,
        typer.Option("--to", metavar="VERSION", help="Only passes that apply to an upgrade to this release."),
    ] = None,
    format_: Annotated[Format, typer.Option("--format", help="A table, or JSON for programs.")] = Format.TEXT,
    color: ColorOption = Color.AUTO,
) -> int:
    """List the passes: code, id, the upgrades that each applies to, how safe its fixes are, and what it finds."""
    upgrade = _upgrade(from_version, to_version)
    shown = [pass_ for pass_ in PASSES if upgrade is None or pass_.concerns(*upgrade)]
    shown.sort(key=lambda pass_: pass_.code)
    examples = read_examples()
    rows = [(pass_, list(examples[pass_.id].applicabilities) if pass_.id in examples else []) for pass_ in shown]
    if format_ is Format.JSON:
        say_json([_as_json(pass_, fixes) for pass_, fixes in rows])
    else:
        _print_table(rows, style_for(sys.stdout, color.value))
    return 0


def explain(
    name: Annotated[str | None, typer.Argument(metavar="[ID]", help="A pass, by id or code.")] = None,
    symptom: Annotated[
        str | None,
        typer.Option("--symptom", metavar="TEXT", help="What goes wrong, in your own words; replaces the id."),
    ] = None,
    color: ColorOption = Color.AUTO,
) -> int:
    """Explain a pass: what it finds, why that matters, before and after, its versions, and how safe its fix is.

    With --symptom: what lies behind something that goes wrong, and the passes that find it; exit 1 where nothing fits.
    """
    style = style_for(sys.stdout, color.value)
    if symptom is not None:
        if name is not None:
            raise UsageError("explain: give the id of a pass or --symptom, not both")
        return explain_symptom(symptom, style)
    if name is None:
        raise UsageError("explain: expected the id of a pass (`cnpfix passes` lists them), or --symptom TEXT")
    known = pass_id("explain", name)
    print(page(next(pass_ for pass_ in PASSES if pass_.id == known), read_examples().get(known), style))
    return 0


def page(pass_: Pass, example: Example | None, style: Style) -> str:
    """A pass's documentation as terminal text, with a golden case as its example."""
    lines = [f"{style.paint(pass_.code, 'bold')} {style.paint(pass_.id, 'bold')}: {pass_.title}", ""]
    for title, text in _sections(pass_.documentation):
        if title == "Example" and example is not None:
            lines += _example_lines(example, style)
        else:
            lines += [style.paint(title, "bold"), "", *_section_lines(text, style), ""]
        if title == "Why it matters":
            fixes = f"; fixes: {', '.join(example.applicabilities)}" if example else ""
            lines += [style.paint("Versions", "bold"), "", f"Runs for {pass_.upgrades}{fixes}.", ""]
    return "\n".join(lines).rstrip()


def _upgrade(before: str | None, after: str | None) -> tuple[Version, Version] | None:
    """The upgrade asked about; None where none is. One end alone is completed as the fixer does."""
    if before is None and after is None:
        return None
    try:
        target = parse_version(after) if after else DEFAULT_TO
        source = parse_version(before) if before else target.previous
    except ValueError as error:
        raise UsageError(f"--from/--to: {error}") from None
    if source > target:
        raise UsageError(f"--from {source} is newer than --to {target}")
    return source, target


def _as_json(pass_: Pass, fixes: list[str]) -> dict[str, object]:
    return {
        "code": pass_.code,
        "id": pass_.id,
        "title": pass_.title,
        "kinds": sorted(pass_.kinds),
        "change": str(pass_.change) if pass_.change else None,
        "crossing": pass_.crossing,
        "applicabilities": fixes,
    }


def _print_table(rows: list[tuple[Pass, list[str]]], style: Style) -> None:
    """A line for each pass, and below it which upgrades it runs for and how far its fixes go."""
    width = max((len(pass_.id) for pass_, _ in rows), default=0)
    indent = len("CNP001  ") + width + 1
    for pass_, fixes in rows:
        lines = style.wrap(pass_.title, indent)
        print(f"{style.paint(pass_.code, 'bold')} {style.paint(f'{pass_.id:<{width}}', 'cyan')}  {lines[0].lstrip()}")
        for line in lines[1:]:
            print(line)
        for line in style.wrap("; ".join(filter(None, (pass_.upgrades, ", ".join(fixes)))), indent):
            print(style.paint(line, "dim"))


def _sections(documentation: str) -> list[tuple[str, str]]:
    """The sections of a page: title and text."""
    parts = re.split(r"^## (.*)$", documentation, flags=re.MULTILINE)
    return [(title.strip(), text.strip("\n")) for title, text in zip(parts[1::2], parts[2::2], strict=True)]


def _section_lines(text: str, style: Style) -> list[str]:
    """Paragraphs and list items wrapped; code as it is, indented, its added and removed lines coloured."""
    lines: list[str] = []
    for number, block in enumerate(re.split(r"^```.*\n", text, flags=re.MULTILINE)):
        if number % 2:
            lines += [_diff_line(line, style) for line in block.splitlines()]
        else:
            lines += _prose_lines(block, style)
    return lines


def _prose_lines(text: str, style: Style) -> list[str]:
    lines: list[str] = []
    for paragraph in re.split(r"\n{2,}", text):
        for item in re.split(r"\n(?=- )", paragraph):
            words = item.strip()
            lines += style.wrap(words[2:], 0, "- ") if words.startswith("- ") else style.wrap(words, 0)
        lines.append("")
    return lines[:-1]


def _example_lines(example: Example, style: Style) -> list[str]:
    """The whole policy as a diff (as it is where nothing changes), and its findings."""
    before, after = example.before.splitlines(), example.after.splitlines()
    lines = [style.paint(f"Before and after ({example.upgrade})" if before != after else "Example", "bold"), ""]
    diff = list(difflib.unified_diff(before, after, n=len(before), lineterm=""))[3:]
    lines += [_diff_line(line, style) for line in diff or [f" {line}" for line in before]]
    lines.append("")
    for number, message in example.findings:
        lines += style.wrap(message, 0, f"line {number}: ")
    return [*lines, ""]


def _diff_line(line: str, style: Style) -> str:
    color = {"+": "green", "-": "red"}.get(line[:1] if line[1:2] in (" ", "") else "", "")
    return "    " + (style.paint(line, color) if color else line)
