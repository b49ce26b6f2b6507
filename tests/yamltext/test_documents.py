"""Files of several documents: markers, directives, comments between; an edit stays in its own document."""

from __future__ import annotations

import pytest

from rewriter import yamltext
from tests.yamltext.support import Operation, add, check, remove, replace

CASES: dict[str, tuple[str, int, list[Operation], str]] = {
    "explicit ends": ("a: 1\n...\n---\nb: 2\n...\n", 1, [add("/c", 3)], "a: 1\n...\n---\nb: 2\nc: 3\n...\n"),
    "remove before an explicit end": ("---\nb: 2\nc: 3\n...\n", 0, [remove("/c")], "---\nb: 2\n...\n"),
    "directives": (
        "%YAML 1.1\n---\na: 1\n...\n%YAML 1.1\n---\nb: 2\n",
        0,
        [add("/c", 3)],
        "%YAML 1.1\n---\na: 1\nc: 3\n...\n%YAML 1.1\n---\nb: 2\n",
    ),
    "comments around markers": (
        "# top\n---\n# one\na: 1\n# end one\n---\n# two\nb: 2\n# end two\n",
        0,
        [add("/c", 3)],
        "# top\n---\n# one\na: 1\nc: 3\n# end one\n---\n# two\nb: 2\n# end two\n",
    ),
    "the last of several": (
        "# top\n---\n# one\na: 1\n# end one\n---\n# two\nb: 2\n# end two\n",
        1,
        [add("/c", 3)],
        "# top\n---\n# one\na: 1\n# end one\n---\n# two\nb: 2\nc: 3\n# end two\n",
    ),
    "a comment on the marker's line": (
        "--- # hi\na: 1\n--- # ho\nb: 2\n",
        1,
        [remove("/b")],
        "--- # hi\na: 1\n--- # ho\n{}\n",
    ),
    "content on the marker's line": ("--- {a: 1}\n--- {b: 2}\n", 0, [add("/c", 3)], "--- {a: 1, c: 3}\n--- {b: 2}\n"),
    "empty documents count": ("---\na: 1\n---\n---\nb: 2\n", 2, [replace("/b", 3)], "---\na: 1\n---\n---\nb: 3\n"),
    "comments only is a document": ("# a\n---\n# b\n---\nb: 2\n", 1, [replace("/b", 3)], "# a\n---\n# b\n---\nb: 3\n"),
    "a BOM before the first of several": (
        "\ufeffa: 1\n---\nb: 2\n",
        0,
        [add("/c", 3)],
        "\ufeffa: 1\nc: 3\n---\nb: 2\n",
    ),
    "a BOM, and the last of several": ("\ufeffa: 1\n---\nb: 2\n", 1, [add("/c", 3)], "\ufeffa: 1\n---\nb: 2\nc: 3\n"),
    "no final newline before a marker": ("a: 1\n---\nb: 2", 1, [add("/c", 3)], "a: 1\n---\nb: 2\nc: 3"),
    "crlf markers": ("a: 1\r\n---\r\nb: 2\r\n", 0, [add("/c", 3)], "a: 1\r\nc: 3\r\n---\r\nb: 2\r\n"),
    "a marker inside a literal": ("a: |\n  ---\n  b: 1\nc: 2\n", 0, [replace("/c", 3)], "a: |\n  ---\n  b: 1\nc: 3\n"),
    "a tag directive": (
        "%TAG ! tag:example.com,2000:\n---\na: !x 1\nb: 2\n",
        0,
        [add("/c", 3)],
        "%TAG ! tag:example.com,2000:\n---\na: !x 1\nb: 2\nc: 3\n",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_an_edit_stays_in_its_document(name: str) -> None:
    before, index, operations, after = CASES[name]
    check(before, operations, after, index)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", []),
        ("# only a comment\n", []),
        ("---\n", [None]),
        ("---\n---\n", [None, None]),
        ("a\n", ["a"]),
        ("\ufeff---\na: 1\n", [{"a": 1}]),
        ("- 1\n---\n- 2\n", [[1], [2]]),
        ("a: 1\n...\n", [{"a": 1}]),
        ('{"a": 1}\n{"b": 2}', None),
        ("a: 1\n...\nb: 2\n", None),
    ],
)
def test_what_is_a_document(text: str, values: list[object] | None) -> None:
    if values is None:
        with pytest.raises(yamltext.YamlTextError):
            yamltext.parse(text)
    else:
        assert [document.value for document in yamltext.parse(text)] == values


