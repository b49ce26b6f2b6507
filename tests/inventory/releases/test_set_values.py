"""A value at a path, as `helm --set` writes it; the expectations are what Helm's strvals tests have."""

from __future__ import annotations

from typing import Any

import pytest

from rewriter.inventory.releases.set_values import set_value, typed


@pytest.mark.parametrize(
    ("values", "path", "expected"),
    [
        ({}, "a.b", {"a": {"b": 1}}),
        ({"a": {"c": 2}}, "a.b", {"a": {"c": 2, "b": 1}}),
        ({"a": "text"}, "a.b", {"a": {"b": 1}}),
        ({}, "a[1].b", {"a": [None, {"b": 1}]}),
        ({"a": [{"c": 2}]}, "a[0].b", {"a": [{"c": 2, "b": 1}]}),
        ({}, "a[0][1]", {"a": [[None, 1]]}),
        ({}, r"labels.example\.com/team", {"labels": {"example.com/team": 1}}),
        ({}, "a[x]", None),
        ({}, "", None),
        ({}, "a..b", None),
    ],
)
def test_set_value(values: dict[str, Any], path: str, expected: dict[str, Any] | None) -> None:
    before = repr(values)
    assert set_value(values, path, 1) == expected
    assert repr(values) == before


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("null", None),
        ("8080", 8080),
        ("007", "007"),
        ("1.18", "1.18"),
        ("{a,b}", ["a", "b"]),
        ("{}", []),
        ("", ""),
        (5, 5),
    ],
)
def test_typed(text: Any, value: Any) -> None:
    assert typed(text) == value
