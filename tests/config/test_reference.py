"""The reference names every key that a configuration may have, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rewriter.config import load, table
from rewriter.config.reference import KEYS
from rewriter.passes import PASS_IDS


def _asked(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, str]]:
    """Table and key of all that the reader asks for in a configuration with every table in it."""
    asked: set[tuple[str, str]] = set()
    finish = table.TableReader.finish

    def recording(reader: table.TableReader) -> None:
        asked.update((reader.where, key) for key in reader.asked)
        finish(reader)

    monkeypatch.setattr(table.TableReader, "finish", recording)
    tables = {
        "clusters": [{"name": "a"}],
        "per-path": [{"paths": ["**"]}],
        "passes": {each: {} for each in PASS_IDS.values()} | {"missing-namespace": {"app=x": "y"}},
    }
    load.read_config(tables, file=Path("cnpfix.toml"), pass_ids=PASS_IDS)
    return asked


def test_every_key_is_in_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    named = {(key.table, key.name) for key in KEYS}
    found = set()
    for where, key in _asked(monkeypatch):
        table = re.sub(r"^(clusters|per-path)\[0\]\.$", r"[[\1]]", where)
        table = re.sub(r"^passes\.(.+)\.$", r"[passes.\1]", table).replace("facts.", "[facts]").replace("pr.", "[pr]")
        if table == "passes." or (table == "" and key in ("clusters", "facts", "per-path", "passes", "pr")):
            continue
        if key == "applicability":
            table = "[passes.<id>]"
        found.add((table, '"key=value"' if key == "app=x" else key))
    assert found == named
