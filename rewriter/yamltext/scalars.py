"""What Kubernetes makes of a plain scalar: sigs.k8s.io/yaml, that is go-yaml v2 rules on the way to JSON."""

from __future__ import annotations

import base64
import math
import struct
from typing import TypeAlias

from rewriter import patterns as re

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
    r"[-+]?(?:0[bB](?P<binary>[01]+)|0[xX](?P<hex>[0-9a-fA-F]+)|0[oO]?(?P<octal>[0-7]+)|(?P<decimal>0|[1-9][0-9]*))"
)
_BASES = (("decimal", 10), ("octal", 8), ("hex", 16), ("binary", 2))
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_CORE = "tag:yaml.org,2002:"
_DIGITS = 400  # More of them are beyond any number, and slow to read.


def resolve(text: str) -> Plain:
    """The value of a plain (unquoted, untagged) scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _FIRST:
        return text
    return _number(text)


def _number(text: str) -> Plain:
    if len(text) > _DIGITS:
        return text
    if text[0] == ".":  # go-yaml drops underscores from other numbers only.
        return _float(text)
    digits = text.replace("_", "")
    match = _INTEGER.fullmatch(digits)
    if match is not None:
        group, base = next((group, base) for group, base in _BASES if match[group] is not None)
        value = int(match[group], base)
        value = -value if digits[0] == "-" else value
        if -(1 << 63) <= value < 1 << 64:
            return value
    found = _float(digits)
    return text if found is digits else found


def _float(text: str) -> str | float:
    """A number that is no 64-bit integer; the text itself where it is none, or beyond what a float holds."""
    if _FLOAT.fullmatch(text) is None or not math.isfinite(value := float(text)):
        return text
    return value


def tagged(tag: str, text: str) -> Plain:
    """The value of a scalar with an explicit tag: core ones as they say, others leave the text."""
    match tag.removeprefix(_CORE) if tag.startswith(_CORE) else "":
        case "int" | "bool" | "null":
            return resolve(text)
        case "float":
            value = resolve(text)
            return float(value) if type(value) is int else value
        case "binary":
            try:
                return base64.b64decode("".join(text.split()), validate=True).decode("utf-8", "replace")
            except ValueError:
                return text
        case _:
            return text


def key_text(value: Plain) -> str:
    """A mapping key as JSON writes it (sigs.k8s.io/yaml convertToJSONableObject)."""
    if value is True or value is False:
        return "true" if value else "false"
    if value is None:
        return "null"
    return _float_key(value) if isinstance(value, float) else str(value)


def _float_key(value: float) -> str:
    """Go's FormatFloat(value, 'g', -1, 32): the fewest digits that give the same 32-bit number."""
    single = _single(value)
    if not math.isfinite(single):
        return ".nan" if math.isnan(single) else ".inf" if single > 0 else "-.inf"
    digits = next(number for number in range(17) if _single(float(f"{value:.{number}e}")) == single)
    shortest = f"{value:.{digits}e}"
    exponent = int(shortest.partition("e")[2])
    return f"{float(shortest):.{max(digits - exponent, 0)}f}" if -4 <= exponent < 6 else shortest


def _single(value: float) -> float:
    try:
        number: float = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)
    return number
