"""Recorded answers of Cilium's own engine: a selection in tests/data, and all of them where ../shared is present."""

from __future__ import annotations

import functools
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

_VECTORS = Path(__file__).parents[2].parent / "shared" / "vectors"
_DATA = Path(__file__).parents[1] / "data"


@functools.cache
def verdict_cases() -> tuple[dict[str, Any], ...]:
    """The recorded verdict cases; skips the test when ../shared/vectors is not there."""
    return _lines(_present("verdicts.jsonl.gz"))


@functools.cache
def second_verdict_cases() -> tuple[dict[str, Any], ...]:
    """The recorded cases of single features; skips the test when ../shared/vectors is not there."""
    return _lines(_present("verdicts2.jsonl.gz"))


@functools.cache
def selected_verdict_cases() -> tuple[dict[str, Any], ...]:
    """The verdict cases that are part of the project, of both sets."""
    return _lines(_DATA / "verdicts.jsonl.gz")


@functools.cache
def validation_entries() -> tuple[dict[str, Any], ...]:
    """The recorded validation entries; skips the test when ../shared/vectors is not there."""
    return tuple(json.loads(_present("validation.json").read_text()))


@functools.cache
def selected_validation_entries() -> tuple[dict[str, Any], ...]:
    """The validation entries that are part of the project."""
    return _lines(_DATA / "validation.jsonl.gz")


def recorded(case: dict[str, Any], version: str) -> tuple[list[bool], dict[int, list[str]]]:
    """What the engine answered on 1.19 or 1.20: which policies it accepts, and both verdicts of the flows by index.

    Flows from the host to itself are left out: they never leave it.
    """
    older = case.get("flows119dev", {}) if version == "1.19" else {}
    key = "accepted119dev" if version == "1.19" else "accepted"
    hosts = {item["name"] for item in case["identities"] if "reserved:host" in [*map(_key, item.get("labels", ()))]}
    flows = {
        index: older.get(str(index), flow[4:6])
        for index, flow in enumerate(case["flows"])
        if not hosts.issuperset(flow[:2])
    }
    return [entry.get(key, entry["accepted"]) for entry in case["policies"]], flows


def _key(label: str) -> str:
    return label.partition("=")[0]


def rests_on_map_order(node: Any) -> bool:
    """Whether matchLabels hold `any:K` and `K`: what the engine answers then depends on the order of a Go map."""
    if isinstance(node, dict):
        labels = node.get("matchLabels")
        keys = list(labels) if isinstance(labels, dict) else []
        twice = any(key.startswith("any:") and key.removeprefix("any:") in keys for key in keys)
        return twice or any(map(rests_on_map_order, node.values()))
    return isinstance(node, list) and any(map(rests_on_map_order, node))


def _lines(path: Path) -> tuple[dict[str, Any], ...]:
    with gzip.open(path, "rt") as lines:
        return tuple(json.loads(line) for line in lines)


def _present(name: str) -> Path:
    path = _VECTORS / name
    if not path.exists():
        pytest.skip(f"../shared/vectors/{name} is not present")
    return path
