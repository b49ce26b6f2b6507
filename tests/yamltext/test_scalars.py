"""Scalars mean what go-yaml makes of them on the way to Kubernetes (sigs.k8s.io/yaml)."""

from __future__ import annotations

import math
from typing import Any

import pytest

from rewriter import yamltext
from rewriter.yamltext.render import is_plain
from rewriter.yamltext.scalars import key_text, resolve


def test_a_plain_key_of_two_angles_merges_and_a_quoted_one_is_a_key() -> None:
    assert yamltext.parse("a: &x {b: 1, d: 0}\nc: {<<: *x, d: 2}\n")[0].value["c"] == {"b": 1, "d": 2}
    assert yamltext.parse('a: {"<<": {b: 1}}\n')[0].value["a"] == {"<<": {"b": 1}}


MEANINGS: list[tuple[str, Any]] = [
    ("", None),
    ("~", None),
    ("null", None),
    ("NULL", None),
    ("nULL", "nULL"),
    ("none", "none"),
    ("true", True),
    ("on", True),
    ("yes", True),
    ("y", True),
    ("Y", True),
    ("On", True),
    ("oN", "oN"),
    ("no", False),
    ("n", False),
    ("OFF", False),
    ("0", 0),
    ("-0", 0),
    ("+12", 12),
    ("080", 80.0),
    ("010", 8),
    ("-010", -8),
    ("0o10", 8),
    ("0O17", 15),
    ("0o8", "0o8"),
    ("0x1F", 31),
    ("0X1f", 31),
    ("-0x10", -16),
    ("0b101", 5),
    ("0B101", 5),
    ("0b2", "0b2"),
    ("1_000", 1000),
    ("_1", "_1"),
    ("0_7", 7),
    ("9223372036854775807", 2**63 - 1),
    ("18446744073709551615", 2**64 - 1),
    ("18446744073709551616", 2.0**64),
    ("-9223372036854775808", -(2**63)),
    ("-9223372036854775809", -(2.0**63)),
    ("0xFFFFFFFFFFFFFFFFF", "0xFFFFFFFFFFFFFFFFF"),
    ("1.5", 1.5),
    (".5", 0.5),
    ("-.5", -0.5),
    ("._5", "._5"),
    ("1.", 1.0),
    ("1_0.5", 10.5),
    ("1e3", 1000.0),
    ("1E-3", 0.001),
    ("1e999", "1e999"),
    (".", "."),
    ("-", "-"),
    ("+", "+"),
    ("e3", "e3"),
    (".e3", ".e3"),
    ("1.2.3", "1.2.3"),
    ("10.0.0.0/8", "10.0.0.0/8"),
    ("10.0", 10.0),
    (".inf", math.inf),
    ("-.Inf", -math.inf),
    ("inf", "inf"),
    ("nan", "nan"),
    ("1:30", "1:30"),
    ("190:20:30.15", "190:20:30.15"),
    ("2001-12-14", "2001-12-14"),
    ("2001-12-14T21:59:43.10-05:00", "2001-12-14T21:59:43.10-05:00"),
    ("<<", "<<"),
    ("=", "="),
    ("0x", "0x"),
    ("1__0", 10),
    ("9" * 5000, "9" * 5000),
]


@pytest.mark.parametrize(("text", "value"), MEANINGS, ids=[text[:30] or "empty" for text, _ in MEANINGS])
def test_plain_scalars(text: str, value: Any) -> None:
    found = resolve(text)
    assert found == value
    assert type(found) is type(value)


def test_not_a_number() -> None:
    found = resolve(".nan")
    assert isinstance(found, float)
    assert math.isnan(found)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'on'", "on"),
        ('"010"', "010"),
        ("|\n  on\n", "on\n"),
        (">-\n  1\n  2\n", "1 2"),
        ("!!str 010", "010"),
        ("!!str", ""),
        ("!!int '010'", 8),
        ("!!float 1", 1.0),
        ("!!bool 'yes'", True),
        ("!!null ''", None),
        ("!!binary aGVsbG8=", "hello"),
        ("!!binary |\n  aGVs\n  bG8=\n", "hello"),
        ("!!binary not base64", "not base64"),
        ("!int 5", "5"),
        ("!custom on", "on"),
        ("&a 010", 8),
        ("!!timestamp 2001-12-14", "2001-12-14"),
        ("one\n two", "one two"),
    ],
)
def test_styles_and_tags(text: str, value: Any) -> None:
    [document] = yamltext.parse(f"k: {text}")
    assert document.value == {"k": value}
    assert type(document.value["k"]) is type(value)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("on", "true"),
        ("'on'", "on"),
        ("n", "false"),
        ("010", "8"),
        ("'010'", "010"),
        ("1.10", "1.1"),
        ("1e3", "1000"),
        ("1e6", "1e+06"),
        ("0.00001", "1e-05"),
        ("3.14159265358979", "3.1415927"),
        ("1e300", ".inf"),
        (".nan", ".nan"),
        ("-.inf", "-.inf"),
        ("2001-12-14", "2001-12-14"),
        ("app.kubernetes.io/name", "app.kubernetes.io/name"),
    ],
)
def test_keys_are_what_json_makes_of_them(key: str, name: str) -> None:
    assert yamltext.parse(f"{key}: x")[0].value == {name: "x"}
    found = yamltext.node_at(yamltext.parse(f"{key}: x")[0], f"/{name.replace('/', '~1')}")
    assert isinstance(found, yamltext.Scalar)
    assert found.text == "x"


def test_a_null_key_has_a_name() -> None:
    assert key_text(None) == "null"


@pytest.mark.parametrize("text", [text for text, _ in MEANINGS])
def test_every_string_is_written_so_that_it_stays_one(text: str) -> None:
    """Whatever a word means when it is plain: written as a string, it is that string, in every style."""
    for before in ("a: b\nc: d\n", "a: 'b'\n", '{"a": "b"}\n', "{\n  a: b,\n}\n", "a: [b]\n"):
        path, kept = ("/a", "replace") if before != "a: [b]\n" else ("/a/0", "replace")
        after = yamltext.edit(before, 0, [{"op": kept, "path": path, "value": text}])
        value = yamltext.node_at(yamltext.parse(after)[0], path)
        assert isinstance(value, yamltext.Scalar)
        assert value.text == text
        assert value.style is not None or is_plain(text)
        assert yamltext.parse(after)[0].value["a"] in (text, [text])
