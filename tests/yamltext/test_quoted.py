"""Texts in quoted and folded scalars: every character has its place, and other text goes where it belongs."""

from __future__ import annotations

import pytest

from rewriter import yamltext

#: By name: a document, the text of its member `a`, one with a word replaced, and the document with that.
WORDS = {
    "single": ("a: 'it''s {b: c}' # d\n", "it's {b: c}", "a: 'it''s {b: x}' # d\n"),
    "double": ('a: "one\\n\\u0074wo: \\"c\\"" # d\n', 'one\ntwo: "c"', 'a: "one\\n\\u0074wo: \\"x\\"" # d\n'),
    "double over lines": ('a: "one\n\n  two \\\n   c"\nd: 1\n', "one\ntwo c", 'a: "one\n\n  two \\\n   x"\nd: 1\n'),
    "single over lines": ("a: 'one\n  two\n\n\n  c'\nd: 1\n", "one two\n\nc", "a: 'one\n  two\n\n\n  x'\nd: 1\n"),
    "CRLF": ("a: 'one\r\n  c'\r\nd: 1\r\n", "one c", "a: 'one\r\n  x'\r\nd: 1\r\n"),
    "folded": ("a: >\n  one\n  two\n\n  c\nd: 1\n", "one two\nc\n", "a: >\n  one\n  two\n\n  x\nd: 1\n"),
    "folded, deeper lines": (
        "a: >- # e\n\n    one\n      two\n\n      c\n    d\n\n",
        "\none\n  two\n\n  c\nd",
        "a: >- # e\n\n    one\n      two\n\n      x\n    d\n\n",
    ),
    "JSON": ('{"a": "one\\/c", "d": 1}\n', "one/c", '{"a": "one\\/x", "d": 1}\n'),
}


def found_in(document: str) -> yamltext.QuotedText | None:
    return yamltext.quoted_text(document, yamltext.node_at(yamltext.parse(document)[0], "/a"))


@pytest.mark.parametrize("name", WORDS)
def test_a_word_is_replaced_where_it_stands(name: str) -> None:
    before, text, after = WORDS[name]
    found = found_in(before)
    assert found is not None
    assert found.text == text
    last = text.rindex("c")
    assert before[found.offset(last)] == "c"
    made = found.with_text(before, text[:last] + "x" + text[last + 1 :])
    assert made == after
    assert yamltext.parse(made)[0].value["a"] == text[:last] + "x" + text[last + 1 :]


@pytest.mark.parametrize(
    ("before", "new"),
    [
        ('a: "b"\n', 'b\n  "c": \\d\t'),
        ("a: 'b'\n", "it's b's"),
        ("a: 'b'\n", "b\nc"),
        ("a: 'x b c x'\n", "x y c z b x"),
        ("a: 'a b a'\n", "a b b a"),
        ("a: >\n  b\n", "b\nc d\n"),
        ("a: >\n  one\n  two\n", "onetwo\n"),
        ("a: >\n  one\n  two\n", "one, two\n"),
        ("a: >\n  one\n  two\n  three\n", "one three\n"),
        ('a: "one two three"\n', "one three"),
        ('a: "one two three"\n', "zero one and three!"),
    ],
)
def test_what_is_new_is_written_in_the_style_of_the_scalar(before: str, new: str) -> None:
    found = found_in(before)
    assert found is not None
    made = found.with_text(before, new)
    assert yamltext.parse(made)[0].value == {"a": new}
    assert made[: found.start] == before[: found.start]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: 'b'\n", "a: 'b\n\n   c'\n"),
        ("\na: 'b'\n", "\na: 'b\n\n   c'\n"),
        ("d: 1\na:  'b'\n", "d: 1\na:  'b\n\n    c'\n"),
    ],
)
def test_a_new_line_begins_below_the_quote(before: str, after: str) -> None:
    found = found_in(before)
    assert found is not None
    assert found.with_text(before, "b\nc") == after


def test_the_characters_between_the_quotes_stand_for_the_text() -> None:
    before = "a: 'it''s' # d\n"
    found = found_in(before)
    assert found is not None
    assert before[found.start : found.end] == "it''s"


def test_the_same_text_changes_nothing() -> None:
    for before, text, _ in WORDS.values():
        found = found_in(before)
        assert found is not None
        assert found.with_text(before, text) == before


@pytest.mark.parametrize("document", ["a: b\n", "a: |\n  b\n", "a: [b]\n", "a: 1\n", "a: >+\n\n\n"])
def test_other_nodes_have_no_such_text(document: str) -> None:
    assert found_in(document) is None