def test_several_documents_at_once() -> None:
    text = "a: 1\n---\nb: 2\n---\nc: 3\n"
    after = yamltext.edit_many(text, {0: [replace("/a", 4)], 2: [add("/d", 5)]})
    assert after == "a: 4\n---\nb: 2\n---\nc: 3\nd: 5\n"
    with pytest.raises(yamltext.EditError, match="no document 3"):
        yamltext.edit(text, 3, [])


def test_places_are_lines_and_columns_of_the_file() -> None:
    text = "\ufeffa: 1\r\n---\r\n# c\r\nb:\r\n  - x\r\n"
    document = yamltext.parse(text)[1]
    place = yamltext.locate(document, "/b/0")
    assert (place.line, place.column, place.end_line, place.end_column) == (5, 5, 5, 6)
    assert yamltext.locate(yamltext.parse(text)[0], "/a").column == 4
    assert yamltext.locate_key(document, "/b").line == 4
    assert yamltext.locate(document, "/b/7").line == 5, "what is missing is where it would be"


def test_what_an_alias_or_a_merge_key_shows_is_where_it_is_shown() -> None:
    text = "rules:\n- &one\n  from: &peers\n  - x\n- from: *peers\n  to: y\n- <<: *one\n  to: z\n- *one\n"
    document = yamltext.parse(text)[0]
    lines = {route: yamltext.locate(document, route).line for route in ("/rules/0/from/0", "/rules/1/from/0")}
    assert lines == {"/rules/0/from/0": 4, "/rules/1/from/0": 5}
    assert yamltext.locate(document, "/rules/2/from/0").line == 7
    assert yamltext.locate_key(document, "/rules/2/from").line == 7
    assert yamltext.locate(document, "/rules/2/to").line == 8
    assert yamltext.locate_key(document, "/rules/3/from").line == 9


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_an_alias_stands_where_it_is_written(mark: str) -> None:
    text = f"{mark}a: &x 1\nb: *x\n"
    alias = yamltext.node_at(yamltext.parse(text)[0], "/b")
    assert alias is not None
    assert text[alias.start : alias.end] == "*x"


def test_comments_are_found_and_nothing_else() -> None:
    text = (
        "# one\na: 'no # comment' # two\nb: |  # three\n  # no comment\n # four\n"
        'c: {d: e#f, # five\n  g: "# no"} \t# six\n--- # seven\nh: http://x#y\n#eight'
    )
    assert [comment.text for comment in yamltext.comments(text)] == [
        "# one", "# two", "# three", "# four", "# five", "# six", "# seven", "#eight",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("route", "comments"),
    [
        ("/a/0", ("one", "still one", "at one")),
        ("/a/1", ()),
        ("/a/2", ("three",)),
        ("/b", ("at b",)),
        ("/missing", ("first",)),
    ],
)
def test_comments_at_a_node_stand_right_above_it_or_at_the_end_of_its_line(
    route: str, comments: tuple[str, ...]
) -> None:
    items = "  # one\n  #still one\n  - x: 1  # at one\n  - y\n  # apart\n\n  # three\n  - z\n"
    text = f"# first\na:\n{items}b: # at b\n  c: 1\n"
    assert yamltext.comments_at(yamltext.parse(text)[0], route) == comments


def test_a_comment_behind_the_dash_of_an_item_describes_the_item() -> None:
    text = "a:\n  - # the office\n    x: 1\n    y: 2 # why\n  -   # two\n    # more\n    z: 1\n  - v # last\n  - w\n"
    document = yamltext.parse(text)[0]
    found = [yamltext.comments_at(document, f"/a/{index}") for index in range(4)]
    assert found == [("the office",), ("two", "more"), ("last",), ()]
    assert yamltext.comments_at(document, "/a/0/y") == ("why",)


def test_a_comment_behind_the_first_line_does_not_describe_the_second() -> None:
    document = yamltext.parse("a: 1 # one\nb: 2\n")[0]
    assert yamltext.comments_at(document, "/b") == ()
    assert yamltext.comments_at(document, "/a") == ("one",)
