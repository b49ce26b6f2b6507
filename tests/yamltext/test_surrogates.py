"""Characters beyond U+FFFF as JSON escapes them, in two halves: read as JSON reads them, and never rewritten."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewriter import yamltext
from tests.yamltext.support import add, check, replace

SMILE = r"\ud83d\ude00"

VALUES: dict[str, tuple[str, Any]] = {
    "json": (rf'{{"a": "x {SMILE} y", "b": 1}}', {"a": "x 😀 y", "b": 1}),
    "upper case": (r'a: "\uD83D\uDE00"', {"a": "😀"}),
    "the last there is": (r'a: "\udbff\udfff"', {"a": "\U0010ffff"}),
    "a key": (rf'"{SMILE}": 1', {"😀": 1}),
    "two in a row": (rf'a: "{SMILE}{SMILE}"', {"a": "😀😀"}),
    "on two lines": (f'a: "{SMILE}\n  b"\n', {"a": "😀 b"}),
    "behind an anchor and a tag": (f'%TAG !e! tag:e.org:\n---\n- &x !e!t "{SMILE}"\n- *x\n', ["😀", "😀"]),
    "behind an escaped backslash": (rf'a: "\\{SMILE}"', {"a": "\\😀"}),
    "an escaped backslash before text": (rf'a: "\\ud83d\\ude00 {SMILE}"', {"a": rf"{SMILE} 😀"}),
    "beside private characters": (rf'a: "\ue83d\uee00 {SMILE} \ue83d"', {"a": "\ue83d\uee00 😀 \ue83d"}),
    "text in other quotes": (
        f"a: \"{SMILE}\"\nb: '{SMILE} \\ue83d\\uee00'\nc: {SMILE}\nd: |\n  \\{SMILE}\n  {SMILE}\n# {SMILE}\n",
        {"a": "😀", "b": rf"{SMILE} \ue83d\uee00", "c": SMILE, "d": f"\\{SMILE}\n{SMILE}\n"},
    ),
}


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_pairs_are_one_character(name: str, bom: str) -> None:
    text, value = VALUES[name]
    [document] = yamltext.parse(bom + text)
    assert document.value == value


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8), min_size=1))
def test_json_says_what_json_says(value: dict[str, str]) -> None:
    text = json.dumps({**value, "smile": "😀"})
    [document] = yamltext.parse(text)
    assert document.value == json.loads(text)


@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_places_are_those_of_the_text(bom: str) -> None:
    text = f'{bom}{{"{SMILE}": "{SMILE}",\n "b": ["{SMILE}", {{"c": 1}}]}}'
    [document] = yamltext.parse(text)
    for route, written in (("/😀", f'"{SMILE}"'), ("/b/0", f'"{SMILE}"'), ("/b/1", '{"c": 1}')):
        node = yamltext.node_at(document, route)
        assert node is not None
        assert text[node.start : node.end] == written
    assert yamltext.locate(document, "/😀").column == 18
    assert yamltext.locate(document, "/b/1/c").line == 2


def test_an_edit_leaves_the_escapes_as_they_are() -> None:
    check(f'{{"a": "{SMILE}", "b": 1}}\n', [replace("/b", 2)], f'{{"a": "{SMILE}", "b": 2}}\n')
    check(f'a: "{SMILE}" # {SMILE}\n', [add("/b", "😀")], f'a: "{SMILE}" # {SMILE}\nb: "😀"\n')


def test_one_key_written_in_two_ways_is_twice_there() -> None:
    with pytest.raises(yamltext.YamlTextError, match="twice in one mapping"):
        yamltext.parse(rf'{{"{SMILE}": 1, "\U0001F600": 2}}')
    [document] = yamltext.parse(rf'{{"{SMILE}": 1, "\ue83d\uee00": 2}}')
    assert list(document.value.values()) == [1, 2]


@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize(
    ("text", "half", "column"),
    [
        (r'{"a": "\ud83d"}', r"\ud83d", 8),
        (rf'{{"a": "{SMILE}\ude00"}}', r"\ude00", 20),
        (rf'{{"a": "\ud83d{SMILE}"}}', r"\ud83d", 8),
        (r'{"a": "\\ud83d\ude00"}', r"\ude00", 15),
        (r'{"a": "\ude00\ud83d"}', r"\ude00", 8),
    ],
)
def test_half_a_character_is_an_error(text: str, half: str, column: int, bom: str) -> None:
    with pytest.raises(yamltext.YamlTextError) as caught:
        yamltext.parse(f"{bom}# {SMILE}\n{text}")
    error = caught.value
    assert error.message == f"is not valid YAML: {half} is half of a surrogate pair, and no character"
    assert (error.line, error.column) == (2, column)
    assert error.hint
