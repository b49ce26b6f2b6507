"""Proof 2: which places of a comment are right after a fix, and which are not."""

from __future__ import annotations

import pytest

from rewriter import yamltext
from rewriter.engine.proofs.comments import prove_places
from rewriter.engine.proofs.manifest import ProofError
from tests.yamltext.support import Operation, add, remove

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
