"""A text is read by its form as ruamel.yaml reads the text itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml.error import YAMLError

from rewriter.yamltext import SecondParserError, agrees, parse, read_twice
from rewriter.yamltext.second_parts import composed, scanned

GOLDEN = sorted((Path(__file__).parents[2] / "golden").glob("*/*/input.yaml"))
COMMENTED = (
    "# top of {0}\n{0}: {1}  # beside {1}\n# above {2}\n{2}:   # behind {0}\n  # inside\n  - {1} # {2}\n"
    "  - {{{0}: [{1}, {2}], {2}: '{0} {1}'}} # flow\n\n  # foot {0}\n# end\n"
)
WORDS = st.from_regex("[a-z]{1,12}", fullmatch=True)


def plain(node: Any) -> Any:
    """A tree of values: scalars with their styles, collections with theirs."""
    if node is None:
        return None
    kind = type(node).__name__
    if kind == "ScalarNode":
        return kind, node.value, node.style
    pairs = kind == "MappingNode"
    inner = [(plain(key), plain(value)) for key, value in node.value] if pairs else [plain(each) for each in node.value]
    return kind, bool(node.flow_style), inner


@pytest.mark.parametrize("path", GOLDEN[::4], ids=lambda path: path.parent.name)
def test_reads_the_values_that_ruamel_reads(path: Path) -> None:
    for text in path.read_text().split("\n---\n"):
        if "\n..." in text or text.startswith("---"):
            continue
        own = text.rstrip("\n") + "\n"
        try:
            reading, _ = read_twice(text, text)
        except SecondParserError:
            with pytest.raises(YAMLError):
                composed(own, scanned(own))
            continue
        assert plain(reading.root) == plain(composed(own, scanned(own)))


@given(st.lists(WORDS, min_size=3, max_size=3, unique=True), st.lists(WORDS, min_size=3, max_size=3, unique=True))
def test_comments_stand_at_the_same_nodes_whatever_the_words_are(one: list[str], other: list[str]) -> None:
    found = []
    for words in (one, other):
        reading, _ = read_twice(COMMENTED.format(*words), "")
        assert all(comment.text in COMMENTED.format(*words) for comment in reading.comments)
        indexes = {word: f"<{number}>" for number, word in enumerate(words)}
        found.append(
            [
                [tuple(indexes.get(step, "") for step in path) for path in comment.paths] + [comment.at_foot]
                for comment in reading.comments
            ]
        )
    assert found[0] == found[1]
    assert len(found[0]) == 9


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('a: "\\x41bc"\n', "Abc"),
        ('a: "\\u0041bc d"\n', "Abc d"),
        ("a: |2\n    b\n", "  b\n"),
        ("a: &b2 c\n", "c"),
        ("a: it''s\n", "it''s"),
        ("a: 'it''s 2'\n", "it's 2"),
        ("a: one\n  two\n\n  three\n", "one two\nthree"),
        ("a: Straße\n", "Straße"),
    ],
)
def test_words_behind_which_there_is_a_meaning_are_read_as_they_are(text: str, value: str) -> None:
    for again in (text, text.replace("a:", "abc:")):
        reading, _ = read_twice(again, again)
        assert reading.root.value[0][1].value == value


def test_long_keys_are_read_as_they_are() -> None:
    with pytest.raises(SecondParserError):
        read_twice(f"{'k' * 1100}: v\n", "")
    assert read_twice(f"{'k' * 900}: v\n", "")[0].root.value[0][0].value == "k" * 900


def test_what_ruamel_refuses_is_refused_in_the_words_of_the_text() -> None:
    with pytest.raises(SecondParserError, match="found undefined alias 'other'"):
        read_twice("some: *other\n", "")


@pytest.mark.parametrize("other", ["a: 2\n", "a: [1]\n", "a: {b: 1}\n", "b: 1\n", "a: 1\nb: 1\n", "- 1\n", ""])
def test_parsers_that_read_something_else_do_not_agree(other: str) -> None:
    for text, root in (("a: 1\n", parse(other)[0].root if other else None), (other, parse("a: 1\n")[0].root)):
        assert not agrees(read_twice(text, "")[0].root, root)
    assert agrees(read_twice("a: 1\n", "")[0].root, parse("a: 1\n")[0].root)


@pytest.mark.parametrize(
    ("indent", "path"), [(4, ("a", "b")), (5, ("a", "b")), (3, ("a",)), (2, ("a",)), (1, ()), (0, ())]
)
def test_a_comment_at_the_foot_is_of_the_innermost_mapping_that_is_not_deeper(indent: int, path: tuple[str]) -> None:
    text = "a:\n  b:\n    c: 1\n" + " " * indent + "# foot\n"
    (found,) = read_twice(text, "")[0].comments
    assert (found.paths, found.at_foot) == ((path,), True)


@pytest.mark.parametrize(
    ("text", "behind"),
    [
        ("a:\n  b: 1\n    # foot\n", ("a", "b")),
        ("a:\n  b: 1\n  # foot\n", None),
        ("a:\n  b:\n    c: 1\n   # foot\n", ("a", "b")),
        ("a:\n- 1\n- 2\n  # foot\n", ("a", "1")),
        ("a:\n- 1\n# foot\n", None),
    ],
)
def test_a_comment_at_the_foot_that_is_deeper_stands_behind_the_last_member(
    text: str, behind: tuple[str, ...] | None
) -> None:
    (found,) = read_twice(text, "")[0].comments
    assert (found.at_foot, found.behind) == (True, behind)


@pytest.mark.parametrize(
    ("text", "path", "at_foot"),
    [
        ("a: [\n  # here\n  1,\n  2\n]\nb: 3\n", ("a", "0"), False),
        ("a: [\n  1,\n  # here\n  2\n]\nb: 3\n", ("a", "1"), False),
        ("a: [\n  1,\n  2\n  # here\n]\nb: 3\n", ("a",), True),
        ("a: [\n  1,\n  2\n  # here\n]\n", ("a",), True),
        ("a: [\n  # here\n]\nb: [\n]\n", ("a",), True),
        ("a: {b: {\n  # here\n  c: 1\n}}\nd: 1\n", ("a", "b", "c"), False),
        ("a: {b: {\n  c: 1\n  # here\n}, d: 1}\n", ("a", "b"), True),
    ],
)
def test_a_comment_in_brackets_is_of_what_follows_in_them_else_at_their_foot(
    text: str, path: tuple[str, ...], at_foot: bool
) -> None:
    (found,) = read_twice(text, "")[0].comments
    assert (found.paths, found.at_foot) == ((path,), at_foot)
