"""How many combinations of labels terms distinguish: all are tried as long as there are not too many."""

from __future__ import annotations

import pytest

from rewriter.cilium.labels import ANY, CLUSTER_LABEL, NAMESPACE_LABEL
from rewriter.cilium.terms import Condition, LabelTerm
from rewriter.reach.cells import asked_by, cell_count, cells_of, dimensions, dimensions_up_to
from rewriter.reach.words import term_phrase


def term(*conditions: tuple[str, ...]) -> LabelTerm:
    return LabelTerm(tuple(Condition(ANY, key, operator, tuple(values)) for key, operator, *values in conditions))


WEB = term(("app", "In", "web", "api"), (NAMESPACE_LABEL, "In", "shop"))
THERE = term(("app", "Exists"), (CLUSTER_LABEL, "NotIn", "b"))
TIER = term(("tier", "NotIn", "back"))


@pytest.mark.parametrize("clusters", [(), ("a", "b", "c")])
@pytest.mark.parametrize("terms", [[], [WEB], [THERE], [WEB, THERE], [TIER, WEB, THERE]])
def test_the_count_ahead_is_the_count_of_the_combinations(terms: list[LabelTerm], clusters: tuple[str, ...]) -> None:
    expected = cell_count(dimensions(terms, "a", clusters))
    asked = {each for one in terms for each in asked_by(one)}
    assert cells_of(asked, "a", clusters) == expected
    assert dimensions_up_to(expected, [terms], "a", clusters) == (dimensions(terms, "a", clusters), 0)
    assert dimensions_up_to(expected - 1, [terms], "a", clusters) == ((), 1)


def test_the_first_groups_that_are_too_many_are_counted() -> None:
    most = cell_count(dimensions([WEB], "a"))
    assert dimensions_up_to(most, [[WEB], [WEB], [TIER]], "a", ()) == ((), 3)


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ((CLUSTER_LABEL, "NotIn", "b"), "any pod in clusters other than b"),
        ((CLUSTER_LABEL, "In", "b", "c"), "any pod in b and c"),
        ((NAMESPACE_LABEL, "NotIn", "shop"), "any pod of namespaces other than shop"),
        ((NAMESPACE_LABEL, "In", "shop", "prod"), "any pod of namespaces shop and prod"),
    ],
)
def test_words_for_the_place_of_pods(condition: tuple[str, ...], words: str) -> None:
    assert term_phrase(term(condition)) == words
