"""The second parser is ruamel.yaml: its parts read the same when they are wired directly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from rewriter.yamltext.second_parts import composed, scanned

GOLDEN = sorted((Path(__file__).parents[2] / "golden").glob("*/*/input.yaml"))
TEXTS = {
    "empty": "",
    "comments alone": "# one\n\n# two\n",
    "comments": "# top\na: 1  # beside\n# above\nb:   # behind a key\n  # inside\n  - c # d\n\n  # foot\n# end\n",
    "styles": "a: 'x'\nb: \"y\\n\"\nc: |\n  text\n  # no comment\nd: >-\n  folded\n  more\n\ne: plain\n  goes on\n",
    "flow": "a: {b: [c, d], # beside\n  e: f}\ng: []\n",
    "anchors": "a: &x\n  b: 1\nc: *x\nd:\n  <<: *x\n",
    "a tag": "a: !custom b\nc: !!str 1\n",
    "a long key": f"? {'k' * 1100}\n: v\n",
    "keys without values": "a:\nb:\n? c\n",
    "crlf": "a: 1\r\n# c\r\nb: 2\r\n",
    "a directive": "%YAML 1.1\n---\na: yes\nb: 0o7\n",
    "a directive behind a BOM": "\ufeff%YAML 1.1\n---\na: yes\nb: 0o7\n",
    "a directive behind a carriage return": "a: b\r...\r%YAML 1.1\r---\rc: yes\r",
    "a tag directive": "%TAG ! tag:example.com,2000:\n---\na: !b c\n",
    "a percent sign at the start of a line": "a: |\n  b\nc: 'd\n%e'\n",
    "wrong indent": "a:\n  b: 1\n c: 2\n",
    "no colon": "a: 1\nb\nc: 2\n",
    "two documents": "a: 1\n---\nb: 2\n",
    "a tab": "a:\n\tb: 1\n",
    "an open quote": "a: 'b\n",
    "an open flow": "a: [b, c\n",
    "a lone alias": "a: *b\n",
    "a control character": "a: \x01\n",
}


def marks(thing: Any) -> tuple[int, ...]:
    start, end = thing.start_mark, thing.end_mark
    return start.index, start.line, start.column, end.index, end.line, end.column


def token_of(token: Any) -> tuple[Any, ...]:
    """All of a token; what it shows of itself holds its comments."""
    return type(token).__name__, marks(token), getattr(token, "value", None), getattr(token, "style", None), repr(token)


def node_of(node: Any) -> Any:
    if node is None:
        return None
    own = (type(node).__name__, node.tag, node.anchor, marks(node))
    if type(node).__name__ == "ScalarNode":
        return (*own, node.style, node.value)
    items = node.value if type(node).__name__ == "SequenceNode" else [each for pair in node.value for each in pair]
    return (*own, node.flow_style, [node_of(each) for each in items])


def result(read: Callable[[], Any]) -> Any:
    """What is read, or the words of the error."""
    try:
        return read()
    except YAMLError as error:
        return str(error)


def check(text: str) -> None:
    tokens = result(lambda: list(map(token_of, YAML(typ="rt").scan(text))))
    assert result(lambda: list(map(token_of, scanned(text)))) == tokens
    if not isinstance(tokens, str):  # A text that cannot be scanned has no nodes.
        nodes = result(lambda: node_of(YAML(typ="rt").compose(text)))
        assert result(lambda: node_of(composed(text, scanned(text)))) == nodes


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_texts_read_alike(text: str) -> None:
    check(text)


def test_golden_cases_read_alike() -> None:
    assert len(GOLDEN) > 100
    for path in GOLDEN[::3]:
        for document in path.read_text(encoding="utf-8").split("\n---\n"):
            if "\t" not in document:  # Those have tests of their own, below.
                check(document)


#: Where YAML takes a tab between what stands on a line, and ruamel.yaml by itself only a space.
_TABS = (
    *("a: b\t# one\nc: d \t # two\n", "a: b\t\nc:\td\n", "a:\t# one\n  b: c\n", "---\t# one\na: b\n", "a: b\t# one"),
    *(
        "a:\n- b\t# one\n- c\n",
        'a: "b"\t# one\n',
        "a: [b]\t# one\n",
        "a: &x\tb\nc: *x\t# one\n",
        "a: b\t# x\r\nc: d\r\n",
    ),
)


@pytest.mark.parametrize("text", _TABS)
def test_a_tab_between_what_stands_on_a_line_reads_as_a_space(text: str) -> None:
    spaced = text.replace("\t", " ")
    assert list(map(token_of, scanned(text))) == list(map(token_of, scanned(spaced)))
    assert node_of(composed(text, scanned(text))) == node_of(YAML(typ="rt").compose(spaced))


@pytest.mark.parametrize("text", ["a:\n\tb: c\n", "a:\n  b: c\n\td: e\n", "\ta: b\n", "-\ta\n\t- b\n"])
def test_a_tab_is_no_indentation(text: str) -> None:
    with pytest.raises(YAMLError):
        composed(text, scanned(text))


@pytest.mark.parametrize("text", ["a: 'b\t# c'\n", "a: |\n  b\t# c\n"])
def test_a_tab_in_a_text_stays_in_it(text: str) -> None:
    check(text)


def test_what_a_directive_says_ends_with_its_text() -> None:
    text = "a: 010\nb: yes\n"
    before = node_of(composed(text, scanned(text)))
    old = "%YAML 1.1\n---\n" + text
    composed(old, scanned(old))
    assert node_of(composed(text, scanned(text))) == before
