"""The parts of hand-written pages that are made: between `<!-- made: NAME -->` and `<!-- end -->`."""

from __future__ import annotations

import difflib
import io
import os
import re
import shlex
from contextlib import redirect_stderr, redirect_stdout
from itertools import pairwise
from pathlib import Path

from rewriter.cilium.version import SUPPORTED
from rewriter.passes import PASSES
from tools.docs.symptoms import by_pass, symptoms

#: `<!-- diff: FOLDER OLD NEW -->` in front of a block of the differences between two files.
_DIFF = re.compile(r"^<!-- diff: (?P<folder>\S+) (?P<old>\S+) (?P<new>\S+) -->\n```diff\n(?:.*\n)*?```$", re.MULTILINE)
_CONSOLE = re.compile(r"^\$ cd (?P<folder>\S+) && cnpfix (?P<arguments>.*)\n(?:.*\n)*?```$", re.MULTILINE)


def with_output(text: str, root: Path) -> str:
    """A page with what its commands print today, and with how the files that it compares differ."""
    text = _DIFF.sub(lambda found: _difference(found, root), text)
    return _CONSOLE.sub(lambda found: _console(found, root), text)


def mistakes(text: str, root: Path) -> str:
    """The catalogue of mistakes with its symptoms, its table of passes, and what its commands print today."""
    return with_output(_made(_made(text, "symptoms", symptoms()), "by-pass", by_pass()), root)


def upgrade_table(text: str) -> str:
    """The upgrade guide with its table of what concerns which upgrade."""
    rows = ["| from | to | passes |", "| --- | --- | --- |"]
    for before, after in pairwise(SUPPORTED):
        concerned = [pass_ for pass_ in PASSES if pass_.change == after or (pass_.change is None and pass_.spans)]
        names = ", ".join(f"[{pass_.id}](passes/{pass_.id}.md)" for pass_ in concerned if pass_.concerns(before, after))
        rows.append(f"| {before} | {after} | {names or 'none of its own'} |")
    return _made(text, "upgrades", "\n".join(rows))


def navigation(text: str) -> str:
    """The site's configuration with every pass in its navigation."""
    lines = [f"      - {pass_.code} {pass_.id}: passes/{pass_.id}.md" for pass_ in sorted(PASSES, key=lambda p: p.code)]
    start, end = "      # made: passes\n", "      # end\n"
    before, rest = text.split(start)
    return before + start + "\n".join(lines) + "\n" + end + rest.split(end)[1]


def _made(text: str, name: str, content: str) -> str:
    start, end = f"<!-- made: {name} -->\n", "<!-- end -->"
    before, rest = text.split(start)
    return f"{before}{start}{content}\n{end}{rest.split(end, 1)[1]}"


def _difference(found: re.Match[str], root: Path) -> str:
    """What one file says and the other does not, with the two lines before it."""
    old, new = ((root / found["folder"] / found[name]).read_text("utf-8").splitlines() for name in ("old", "new"))
    changes = list(difflib.unified_diff(old, new, n=2, lineterm=""))[2:]
    lines = [line for line in changes if not line.startswith("@@")]
    head = f"<!-- diff: {found['folder']} {found['old']} {found['new']} -->"
    return "\n".join([head, "```diff", *lines, "```"])


def _console(found: re.Match[str], root: Path) -> str:
    from rewriter.cli import run

    out = io.StringIO()
    here = Path.cwd()
    os.chdir(root / found["folder"])
    try:
        with redirect_stdout(out), redirect_stderr(io.StringIO()):
            run([*shlex.split(found["arguments"]), "--color", "never"])
    finally:
        os.chdir(here)
    return f"$ cd {found['folder']} && cnpfix {found['arguments']}\n{out.getvalue()}```"
