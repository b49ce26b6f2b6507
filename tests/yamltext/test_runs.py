"""Many items that are added to a list at once come into the text as they do one by one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rewriter import yamltext

_PIECES = st.sampled_from(
    [
        "- {name: a, port: 80}\n",
        "- name: b\n  port: '80'\n",
        "- name: c # beside\n  port: 80\n  # at the foot\n",
        "# above\n- name: d\n  ports:\n  - 1\n",
        "-   name: e\n    port: 80\n\n",
        "- plain\n",
        "- [1, 2]\n",
    ]
)
_NAMES = st.sampled_from(["x", "yes", "a b", "80", "#"])
_ITEMS = st.one_of(
    st.fixed_dictionaries({"name": _NAMES}),
    st.fixed_dictionaries({"name": _NAMES, "port": st.sampled_from([80, "80"])}),
    st.fixed_dictionaries({"name": _NAMES, "ports": st.lists(st.integers(0, 9), min_size=1, max_size=2)}),
    _NAMES,
)


@st.composite
def _alike(draw: st.DrawFn) -> list[Any]:
    """Mostly items of one kind, as passes add them."""
    first = draw(_ITEMS)
    return [first if draw(st.booleans()) else draw(_ITEMS) for _ in range(draw(st.integers(1, 9)))]


@settings(max_examples=300, deadline=None)
@given(st.lists(_PIECES, min_size=1, max_size=4), _alike(), st.integers(1, 4), st.booleans())
def test_a_run_of_items_is_written_as_one_after_the_other(
    pieces: list[str], values: list[Any], place: int, newline: bool
) -> None:
    text = "list:\n" + "".join(pieces) + "after: 1\n"
    if not newline:
        text = "list:\n" + "".join(pieces).rstrip("\n")
    place = min(place, len(pieces))
    operations = [{"op": "add", "path": f"/list/{place + n}", "value": value} for n, value in enumerate(values)]
    expected = text
    for operation in operations:
        expected = yamltext.edit(expected, 0, [operation])
    assert yamltext.edit(text, 0, operations) == expected


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    "piece", ["- {name: a, port: 1}\n", "- name: b # beside\n  port: 1\n", "- name: c\n  port: 1\n\n"]
)
def test_eight_items_of_one_shape(piece: str, place: int) -> None:
    text = f"list:\n{piece}{piece}after: 1\n"
    operations = [
        {"op": "add", "path": f"/list/{place + number}", "value": {"name": f"x{number}", "port": 80 + number}}
        for number in range(8)
    ]
    expected = text
    for operation in operations:
        expected = yamltext.edit(expected, 0, [operation])
    assert yamltext.edit(text, 0, operations) == expected
