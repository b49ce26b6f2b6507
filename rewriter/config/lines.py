"""The lines of keys in a TOML file, which its parser does not report."""

from __future__ import annotations

from rewriter import patterns as re

_HEADER = re.compile(r"\s*\[\[?\s*(?P<name>[^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*(?:"(?P<double>[^"]+)"|'(?P<single>[^']+)'|(?P<bare>[A-Za-z0-9_-]+))\s*=""")


def lines_of_tables(text: str, name: str) -> list[dict[str, int]]:
    """The line (from 1) of each key of the tables `[[name]]`, one mapping for each table; "" is that of its header."""
    found: list[dict[str, int]] = []
    inside = False
    for number, row in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(row):
            inside = row.lstrip().startswith("[[") and _plain(header["name"]) == name
            found += [{"": number}] if inside else []
        elif inside and (key := _KEY.match(row)):
            found[-1].setdefault(key["double"] or key["single"] or key["bare"], number)
    return found


def _plain(name: str) -> str:
    return re.sub(r"[\s\"']", "", name)
