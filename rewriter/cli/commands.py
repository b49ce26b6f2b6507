"""The commands beside the fixer, which has no name."""

from __future__ import annotations

#: The commands and the modules of `rewriter.cli` that they are in.
COMMANDS = {
    "passes": "passes",
    "explain": "passes",
    "validate": "validate",
    "verdict": "verdict",
    "impact": "impact",
    "report": "report",
    "pr": "pr",
    "init": "init",
    "snapshot": "snapshot",
}
SUMMARIES = {
    "passes": "the passes, the upgrades that they run for, and how far their fixes go",
    "explain": "a pass: what it finds, why that matters, before and after",
    "validate": "which Cilium releases accept each policy, and why others reject it",
    "verdict": "whether a flow passes, and the rule that decides",
    "impact": "which flows an upgrade changes, with and without the fixes",
    "report": "an HTML page for a reviewer",
    "pr": "the fixes as pull requests that are kept up to date",
    "init": "a commented cnpfix.toml from what the repository tells",
    "snapshot": "the facts of live clusters, in a file for --inventory",
}
