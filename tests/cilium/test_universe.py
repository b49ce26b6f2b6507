from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewriter.cilium.cidr import Prefix
from rewriter.cilium.identity import Identity, outside_identity, reserved_identity
from rewriter.cilium.labels import Label
from rewriter.cilium.terms import ANYTHING, CidrTerm, Condition, LabelTerm, pods_with
from rewriter.cilium.universe import LabelMask, Universe, positions


def prefixes() -> st.SearchStrategy[Prefix]:
    def build(width: int, bits: int, value: int) -> Prefix:
        shift = width - bits
        return Prefix(width, value >> shift << shift, bits)

    return st.builds(build, st.just(32), st.integers(0, 6), st.integers(0, (1 << 32) - 1)) | st.builds(
        build, st.just(128), st.integers(0, 4), st.integers(0, (1 << 128) - 1)
    )


@given(st.lists(prefixes(), max_size=8), prefixes(), st.lists(prefixes(), max_size=3))
def test_cidrs_select_the_prefixes_inside(known: list[Prefix], prefix: Prefix, exceptions: list[Prefix]) -> None:
    universe = Universe([reserved_identity("world"), *map(outside_identity, known)])
    selected = set(positions(universe.select(CidrTerm(prefix, tuple(exceptions)))))
    expected = {
        position
        for position, found in enumerate(known, start=1)
        if prefix.contains(found) and not any(exception.contains(found) for exception in exceptions)
    }
    assert selected == expected


def test_sources_of_labels() -> None:
    identities = [
        Identity("pod", frozenset({Label("k8s", "app", "x")})),
        Identity("container", frozenset({Label("container", "app", "x")})),
        Identity("other", frozenset({Label("k8s", "app", "y")})),
    ]
    universe = Universe(identities)

    def names(source: str, operator: str, *values: str) -> list[str]:
        term = LabelTerm((Condition(source, "app", operator, values),))
        return [identity.name for identity in universe.members(universe.select(term))]

    assert names("any", "In", "x") == ["pod", "container"]
    assert names("k8s", "In", "x") == ["pod"]
    assert names("k8s", "NotIn", "x") == ["container", "other"]
    assert names("container", "Exists") == ["container"]
    assert names("container", "DoesNotExist") == ["pod", "other"]
    assert universe.select(ANYTHING) == universe.all


def test_cells_take_the_lowest_bits() -> None:
    cells = [LabelMask(Label("k8s", "app", "x"), 0b01), LabelMask(Label("k8s", "app", "y"), 0b10)]
    pod = Identity("pod", frozenset({Label("k8s", "app", "x")}))
    universe = Universe([pod], cells=cells, cell_count=2)
    assert universe.select(pods_with("app", "x")) == 0b101
    assert universe.select(pods_with("app")) == universe.all == 0b111
    assert universe.members(universe.all) == [pod]


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        (Condition("k8s", "app", "In", ("x",)), ["one"]),
        (Condition("any", "app", "In", ("x", "y")), ["one", "two"]),
        (Condition("k8s", "app", "NotIn", ("x",)), ["two", "three"]),
        (Condition("k8s", "app", "Exists"), ["one", "two"]),
        (Condition("k8s", "app", "DoesNotExist"), ["three"]),
        (Condition("k8s", "app", "In", ("never",)), []),
        (Condition("k8s", "other", "In", ("x",)), []),
    ],
)
def test_what_meets_a_condition_is_what_a_term_of_it_alone_selects(condition: Condition, names: list[str]) -> None:
    identities = [
        Identity("one", frozenset({Label("k8s", "app", "x")})),
        Identity("two", frozenset({Label("k8s", "app", "y")})),
        Identity("three", frozenset({Label("k8s", "tier", "x")})),
    ]
    universe = Universe(identities)
    assert [identity.name for identity in universe.members(universe.meeting(condition))] == names
    assert universe.meeting(condition) == universe.select(LabelTerm((condition,)))
