from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewriter.cilium.go_regexp import RegexpError, check_regexp


@pytest.mark.parametrize(
    "expression",
    ["", "/a.*", "a+?", "(?i)a", "(?:a|b)*", "[^]a]", "[[:alpha:]_-]", r"\pL\p{Greek}\d", r"\Q(\E", "a{,2}", "^*",
     "(|a)*", "(?P<n>a)(?<m>b)", "x{2,}", r"[\x41-\x{5a}]"],
)  # fmt: skip
def test_compiles(expression: str) -> None:
    check_regexp(expression)


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("/(a", "missing closing ): `/(a`"),
        ("/a)", "unexpected ): `/a)`"),
        ("*a", "missing argument to repetition operator: `*`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("a{1001}", "invalid repeat count: `{1001}`"),
        ("a{2,1}", "invalid repeat count: `{2,1}`"),
        ("[a-z", "missing closing ]: `[a-z`"),
        ("[z-a]", "invalid character class range: `z-a`"),
        ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
        ("(?!a)", "invalid or unsupported Perl syntax: `(?!`"),
        ("(?<=a)", "invalid named capture: `(?<=a)`"),
        (r"\y", r"invalid escape sequence: `\y`"),
        (r"(a)\1", r"invalid escape sequence: `\1`"),
        ("a\\", "trailing backslash at end of expression: ``"),
    ],
)
def test_does_not_compile(expression: str, problem: str) -> None:
    with pytest.raises(RegexpError) as caught:
        check_regexp(expression)
    assert str(caught.value) == f"error parsing regexp: {problem}"


@given(st.text(alphabet="ab()[]{}*+?\\|^-.,1:<>P=QE", max_size=12))
def test_any_text_gets_an_answer(expression: str) -> None:
    try:
        check_regexp(expression)
    except RegexpError as error:
        assert str(error).startswith("error parsing regexp: ")
