"""Expressions of a repository: what `re` says of them, and in time that grows with the text."""

from __future__ import annotations

import re
import time
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rewriter.bot.expression import Expression

_ATOMS = st.sampled_from(["a", "b", "/", ".", "[ab]", "[^a]", r"\.", r"\w", "^", "$", r"\A", "(?:)"])


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    repeats = st.sampled_from(["*", "+", "?", "{2}", "{1,}", "{0,2}", "*?", "{0,0}"])
    return st.one_of(
        st.lists(inner, max_size=4).map("".join),
        st.lists(inner, min_size=2, max_size=3).map("|".join).map("({})".format),
        st.tuples(inner, repeats).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
        st.lists(inner, min_size=2, max_size=3).map("|".join),
    )


TEXTS = ["".join(characters) for length in range(5) for characters in product("ab/.", repeat=length)]


@settings(deadline=None)
@given(st.recursive(_ATOMS, _grown, max_leaves=8))
def test_matches_what_re_matches(source: str) -> None:
    expression, plain = Expression(source), re.compile(source, re.ASCII)
    for text in TEXTS:
        assert bool(expression.search(text)) == bool(plain.search(text)), text


@pytest.mark.parametrize(
    ("source", "matches", "others"),
    [
        (r"docs/(aws|gcp)/[^/]*\.(md|txt)", ["x/docs/aws/a.md", "docs/gcp/.txt"], ["docs/aws/a/b.md", "aws/a.md"]),
        (r"^[]a-c-]+$", ["]", "a-c"], ["d", ""]),
        (r"^\d{2,3}$", ["12", "123"], ["1", "1234", "١٢"]),
        (r"^(?P<x>é|\+)$", ["é", "+"], ["e"]),
        ("^a|b$", ["ax", "xb"], ["xa", "bx"]),
        ("", ["", "a"], []),
    ],
)
def test_expressions_as_people_write_them(source: str, matches: list[str], others: list[str]) -> None:
    expression = Expression(source)
    assert [text for text in matches if not expression.search(text)] == []
    assert [text for text in others if expression.search(text)] == []


@pytest.mark.parametrize(
    "source",
    [
        *("(", ")", "a)", "[", "[z-a]", "*", "a**", "a{2,1}", "(|", "\\"),
        *(r"(a)\1", "(?=a)", "(?i)a", r"\bx", "[[:alpha:]]", "a{1000}{1000}", "(a{1000}){1000}"),
        *("((()){9999}){9999}", "(((a{0}){9999}){9999}){9999}"),
        *("(" * 1000 + ")" * 1000, "a" * 5000),
    ],
)
def test_what_is_wrong_or_not_plain_is_refused(source: str) -> None:
    with pytest.raises(ValueError):
        Expression(source)


@pytest.mark.parametrize(
    "source", ["^(a+)+$", "^(a|a)*$", "^.*a.*a.*a.*a.*a.*a.*a.*a.*b$", "(a?){60}a{60}b", "^(.*/)*b$"]
)
def test_time_grows_with_the_text(source: str) -> None:
    start = time.process_time()
    assert not Expression(source).search("a/" * 100 + "a" * 4000)
    assert time.process_time() - start < 10
