"""Comments of nodes that go stand at what is added nearest to where they stood, else at what held the nodes."""

from __future__ import annotations

import pytest

from rewriter import yamltext
from tests.yamltext.support import Operation, add, remove, replace

CASES: dict[str, tuple[str, list[Operation], str]] = {
    "what is added in its place": (
        "rules:\n- a: 1\n- b: 2\n  # about c\n- c: 3   # beside c\n- d: 4\n",
        [remove("/rules/2"), add("/rules/2", {"x": 1})],
        "rules:\n- a: 1\n- b: 2\n  # about c\n- x: 1  # beside c\n- d: 4\n",
    ),
    "the nearest of what is added": (
        "rules:\n- a: 1\n- b: 2\n  # about c\n- c: 3   # beside c\n- d: 4\n",
        [remove("/rules/2"), add("/rules/0", {"x": 1}), add("/rules/3", {"y": 2})],
        'rules:\n- x: 1\n- a: 1\n- b: 2\n  # about c\n- "y": 2  # beside c\n- d: 4\n',
    ),
    "nothing is added": (
        "rules:\n- a: 1\n- b: 2\n  # about c\n- c: 3   # beside c\n- d: 4\n",
        [remove("/rules/2")],
        "# beside c\nrules:\n- a: 1\n- b: 2\n  # about c\n- d: 4\n",
    ),
    "what is added further up": (
        "rules:\n- a: 1\n- b: 2\n  # about c\n- c: 3   # beside c\n- d: 4\n",
        [add("/rules/1", {"x": 1}), remove("/rules/3")],
        "rules:\n- a: 1\n- x: 1  # beside c\n- b: 2\n  # about c\n- d: 4\n",
    ),
    "what is added is replaced again": (
        "m:\n  k:\n    # about a\n    a: 1\n    b: 2\n  z: 9\n",
        [add("/m/k/new", 5), remove("/m/k/a"), replace("/m/k", {"q": 1})],
        "m:\n  k:\n    # about a\n    q: 1\n  z: 9\n",
    ),
    "what is added goes again": (
        "m:\n  k:\n    a: 1   # beside a\n    b: 2\n  z: 9\n",
        [remove("/m/k/a"), add("/m/k/new", 5), remove("/m/k")],
        "# beside a\nm:\n  z: 9\n",
    ),
    "the holder goes too": (
        "m:\n  k:\n    a: 1   # beside a\n    b: 2\n  z: 9\n",
        [remove("/m/k/a"), remove("/m/k")],
        "# beside a\nm:\n  z: 9\n",
    ),
    "an item before the holder goes": (
        "l:\n- a: 1\n- b:\n    c: 2   # beside c\n    d: 3\n- e: 5\n",
        [remove("/l/1/b/c"), remove("/l/0")],
        "l:\n# beside c\n- b:\n    d: 3\n- e: 5\n",
    ),
    "an item comes before the holder": (
        "l:\n- a: 1\n- b:\n    c: 2   # beside c\n    d: 3\n- e: 5\n",
        [remove("/l/1/b/c"), add("/l/0", {"n": 1})],
        'l:\n- "n": 1  # beside c\n- a: 1\n- b:\n    d: 3\n- e: 5\n',
    ),
    "each with its line where that comes back": (
        "m:\n  k: # of k\n    a: 1   # beside a\n    # above b\n    b: 2\n  z: 9\n",
        [remove("/m/k"), add("/m/new", {"x": 0, "a": 1, "b": 2})],
        "m:\n  new: # of k\n    x: 0\n    a: 1   # beside a\n    # above b\n    b: 2\n  z: 9\n",
    ),
    "all that stand above a line that comes back": (
        "m:\n  k:\n    a: 1\n    # one\n    # two\n    b: 2\n    c: 3\n  z: 9\n",
        [remove("/m/k/b"), add("/m/new", {"x": 0, "b": 2})],
        "m:\n  k:\n    a: 1\n    c: 3\n  z: 9\n  new:\n    x: 0\n    # one\n    # two\n    b: 2\n",
    ),
    "the line of a key alone is looked for in the nearest only": (
        "m:\n- p:\n  # above k\n  - k:\n      a: 1\n  q: [1]\n- b: {}\n",
        [add("/m/0/a", 1), add("/m/1/b/k", {"c": 2}), remove("/m/0/p")],
        "m:\n- q: [1]\n  # above k\n  a: 1\n- b:\n    k:\n      c: 2\n",
    ),
    "above and beside": (
        "m:\n  # one\n  # two\n  a: 1   # three\n  b: 2\n",
        [remove("/m/a"), add("/m/c", 3)],
        "m:\n  # one\n  # two\n  c: 3   # three\n  b: 2\n",
    ),
    "what is added has no first line of its own": (
        "m:\n  a: 1   # three\n  b: 2\n",
        [remove("/m/a"), add("/m/c", [1])],
        "m:\n  c:   # three\n    - 1\n  b: 2\n",
    ),
    "what is added gets another value": (
        "m:\n  # about a\n  a: 1\n  b: 2\n",
        [remove("/m/a"), add("/m/k", 5), replace("/m/k", 6)],
        "m:\n  # about a\n  k: 6\n  b: 2\n",
    ),
    "what is added is pushed back": (
        "l:\n- a: 1\n- b: 2\n# about c\n- c: 3\n- d: 4\n",
        [remove("/l/2"), add("/l/2", {"x": 1}), add("/l/0", {"y2": 2})],
        "l:\n- y2: 2\n- a: 1\n- b: 2\n# about c\n- x: 1\n- d: 4\n",
    ),
    "what is added moves up": (
        "l:\n- a: 1\n- b: 2\n# about c\n- c: 3\n- d: 4\n",
        [remove("/l/2"), add("/l/2", {"x": 1}), remove("/l/0")],
        "l:\n- b: 2\n# about c\n- x: 1\n- d: 4\n",
    ),
    "the holder goes from a deeper place": (
        "top: 1\nm:\n  k:\n    a: 1   # beside a\n    b: 2\n  z: 9\n",
        [remove("/m/k/a"), remove("/m/k")],
        "top: 1\n# beside a\nm:\n  z: 9\n",
    ),
    "a deeper holder": (
        "top: 1\nm:\n  k:\n    a: 1   # beside a\n    b: 2\n  z: 9\n",
        [remove("/m/k/a")],
        "top: 1\nm:\n  # beside a\n  k:\n    b: 2\n  z: 9\n",
    ),
    "a holder in brackets begins behind its key": (
        'm:\n  l: [{\n    "on": {}, # c\n    a: 1,\n  }, 2]\n  k: [{\n    # d\n    a: 1, # e\n    b: 2,\n  }]\n',
        [remove("/m/l/0/on"), remove("/m/k/0/a")],
        "m:\n  # c\n  l: [{\n    a: 1,\n  }, 2]\n  # d\n  # e\n  k: [{\n    b: 2,\n  }]\n",
    ),
    "a holder in brackets begins behind another": (
        "l: [{\n  a: 1,\n}, { # of the second\n  # b\n  b: 2, # c\n  c: 3,\n}]\n",
        [remove("/l/1/b")],
        "l: [{\n  a: 1,\n}, { # of the second\n  c: 3,\n  # b\n  # c\n}]\n",
    ),
    "a holder in brackets below its key": (
        "l:\n  [\n    # about a\n    {a: 1}, # beside a\n    {b: 2}\n  ]\n",
        [remove("/l/0")],
        "# about a\n# beside a\nl:\n  [\n    {b: 2}\n  ]\n",
    ),
    "beside the first value of what is added": (
        "l:\n- a: 1   # beside a\n- b: 2\n",
        [remove("/l/0"), add("/l/0", {"c": {"d": 1}, "e": [2]})],
        "l:\n- c:\n    d: 1  # beside a\n  e:\n  - 2\n- b: 2\n",
    ),
    "the holder is pushed back": (
        "l:\n- a: 1\n- b:\n    c: 2   # beside c\n    d: 3\n- e: 5\n",
        [remove("/l/1/b/c"), remove("/l/2"), remove("/l/0")],
        "l:\n# beside c\n- b:\n    d: 3\n",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_comments_of_nodes_that_go(name: str) -> None:
    before, operations, after = CASES[name]
    assert yamltext.edit(before, 0, operations) == after
