"""Proof 2: which places of a comment are right after a fix, and which are not."""

from __future__ import annotations

import pytest

from rewriter import yamltext
from rewriter.engine.proofs.comments import prove_places
from rewriter.engine.proofs.manifest import ProofError
from tests.yamltext.support import Operation, add, remove, replace

#: By name: the text, what is done to it, and the text that it becomes.
RIGHT: dict[str, tuple[str, list[Operation], str]] = {
    "behind the bracket that others now begin before": (
        "a: [{\n  b: 1,\n}]  # of a\n",
        [add("/a/-", {})],
        "a: [{\n  b: 1,\n}, {}]  # of a\n",
    ),
    "between two dashes and what they begin": (
        "- - a\n-   -\n        # of b\n        b: 1\n",
        [add("/1/0", 0)],
        "- - a\n-   - 0\n    -\n        # of b\n        b: 1\n",
    ),
    "at the foot of a list, and then of the mapping around it": (
        "a:\n- b:\n  - c: 1\n  # foot\n",
        [add("/a/0/d", [1])],
        "a:\n- b:\n  - c: 1\n  d:\n    - 1\n  # foot\n",
    ),
    "at the foot of what is new at the end": (
        "a:\n  b: 1\n    # foot\nc: 1\n",
        [add("/a/d", {"e": 1})],
        "a:\n  b: 1\n  d:\n    e: 1\n    # foot\nc: 1\n",
    ),
    "below an item that becomes a mapping": (
        "a:\n- b\n  # foot\n",
        [replace("/a/0", {"b": 1})],
        "a:\n- b: 1\n  # foot\n",
    ),
    "below a member that goes": (
        "a:\n- b:\n    c: 1\n     # of c\n  d: 1\n",
        [remove("/a/0/b")],
        "a:\n# of c\n- d: 1\n",
    ),
    "between a key and its empty list": (
        "a:\n  # none\n  []\n",
        [replace("/a", [{}])],
        "a:\n  # none\n  - {}\n",
    ),
    "between a key and braces that fill": (
        "a:\n  # none\n  {}\nb: 1\n",
        [add("/a/c", [1])],
        "a:\n  # none\n  c:\n    - 1\nb: 1\n",
    ),
}
WRONG: dict[str, tuple[str, list[Operation], str]] = {
    "behind the bracket of another": (
        "a: [{\n  b: 1,\n}]  # of a\nc: [{\n  d: 1,\n}]\n",
        [add("/c/-", {})],
        "a: [{\n  b: 1,\n}]\nc: [{\n  d: 1,\n}, {}]  # of a\n",
    ),
    "behind a bracket instead of the member within": (
        "a: [{\n  b: 1,  # of b\n}]\n",
        [add("/a/-", {})],
        "a: [{\n  b: 1,\n}, {}]  # of b\n",
    ),
    "behind the bracket of the one before": (
        "a: [{\n  b: 1,\n}, {  # of c\n  c: 1,\n}]\n",
        [add("/a/-", {})],
        "a: [{\n  b: 1,  # of c\n}, {\n  c: 1,\n}, {}]\n",
    ),
    "above the item instead of behind its last member": (
        "a:\n  - b: 1\n    # behind b\n  - c: 1\n",
        [add("/d", 1)],
        "a:\n  # behind b\n  - b: 1\n  - c: 1\nd: 1\n",
    ),
    "at the foot of a list that is not new": (
        "a:\n- b: 1\n  # foot\nc:\n- d: 1\n",
        [add("/e", [1])],
        "a:\n- b: 1\nc:\n- d: 1\n  # foot\ne:\n- 1\n",
    ),
    "from between a key and its value to the next key": (
        "a:\n  # none\n  []\nb: 1\n",
        [replace("/a", [{}])],
        "a:\n  - {}\n# none\nb: 1\n",
    ),
    "from between a key and its value to the foot": (
        "a:\n  # none\n  []\nb: 1\n",
        [add("/c", 1)],
        "a:\n  []\n  # none\nb: 1\nc: 1\n",
    ),
    "above the next member": (
        "a: [{\n  b: {},  # of b\n  c: 1,\n}]\n",
        [remove("/a/0/b")],
        "a: [{\n  # of b\n  c: 1,\n}]\n",
    ),
}


def prove(case: tuple[str, list[Operation], str]) -> None:
    before, operations, after = case
    prove_places(yamltext.parse(before)[0], yamltext.parse(after)[0], operations)


@pytest.mark.parametrize("name", RIGHT)
def test_places_that_are_right(name: str) -> None:
    prove(RIGHT[name])


@pytest.mark.parametrize("name", WRONG)
def test_places_that_are_wrong(name: str) -> None:
    with pytest.raises(ProofError, match="would stand at another place"):
        prove(WRONG[name])


def test_the_comment_that_has_no_place_is_named() -> None:
    with pytest.raises(ProofError, match="the comment '# of b' would stand"):
        prove(("a: 1  # of a\nb: 1  # of b\nc: 1  # of c\n", [], "a: 1  # of a\nb: 1\nc: 1  # of c\n"))
