"""Texts that are broken, or made to harm: one clear error with its line, in bounded time and memory."""

from __future__ import annotations

import time

import pytest

from rewriter import yamltext
from tests.yamltext.support import add, remove

BAD: dict[str, tuple[str, int, str]] = {
    "unclosed flow": ("a: 1\nb: [\n", 2, "is not valid YAML"),
    "tab indentation": ("a:\n\tb: 1\n", 2, "indent with spaces, not tabs"),
    "wrong indentation": ("a:\n  b: 1\n c: 2\n", 3, "is not valid YAML"),
    "unclosed quote": ('a: "x\nb: 1\n', 2, "is not valid YAML"),
    "duplicate keys": ("a: 1\nb: 2\na: 3\n", 3, "has the key 'a' twice in one mapping, on lines 1 and 3; keep one"),
    "duplicate keys in flow": ("x: {a: 1, a: 2}\n", 1, "on lines 1 and 1"),
    "duplicate keys, one quoted": ("a: 1\n'a': 3\n", 2, "twice in one mapping"),
    "duplicate keys deep down": ("a:\n  - b: 1\n    c: 2\n    b: 3\n", 4, "on lines 2 and 4"),
    "201 deep": ("[" * 201 + "]" * 201, 1, "is nested more than 200 deep"),
    "30,000 deep": ("a: " + "[" * 30_000, 1, "is nested more than 200 deep"),
    "deep in block": ("".join(f"{' ' * n}a:\n" for n in range(300)), 201, "is nested more than 200 deep"),
    "unknown alias": ("a: 1\nb: *nobody\n", 2, "unknown anchor 'nobody'"),
    "an alias of itself": ("a: &a\n  - *a\n", 2, "contains itself through anchor 'a'"),
    "a control character": ("a: 1\nb: \x07\n", 2, "is not valid YAML"),
    "an unknown escape": ('a: "\\q"\n', 1, "is not valid YAML"),
    "a reserved indicator": ("a: @x\n", 1, "is not valid YAML"),
    "an unknown directive version": ("%YAML 3.0\n---\na: 1\n", 1, "is not valid YAML"),
    "text behind a document": ("a: 1\n... b\n", 2, "is not valid YAML"),
}


@pytest.mark.parametrize("name", BAD)
def test_one_clear_error(name: str) -> None:
    text, line, message = BAD[name]
    with pytest.raises(yamltext.YamlTextError) as caught:
        yamltext.parse(text)
    assert caught.value.line == line
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_two_hundred_deep_is_fine() -> None:
    assert yamltext.parse("[" * 200 + "]" * 200)[0].value is not None


def _bomb(levels: int, width: int) -> str:
    lines = ["a0: &a0 x"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(lines)


def test_the_billion_laughs() -> None:
    start = time.process_time()
    with pytest.raises(yamltext.YamlTextError, match="grows too large when its aliases are expanded"):
        yamltext.parse(_bomb(30, 10))
    assert time.process_time() - start < 2


def test_a_deep_chain_of_aliases() -> None:
    text = "a0: &a0 x\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 2000))
    with pytest.raises(yamltext.YamlTextError, match="grows too large"):
        yamltext.parse(text)


def test_aliases_in_moderation_are_fine() -> None:
    assert len(yamltext.parse(_bomb(4, 10))[0].value["a3"]) == 10


def test_limits_can_be_given() -> None:
    limits = yamltext.Limits(max_characters=10, max_depth=2, max_expanded_nodes=5)
    with pytest.raises(yamltext.YamlTextError, match="has more than 10 characters; split the file"):
        yamltext.parse("a: 12345678\n", limits)
    with pytest.raises(yamltext.YamlTextError, match="nested more than 2 deep"):
        yamltext.parse("[[[]]]", limits)


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("a: &a [1, 2, 3]\nb: [*a, *a, *a]\n", yamltext.Limits(max_expanded_nodes=15)),
        ("- &a [1]\n- &b [*a]\n- &c [*b]\n- &d [*c]\n- [*d]\n", yamltext.Limits(max_depth=4)),
    ],
    ids=["all together", "one in another"],
)
def test_limits_hold_for_what_aliases_stand_for(text: str, limits: yamltext.Limits) -> None:
    assert yamltext.parse(text)
    with pytest.raises(yamltext.YamlTextError, match="grows too large when its aliases are expanded"):
        yamltext.parse(text, limits)


@pytest.mark.parametrize(
    ("data", "line", "message"),
    [
        (b"a: 1\nb: \xff\n", 2, "is not UTF-8 text"),
        (b"a: \xed\xa0\x80\n", 1, "is not UTF-8 text"),
        ("a: 1\n".encode("utf-16"), 1, "is UTF-16 text"),
        ("a: 1\n".encode("utf-16-be"), 1, "NUL"),
        (b"\xfe\xff\x00a", 1, "is UTF-16 text"),
        (b"a: 1\nb: \0\n", 2, "holds NUL characters"),
        (b"a: caf\xe9\n", 1, "is not UTF-8 text"),
    ],
)
def test_bytes_that_are_no_text(data: bytes, line: int, message: str) -> None:
    with pytest.raises(yamltext.YamlTextError) as caught:
        yamltext.decode(data)
    assert caught.value.line == line
    assert message in str(caught.value)
    assert caught.value.hint


def test_a_bom_is_kept() -> None:
    text = yamltext.decode(b"\xef\xbb\xbfa: 1\n")
    assert text[0] == "\ufeff"
    assert yamltext.parse(text)[0].value == {"a": 1}


def test_a_bom_elsewhere_is_an_error_or_text_but_never_lost() -> None:
    with pytest.raises(yamltext.YamlTextError):
        yamltext.parse("a: 1\n\ufeffb: 2\n")


@pytest.mark.parametrize("surrogate", ["\ud800", "\udfff", "x\udc80y"])
def test_lone_surrogates_never_reach_a_file(surrogate: str) -> None:
    """JSON can escape half a character; a text with one has no bytes."""
    escaped = surrogate.encode("ascii", "backslashreplace").decode()
    with pytest.raises(yamltext.YamlTextError):
        yamltext.parse(f'{{"a": "{escaped}"}}')


def test_cost_grows_with_the_text() -> None:
    """Twenty times the text, eighty times the work at most: were it quadratic, it would be four hundred."""

    def seconds(count: int) -> float:
        text = "x:\n" + "".join(f"  - a{n}: {{b: [c, d]}} # e\n" for n in range(count))
        text += "m:\n" + "".join(f"  k{n}: v\n" for n in range(count))
        best = float("inf")
        for _ in range(5):
            start = time.process_time()
            [document] = yamltext.parse(text)
            yamltext.comments_of(document)
            yamltext.edit_document(document, [add("/x/-", "z"), add("/m/z", 1), remove("/m/k7")])
            best = min(best, time.process_time() - start)
        return best

    assert seconds(4000) < 80 * seconds(200)


@pytest.mark.parametrize("token", ["\u00b2", "\u0661", "9" * 5000])
def test_a_position_is_of_ascii_digits(token: str) -> None:
    with pytest.raises(yamltext.EditError):
        yamltext.edit("a: [1, 2, 3]\n", 0, [remove(f"/a/{token}")])
