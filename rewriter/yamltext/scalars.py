"""What Kubernetes makes of a plain scalar: sigs.k8s.io/yaml, that is go-yaml v2 rules on the way to JSON."""

from __future__ import annotations

import re
from typing import TypeAlias

Plain: TypeAlias = str | int | float | bool | None

_WORDS: dict[str, Plain] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
for _true, _false in (("y", "n"), ("yes", "no"), ("on", "off"), ("true", "false")):
    for _form in (str.lower, str.title, str.upper):
        _WORDS[_form(_true)] = True
        _WORDS[_form(_false)] = False
for _sign, _value in (("", float("inf")), ("+", float("inf")), ("-", float("-inf"))):
    for _name in (".inf", ".Inf", ".INF"):
        _WORDS[_sign + _name] = _value
for _name in (".nan", ".NaN", ".NAN"):
    _WORDS[_name] = float("nan")

_FIRST = frozenset("0123456789+-.")
_INTEGER = re.compile(
    r"(?P<sign>[-+]?)(?:0b(?P<binary>[01]+)|0x(?P<hex>[0-9a-fA-F]+)|0o(?P<new_octal>[0-7]+)"
    r"|0(?P<octal>[0-7]+)|(?P<decimal>0|[1-9][0-9]*|0[0-9]*))"
)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


def resolve(text: str) -> Plain:
    """The value of a plain (unquoted, untagged) scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _FIRST:
        return text
    return _number(text)


def _number(text: str) -> Plain:
    plain = text.replace("_", "")
    match = _INTEGER.fullmatch(plain)
    if match is not None:
        negative = match["sign"] == "-"
        for group, base in (("binary", 2), ("hex", 16), ("new_octal", 8), ("octal", 8), ("decimal", 10)):
            if match[group] is not None:
                if base == 10 and len(match[group]) > 4000:
                    return text
                value = int(match[group], base)
                return -value if negative else value
    if _FLOAT.fullmatch(plain) and any(character.isdigit() for character in plain):
        return float(plain)
    return text


def tagged(tag: str, text: str) -> Plain:
    """The value of a scalar with an explicit core tag; other tags leave the text."""
    name = tag.rsplit(":", 1)[-1].lstrip("!")
    if name in ("int", "float", "bool", "null"):
        return resolve(text)
    return text


def key_text(value: Plain) -> str:
    """A mapping key as JSON writes it (sigs.k8s.io/yaml convertToJSONableObject)."""
    if value is True or value is False:
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() and abs(value) < 1e21 else repr(value)
    return str(value)
