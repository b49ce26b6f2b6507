"""A document may have the parts of another value: it says the same, and what is equal is one object."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rewriter import yamltext

scalars = st.one_of(st.none(), st.booleans(), st.integers(-2, 2), st.floats(-2, 2), st.sampled_from(["", "a", "1"]))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3)
    ),
    max_leaves=12,
)


def document_of(value: Any) -> yamltext.Document:
    return yamltext.parse(json.dumps({"root": value}))[0]


@given(values, values)
def test_it_says_the_same_in_the_same_order(old: Any, new: Any) -> None:
    document = document_of(new)
    said, before = copy.deepcopy(document.value), copy.deepcopy(old)
    document.keep_parts({"root": old})
    assert repr(document.value) == repr(said)
    assert repr(old) == repr(before)


def test_what_is_equal_is_one_object() -> None:
    old = {"root": {"rules": [{"port": "80"}, {"port": "81"}], "name": "a", "labels": {"x": "1", "y": "2"}}}
    document = document_of({"rules": [{"port": "80"}, {"port": "82"}], "name": "a", "labels": {"y": "2", "x": "1"}})
    document.keep_parts(old)
    rules: Any = old["root"]["rules"]
    assert document.value["root"]["rules"][0] is rules[0]
    assert document.value["root"]["rules"][1] == {"port": "82"}
    assert list(document.value["root"]["labels"]) == ["y", "x"], "in the document's own order"
    same = document_of(old["root"])
    same.keep_parts(old)
    assert same.value is old
