"""`cnpfix passes` and `cnpfix explain`: what the passes are."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from rewriter.cli.options import Color
from rewriter.cli.pass_names import pass_id
from rewriter.output.style import Style, style_for
from rewriter.passes import PASSES
from rewriter.passes.base import Pass

ColorOption = Annotated[Color, typer.Option("--color", help="Colour the output.")]


def passes(color: ColorOption = Color.AUTO) -> int:
    """List the passes: code, id, the upgrades that each concerns, and what it finds."""
    style = style_for(sys.stdout, color.value)
    width = max(len(each.id) for each in PASSES)
    versions = max(len(each.versions) for each in PASSES)
    print(style.paint(f"{'code':<7}  {'id':<{width}}  {'concerns':<{versions}}  finds", "dim"))
    for each in PASSES:
        print(f"{style.paint(each.code, 'bold')}   {each.id:<{width}}  {each.versions:<{versions}}  {each.title}")
    return 0


def explain(
    name: Annotated[str, typer.Argument(metavar="ID", help="A pass, by id or code.")],
    color: ColorOption = Color.AUTO,
) -> int:
    """Explain a pass: what it finds, why that matters, before and after, and how safe its fix is."""
    known = pass_id("explain", name)
    style = style_for(sys.stdout, color.value)
    print(page(next(each for each in PASSES if each.id == known), style))
    return 0


def page(each: Pass, style: Style) -> str:
    """A pass's documentation as terminal text: headings stand out, code is indented as it is written."""
    lines = [f"{style.paint(each.code, 'bold')} {style.paint(each.id, 'bold')}  ({each.versions})", ""]
    in_code = False
    for line in each.documentation.strip().splitlines():
        if line.startswith("```"):
            in_code = not in_code
            continue
        if in_code:
            color = {"+": "green", "-": "red"}.get(line[:1] if line[1:2] in (" ", "") else "", "")
            lines.append("    " + (style.paint(line, color) if color else line))
        elif line.startswith("#"):
            lines.append(style.paint(line.lstrip("# "), "bold"))
        else:
            lines.append(line)
    return "\n".join(lines)
