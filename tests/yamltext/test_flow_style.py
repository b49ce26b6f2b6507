"""A member that is written in flow style stays so when it gets another name and value."""

from __future__ import annotations

from typing import Any

import pytest

from rewriter import yamltext

PEERS = [{"matchLabels": {"app": "db", "tier": "data"}}]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "r:\n- old: [{a: {b: c}}]   # why\n  x: 1\n",
            "r:\n- new: [{matchLabels: {app: db, tier: data}}]   # why\n  x: 1\n",
        ),
        ("r:\n- old: [a, b]\n", "r:\n- new:\n  - matchLabels:\n      app: db\n      tier: data\n"),
        ("r:\n- old:\n  - {a: b}\n", "r:\n- new:\n  - matchLabels:\n      app: db\n      tier: data\n"),
    ],
    ids=["nested flow", "a list of scalars", "block"],
)
def test_a_renamed_member_keeps_its_style(before: str, after: str) -> None:
    operations: list[Any] = [{"op": "remove", "path": "/r/0/old"}, {"op": "add", "path": "/r/0/new", "value": PEERS}]
    assert yamltext.edit(before, 0, operations) == after


def test_a_long_line_is_not_kept() -> None:
    value = [{"matchLabels": {f"label-{number}": "value" for number in range(10)}}]
    operations: list[Any] = [{"op": "remove", "path": "/r"}, {"op": "add", "path": "/s", "value": value}]
    assert yamltext.edit("r: [{a: b}]\n", 0, operations).startswith("s:\n")
