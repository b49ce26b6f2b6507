"""Operations that make one value another touch nothing that stays."""

from __future__ import annotations

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewriter.passes.kit.changes.change import patch

VALUES = st.recursive(
    st.sampled_from(["a", "b", 1, True]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["k", "l/m", "n~"]), inner, max_size=3),
    max_leaves=12,
)


@given(VALUES, VALUES)
def test_the_operations_make_the_one_value_the_other(old: object, new: object) -> None:
    before = {"at": old}
    assert jsonpatch.apply_patch(before, list(patch("/at", old, new))) == {"at": new}


@pytest.mark.parametrize(
    ("old", "new", "operations"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, [{"op": "add", "path": "/b", "value": 2}]),
        ([1, 2, 3], [1, 3], [{"op": "remove", "path": "/1"}]),
        ([1, 3], [1, 2, 3], [{"op": "add", "path": "/1", "value": 2}]),
        ([{"a": 1}, 2], [{"a": 3}, 2], [{"op": "replace", "path": "/0/a", "value": 3}]),
        ({"a": 1}, {"a": 1}, []),
    ],
)
def test_what_stays_is_not_touched(old: object, new: object, operations: list[dict[str, object]]) -> None:
    assert list(patch("", old, new)) == operations
