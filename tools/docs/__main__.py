"""Writes the generated documentation; with `--check`, only says what is stale (exit 1)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from tools.docs.cli import cli_page
from tools.docs.config import config_page
from tools.docs.man import man_page
from tools.docs.passes import pass_pages
from tools.docs.readme import mistakes, navigation, upgrade_table, with_output
from tools.docs.rooms import rooms_page

ROOT = Path(__file__).parent.parent.parent


def generated() -> Iterator[tuple[Path, str]]:
    """Every generated file with the text that it must have."""
    docs = ROOT / "docs"
    for name, text in pass_pages():
        yield docs / "passes" / name, text
    yield docs / "reference" / "cli.md", cli_page()
    yield ROOT / "integrations" / "man" / "cnpfix.1", man_page()
    yield docs / "reference" / "config.md", config_page()
    yield docs / "design" / "rooms.md", rooms_page(ROOT)
    yield docs / "upgrade.md", upgrade_table((docs / "upgrade.md").read_text("utf-8"))
    yield docs / "mistakes.md", mistakes((docs / "mistakes.md").read_text("utf-8"), ROOT)
    yield ROOT / "README.md", with_output((ROOT / "README.md").read_text("utf-8"), ROOT)
    yield ROOT / "mkdocs.yml", navigation((ROOT / "mkdocs.yml").read_text("utf-8"))


def main() -> int:
    check = "--check" in sys.argv[1:]
    stale = []
    wanted = dict(generated())
    for path, text in wanted.items():
        if path.exists() and path.read_text("utf-8") == text:
            continue
        stale.append(path)
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    for path in (ROOT / "docs" / "passes").glob("*.md"):
        if path not in wanted:
            stale.append(path)
            if not check:
                path.unlink()
    for path in stale:
        print(f"{path.relative_to(ROOT)}: {'is stale; run `make docs`' if check else 'written'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
