"""A page for each pass: its docstring, what it concerns, and a golden case before and after."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from rewriter.passes import PASSES
from rewriter.passes.kit.examples import Example, read_examples
from rewriter.passes.kit.registry import Pass


def pass_pages() -> Iterator[tuple[str, str]]:
    """File names and texts: an index, and a page for each pass."""
    examples = read_examples()
    yield "index.md", _index()
    for pass_ in PASSES:
        yield f"{pass_.id}.md", _page(pass_, examples.get(pass_.id))


def passes_table(folder: str) -> str:
    """The passes as a Markdown table, each with a link into the folder of their pages."""
    rows = [
        f"| [{pass_.code}]({folder}{pass_.id}.md) | `{pass_.id}` | {pass_.title} | {pass_.upgrades} |"
        for pass_ in sorted(PASSES, key=lambda pass_: pass_.code)
    ]
    return "\n".join(["| code | id | finds | runs for |", "| --- | --- | --- | --- |", *rows])


def _index() -> str:
    head = "# Passes\n\nOne pass finds one anti-pattern. They run in the order of their dependence, structure first."
    return f"{head}\n\n{passes_table('')}\n"


def _page(pass_: Pass, example: Example | None) -> str:
    facts = [
        f"**{pass_.title[0].upper()}{pass_.title[1:]}.**",
        "",
        f"- Kinds: {', '.join(sorted(pass_.kinds))}",
        f"- Runs for {pass_.upgrades}",
    ]
    if example is not None and example.applicabilities:
        facts.append(f"- Fixes: {', '.join(example.applicabilities)}")
    parts = [f"# {pass_.code} {pass_.id}", "\n".join(facts)]
    for title, text in _sections(pass_.documentation):
        shown = _example(example) if title == "Example" and example is not None else text
        parts.append(f"## {title}\n\n{shown}")
    parts.append(_suppression(pass_))
    return "\n\n".join(parts) + "\n"


def _suppression(pass_: Pass) -> str:
    return (
        f"## Leave one as it is\n\nPut `# cnpfix: ignore[{pass_.id}]` on the line, above the list item, or above the "
        f'document. `ignore = ["{pass_.id}"]` in `cnpfix.toml`, or `--ignore {pass_.code}`, leaves the pass out.'
    )


def _sections(documentation: str) -> list[tuple[str, str]]:
    parts = re.split(r"^## (.*)$", documentation, flags=re.MULTILINE)
    return [(title.strip(), text.strip("\n")) for title, text in zip(parts[1::2], parts[2::2], strict=True)]


def _example(example: Example) -> str:
    findings = "\n".join(f"- line {line}: {message}" for line, message in example.findings)
    if example.before == example.after:
        return f"With `{example.upgrade}`:\n\n```yaml\n{example.before.rstrip()}\n```\n\n{findings}"
    diff = difflib.ndiff(example.before.splitlines(), example.after.splitlines())
    lines = [line[0] + line[2:] for line in diff if line[0] != "?"]
    return f"With `{example.upgrade}`:\n\n```diff\n" + "\n".join(lines) + f"\n```\n\n{findings}"
