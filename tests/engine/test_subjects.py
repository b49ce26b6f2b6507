"""Which subjects of rules a peer may mean: an index answers as a look at each of them does."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from rewriter.cilium.labels import ANY, NAMESPACE_LABEL, NAMESPACE_LABELS_PREFIX, NAMESPACE_NAME_LABEL
from rewriter.cilium.terms import Condition, LabelTerm, label_term, may_meet
from rewriter.engine.effects.subjects import Subjects

NAMESPACE_NAME = NAMESPACE_LABELS_PREFIX + NAMESPACE_NAME_LABEL


def demand(key: str, *values: str, operator: str = "In") -> Condition:
    return Condition(ANY, key, operator, values)


def term(*conditions: Condition) -> LabelTerm:
    return label_term(conditions)


values = st.lists(st.sampled_from("abc"), min_size=1, max_size=2, unique=True).map(tuple)
conditions = st.builds(
    lambda key, operator, values: Condition(ANY, key, operator, values if operator in ("In", "NotIn") else ()),
    st.sampled_from(["app", "tier", NAMESPACE_LABEL, NAMESPACE_NAME]),
    st.sampled_from(["In", "In", "In", "NotIn", "Exists"]),
    values,
)
terms = st.lists(conditions, max_size=3).map(label_term)


@given(st.lists(terms, max_size=8, unique=True), terms)
def test_the_index_finds_what_a_look_at_each_finds(subjects: list[LabelTerm], peer: LabelTerm) -> None:
    places = {subject: [2 * number, 2 * number + 1] for number, subject in enumerate(subjects)}
    expected = sorted(itertools.chain.from_iterable(each for s, each in places.items() if may_meet(peer, s)))
    assert sorted(Subjects(places).places_met_by(peer)) == expected


def test_only_different_values_of_one_label_keep_apart() -> None:
    web = term(demand("app", "web"))
    assert may_meet(web, term(demand("app", "api", "web")))
    assert may_meet(web, term(demand("tier", "api")))
    assert may_meet(web, term(demand("app", "web", operator="NotIn")))
    assert may_meet(web, term())
    assert not may_meet(web, term(demand("tier", "front"), demand("app", "api")))
    assert not may_meet(term(demand(NAMESPACE_NAME, "shop")), term(demand(NAMESPACE_LABEL, "other")))
