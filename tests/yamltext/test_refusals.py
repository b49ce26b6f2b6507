"""What is not edited: the text stays as it was, and the reason is told."""

from __future__ import annotations

import pytest

from rewriter import yamltext
from tests.yamltext.support import Operation, add, check, move, remove, replace

ANCHORED = "a: &x\n  b: 1\nc: *x\nd: 1\n"
MERGED = "a: &x\n  b: 1\nc:\n  <<: *x\n  d: 1\n"

REFUSED: dict[str, tuple[str, Operation, str]] = {
    "through an alias": (ANCHORED, replace("/c/b", 2), "/c/b: it is reached through the alias *x"),
    "in what an alias shows elsewhere": (ANCHORED, replace("/a/b", 2), "it is shared through the anchor &x"),
    "the anchor of an alias": (ANCHORED, remove("/a"), "it is shared through the anchor &x"),
    "above the anchor of an alias": (
        "a:\n  b: &x 1\n  c: 2\nd: *x\n",
        replace("/a", "t"),
        "it holds the anchor &x, which is used elsewhere",
    ),
    "a value of a merge key": (MERGED, replace("/c/b", 2), "it may come from a merge key"),
    "a member beside a merge key": (MERGED, add("/c/e", 2), "it may come from a merge key"),
    "removal beside a merge key": (MERGED, remove("/c/d"), "a merge key (<<) stands beside it"),
    "a tagged value": ("a: !!str 5\n", replace("/a", "x"), "it has the tag tag:yaml.org,2002:str"),
    "in a tagged mapping": ("a: !x {b: 1}\n", replace("/a/b", 2), "it has the tag !x"),
    "a key that is no text": ("n: 1\n", replace("/n", 2), "/n: there is nothing to replace"),
    "template markup": ('a: "{{ x }}"\nb: 1\n', replace("/a", "y"), "it holds template markup"),
    "template markup without quotes": ("a: {{ x }}\nb: 1\n", replace("/a", "y"), "it holds template markup"),
    "explicit keys": ("? a\n: b\nc: d\n", remove("/c"), "the mapping has explicit keys"),
    "a lone carriage return": ("a: 1\rb: 2\r", remove("/a"), "line 1 holds a line break other than LF and CRLF"),
    "a next-line character": ("a: 1\nb: x\u0085c: 1\n", replace("/a", 2), "line 2 holds a line break"),
    "a line separator in a comment": ("a: 1\n# b\u2028c: 1\n", replace("/a", 2), "line 2 holds a line break"),
    "a missing place": ("a: 1\n", replace("/b/c", 2), "there is nothing to replace"),
    "a missing member": ("a: 1\n", remove("/b"), "there is nothing to remove"),
    "below a text": ("a: 1\n", add("/a/b", 2), "there is no such place"),
    "a comment between empty brackets": (
        "{a: [  # nothing yet\n  ]}\n",
        add("/a/-", 1),
        "there is a comment between its brackets",
    ),
    "beyond a list": ("a: [1]\n", add("/a/5", 2), "there is no such place"),
    "the whole document": ("a: 1\n", remove(""), "there is nothing to remove"),
    "a failed test": ("a: 1\n", {"op": "test", "path": "/a", "value": 2}, "the value is not the one expected"),
    "an unknown operation": ("a: 1\n", {"op": "frob", "path": "/a"}, "unknown operation 'frob'"),
    "a comment that rewriting would lose": ("a: 1 # one\nb: 2\n", replace("", [1]), "the whole document would have"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_a_reason(name: str) -> None:
    text, operation, reason = REFUSED[name]
    with pytest.raises(yamltext.EditError) as caught:
        yamltext.edit(text, 0, [operation])
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("before", "operation", "after"),
    [
        (ANCHORED, replace("/d", 2), ANCHORED.replace("d: 1", "d: 2")),
        (MERGED, replace("/c/d", 2), MERGED.replace("d: 1", "d: 2")),
        ("a: &x\n  b: 1\n", replace("/a/b", 2), "a: &x\n  b: 2\n"),
        ("a: &x 1\nb: 2\n", remove("/a"), "b: 2\n"),
        ("? a\n: b\nc: d\n", replace("/c", "e"), "? a\n: b\nc: e\n"),
        ("a: ${X}\nb: [1]\n", add("/b/-", 2), "a: ${X}\nb: [1, 2]\n"),
        ('a: "{{ x }}"\nb: 1\n', replace("/b", 2), 'a: "{{ x }}"\nb: 2\n'),
        ("a: !x 1\nb: 2\n", replace("/b", 3), "a: !x 1\nb: 3\n"),
    ],
)
def test_what_stands_beside_is_edited(before: str, operation: Operation, after: str) -> None:
    check(before, [operation], after)


def test_a_move_of_what_an_alias_shows_is_refused() -> None:
    text = "- a: &x [1]\n  b: 2\n- c: *x\n"
    with pytest.raises(yamltext.EditError, match="&x"):
        yamltext.edit(text, 0, [move("/0/a", "/1/a")])


def test_why_a_node_is_not_editable_is_told_beforehand() -> None:
    [document] = yamltext.parse(MERGED)
    assert yamltext.uneditable(document, "/c/b") == "it may come from a merge key (<<)"
    assert yamltext.uneditable(document, "/c/d") is None
    assert yamltext.uneditable(document, "/nowhere/at/all") is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: {{ .Values.x }}\n", "{{"),
        ("{%- if x %}\n", "{%"),
        ("# {{ not this }}\na: 1\n", None),
        ("a: b # {{ nor this }}\n", None),
        ("a: ${VAR}\n", None),
        ("a: {b: {c: d}}\n", None),
        ("a: 'x#{{ y }}'\n", "{{"),
    ],
)
def test_template_markup(text: str, found: str | None) -> None:
    span = yamltext.template_markup(text)
    assert (span and text[span.start : span.end]) == found


def test_flow_mappings_are_not_templates() -> None:
    assert yamltext.template_markup("a: {{b: c}: d}\n") is not None, "two braces: nobody writes this otherwise"
    assert yamltext.has_substitution("x-${NAME}")
    assert yamltext.has_substitution("${NAME}")
    assert not yamltext.has_substitution("$NAME {x}")
