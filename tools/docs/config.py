"""The reference of `cnpfix.toml`, from the table of its keys."""

from __future__ import annotations

from rewriter.config.reference import KEYS

_HEAD = """# Configuration

The nearest `cnpfix.toml` upward from the paths counts, or `[tool.cnpfix]` in a `pyproject.toml`. Its folder is what
belongs together: globs are relative to it, and facts are looked for below it. An unknown key is refused, with the
nearest right one. `cnpfix init` writes a first configuration from what it finds in the tree.

```toml
from = "1.18"
to = "1.19"

[[clusters]]
name = "cluster-a"
local = ["clusters/a/**"]
pod_cidrs = ["10.0.0.0/16"]

[passes.cluster-entity]
remote = "all"

[[per-path]]
paths = ["legacy/**"]
ignore = ["internal-cidr"]
```"""


def config_page() -> str:
    """Every key, table by table."""
    parts = [_HEAD]
    for table in dict.fromkeys(key.table for key in KEYS):
        rows = [f"| `{key.name}` | {key.kind} | {key.meaning} |" for key in KEYS if key.table == table]
        title = f"`{table}`" if table else "Top level"
        parts.append("\n".join([f"## {title}", "", "| key | value | meaning |", "| --- | --- | --- |", *rows]))
    return "\n\n".join(parts) + "\n"
