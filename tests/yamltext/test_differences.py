"""Where two values differ, whatever the order of their lists."""

from __future__ import annotations

import time
from typing import Any

import pytest

from rewriter.yamltext.differences import differences


def rule(app: str, port: int = 80) -> dict[str, Any]:
    return {"from": [{"labels": {"app": app}}], "ports": [{"port": port}]}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([rule("a"), rule("b")], [rule("b"), rule("a")]),
        ({"a": [1, 2], "b": None}, {"b": None, "a": [2, 1]}),
        ({"a": 1}, {"a": 1}),
    ],
)
def test_what_only_stands_elsewhere_is_no_difference(old: Any, new: Any) -> None:
    assert differences(old, new) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([rule("a"), rule("b")], [rule("n"), rule("a"), rule("b")], [("added", "[0]")]),
        ([rule("a"), rule("b")], [rule("b")], [("removed", "[0]")]),
        ([rule("a"), rule("a")], [rule("a")], [("removed", "[0]")]),
        ([rule("a"), rule("b")], [rule("b", 81), rule("a")], [("changed", "[0].ports[0].port")]),
        (
            {"l": {"x": 1, "a.b/c": 1}},
            {"l": {"x": 1, "a.b/d": 1}},
            [("removed", 'l["a.b/c"]'), ("added", 'l["a.b/d"]')],
        ),
        ({"a": "1"}, {"a": 1}, [("changed", "a")]),
        ({"a": {"b": 1}}, {"a": {"c": 1}}, [("changed", "a")]),
        ({"a": []}, {"a": {}}, [("changed", "a")]),
        ([{"n": n} for n in range(12)], [{"n": n} for n in range(1, 12)], [("removed", "[0]")]),
    ],
)
def test_a_difference_is_at_the_innermost_place(old: Any, new: Any, expected: list[tuple[str, str]]) -> None:
    assert [(found.change, found.place) for found in differences(old, new)] == expected


def test_a_difference_holds_what_was_there_and_what_is() -> None:
    found = differences({"a": 1, "b": 2, "c": 0}, {"a": 1, "b": 3, "d": 4, "c": 0})
    assert [(each.place, each.old, each.new) for each in found] == [("b", 2, 3), ("d", None, 4)]
    assert [(each.old, each.new) for each in differences([1, 2], [2])] == [(1, None)]


def test_a_pointer_escapes_what_pointers_escape() -> None:
    (found,) = differences({"l": {"x": 1}}, {"l": {"x": 1, "a~b/c": 1}})
    assert found.pointer == "/l/a~0b~1c"


def test_long_lists_of_which_much_changes_are_compared_item_by_item() -> None:
    """Every rule held against every other would take minutes."""
    old = [rule(f"a{n}", n) for n in range(200)]
    started = time.process_time()
    found = differences(old, [rule(f"a{n}", n + 1000) for n in range(200)])
    assert len(found) == 200
    assert {item.change for item in found} == {"changed"}
    assert time.process_time() - started < 10
