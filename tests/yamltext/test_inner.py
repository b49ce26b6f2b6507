"""A text in a literal block: where its lines stand, and where they cannot be known."""

from __future__ import annotations

import pytest

from rewriter import yamltext


def found_in(document: str, path: str = "/a") -> yamltext.InnerText | None:
    return yamltext.inner_text(document, yamltext.node_at(yamltext.parse(document)[0], path))


@pytest.mark.parametrize(
    ("document", "indent", "after"),
    [
        ("a: |\n  b: 1\n\n    c: 2\nd: 3\n", 2, "a: |\n  x\n\n    y\nd: 3\n"),
        ("a: |\n\n \n  b: 1\nd: 3\n", 2, "a: |\n  x\n\n    y\nd: 3\n"),
        ("a: |2-\n    b: 1\n\nd: 3\n", 2, "a: |2-\n  x\n\n    y\n\nd: 3\n"),
        ("a: |\n  b: 1", 2, "a: |\n  x\n\n    y"),
        ("a: |\r\n  b: 1\r\n  \r\nd: 3\r\n", 2, "a: |\r\n  x\r\n\r\n    y\r\n  \r\nd: 3\r\n"),
    ],
    ids=["deeper lines", "blank lines first", "indented by its header", "no last line break", "CRLF"],
)
def test_other_lines_stand_where_the_old_ones_did(document: str, indent: int, after: str) -> None:
    found = found_in(document)
    assert found is not None
    assert found.indent == indent
    assert found.with_text(document, "x\n\n  y\n") == after


@pytest.mark.parametrize("break_", ["\x85", "\u2028"], ids=["NEL", "LS"])
@pytest.mark.parametrize(
    "line",
    ["b{}  c", "b\n  {}  c", "{}  c", "b\n  {}  c\n"],
    ids=["within", "at the start", "first", "before a blank line"],
)
def test_lines_that_end_otherwise_for_yaml_are_not_those_of_the_file(line: str, break_: str) -> None:
    document = f"a: |\n  {line.format(break_)}\nd: 1\n"
    assert found_in(document) is None


@pytest.mark.parametrize("document", ["a: b\n", "a: >\n  b\n", 'a: "b"\n', "a: |\n\n", "a: [b]\n"])
def test_other_nodes_have_no_such_text(document: str) -> None:
    assert found_in(document) is None
