"""The commands beside the fixer, which has no name."""

from __future__ import annotations

import os
from difflib import get_close_matches
from pathlib import Path

from rewriter import patterns as re
from rewriter.cli.errors import UsageError

#: The commands and the modules of `rewriter.cli` that they are in.
COMMANDS = {
    "passes": "passes",
    "explain": "passes",
    "validate": "validate",
    "verdict": "verdict",
    "impact": "impact",
    "report": "report",
    "pr": "pr",
    "comment": "comment",
    "init": "init",
    "config": "config_schema",
    "server": "server",
    "snapshot": "snapshot",
    "fleet": "fleet",
}
SUMMARIES = {
    "passes": "the passes, the upgrades that they run for, and how far their fixes go",
    "explain": "a pass: what it finds, why that matters, before and after",
    "validate": "which Cilium releases accept each policy, and why others reject it",
    "verdict": "whether a flow passes, and the rule that decides",
    "impact": "which flows an upgrade changes, with and without the fixes",
    "report": "an HTML page for a reviewer",
    "pr": "the fixes as pull requests that are kept up to date",
    "comment": "what a pull request's policies do to traffic, as a comment that is kept up to date",
    "init": "a commented cnpfix.toml from what the repository holds",
    "config": "the JSON schema of cnpfix.toml, for editors",
    "server": "findings and fixes in an editor, by the Language Server Protocol",
    "snapshot": "the facts of live clusters, in a file for --inventory",
    "fleet": "many repositories: the findings of each on the facts of all, and their requests",
}

#: What people of other tools type first, and what it is here.
_ELSEWHERE = {
    "check": "cnpfix --check",
    "lint": "cnpfix --check",
    "fix": "cnpfix --write",
    "help": "cnpfix --help",
    "version": "cnpfix --version",
    "rules": "cnpfix passes",
    "diff": "cnpfix --dry-run",
}
_WORD = re.compile(r"[a-z][a-z-]{0,30}")


def refuse_unknown_command(word: str) -> None:
    """Raises UsageError with the nearest command for a first word that is neither one nor a path."""
    if not _WORD.fullmatch(word) or os.path.lexists(word):
        return
    close = get_close_matches(word, COMMANDS, n=1, cutoff=0.6)
    meant = _ELSEWHERE.get(word) or (f"cnpfix {close[0]}" if close else "")
    if meant:
        hint = f"did you mean `{meant}`?"
    else:
        from rewriter.discovery.reading import nearest

        hint = "; ".join(filter(None, (nearest(Path(word)), "`cnpfix --help` lists the commands")))
    raise UsageError(f"{word}: no such file or folder, and no command; {hint}")
