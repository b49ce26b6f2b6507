"""A moved member takes its lines and comments with it where they are whole lines, and its value always."""

from __future__ import annotations

from typing import Any

import pytest

from rewriter import yamltext

MOVES: list[dict[str, Any]] = [
    {"op": "add", "path": "/1", "value": {"b": [1], "c": 2}},
    {"op": "move", "from": "/0/b", "path": "/1/b"},
]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "- a: x   # one\n  # head\n  b:   # two\n  - 1   # three\n    # inner\n  c: 2   # four\n",
            "- a: x   # one\n  c: 2   # four\n# head\n- b:   # two\n  - 1   # three\n    # inner\n  c: 2\n",
        ),
        ("- a: x\n  b: [1]  # two\n  c: 2", "- a: x\n  c: 2\n- b: [1]  # two\n  c: 2"),
        (
            "- a: x\r\n  b:   # two\r\n    - 1\r\n  c: 2\r\n",
            "- a: x\r\n  c: 2\r\n- b:   # two\r\n    - 1\r\n  c: 2\r\n",
        ),
        (
            "- a: x\n  b:   # two\n    - 1\r\n  c: 2\r\n",
            "- a: x\n  c: 2\r\n- b:   # two\n    - 1\r\n  c: 2\r\n",
        ),
        (
            "- a: x\n  c: 2\n# one\n    # two\n  b:\n  - 1\n  # - 2\n",
            "- a: x\n  c: 2\n# one\n# two\n- b:\n  - 1\n  # - 2\n  c: 2\n",
        ),
        (
            "- a: x\n  c: 2\n  b:\n    - 1\n  # foot\n",
            "- a: x\n  c: 2\n  # foot\n- b:\n    - 1\n  c: 2\n",
        ),
        ("[{a: x, b: [1], c: 2}]\n", "[{a: x, c: 2}, {b: [1], c: 2}]\n"),
    ],
    ids=["comments", "no final newline", "crlf", "mixed line ends", "left of the key", "foot of the item", "flow"],
)
def test_moves(before: str, after: str) -> None:
    assert yamltext.edit(before, 0, MOVES) == after


def test_a_member_that_does_not_begin_its_line_leaves_its_comment() -> None:
    before = "- b: [1]   # two\n  a: x\n  c: 2\n"
    after = yamltext.edit(before, 0, MOVES)
    assert yamltext.parse(after)[0].value == [{"a": "x", "c": 2}, {"b": [1], "c": 2}]
    assert [comment.text for comment in yamltext.comments(after)] == ["# two"]


def test_an_anchored_value_is_not_written_twice() -> None:
    before = "- a: x\n  b: [&one 1]\n  c: 2\n"
    after = yamltext.edit(before, 0, MOVES)
    assert yamltext.parse(after)[0].value == [{"a": "x", "c": 2}, {"b": [1], "c": 2}]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("- b: [1]\n  d: &x 1\n- a: 1\n  b: [*x] # two\n", "- b: [1]\n  d: &x 1\n# two\n- a: 1\n"),
        ("- b: [2] # one\n  d: 1\n- a: 1\n  b: [1] # two\n", "- b: [1] # one\n  d: 1\n# two\n- a: 1\n"),
    ],
    ids=["an alias before its anchor", "another value"],
)
def test_lines_stay_where_others_cannot_stand(before: str, after: str) -> None:
    assert yamltext.edit(before, 0, [{"op": "move", "from": "/1/b", "path": "/0/b"}]) == after


@pytest.mark.parametrize(
    ("made", "place", "after"),
    [
        ({"e": [1], "c": 2}, "/1/e", "- a: x\n  c: 2\n- e: [1] # two\n  c: 2\n"),
        ({"d": {"b": [1]}, "c": 2}, "/1/d/b", "- a: x\n  c: 2\n- d:\n    b: [1] # two\n  c: 2\n"),
        ({"b": [9, 8], "c": 2}, "/1/b", "- a: x\n  c: 2\n- b: [1] # two\n  c: 2\n"),
    ],
    ids=["another name", "deeper", "another value there"],
)
def test_a_member_that_is_another_where_it_goes(made: dict[str, Any], place: str, after: str) -> None:
    moves: list[dict[str, Any]] = [
        {"op": "add", "path": "/1", "value": made},
        {"op": "move", "from": "/0/b", "path": place},
    ]
    assert yamltext.edit("- a: x\n  b: [1] # two\n  c: 2\n", 0, moves) == after


@pytest.mark.parametrize(
    "inside",
    [
        "  # above b\n  b: # of b\n    - 1 # one\n\n    - 2\n  c: 2\n",
        "  c: 2\n  # above b\n  b: # of b\n    - 1 # one\n\n    - 2\n",
    ],
    ids=["first", "last"],
)
def test_a_member_that_goes_further_out_keeps_its_lines(inside: str) -> None:
    after = yamltext.edit(f"a:\n{inside}d: 3\n", 0, [{"op": "move", "from": "/a/b", "path": "/b"}])
    assert after == "a:\n  c: 2\n# above b\nb: # of b\n  - 1 # one\n\n  - 2\nd: 3\n"


def test_comments_left_of_a_member_that_goes_further_out_go_with_it_and_those_at_the_foot_stay() -> None:
    before = "a:\n- c: 2\n# above b,\n    # deeper\n  b: 1\n  # foot\nd: 3\n"
    after = yamltext.edit(before, 0, [{"op": "move", "from": "/a/0/b", "path": "/b"}])
    assert after == "a:\n- c: 2\n  # foot\n# above b,\n# deeper\nb: 1\nd: 3\n"
