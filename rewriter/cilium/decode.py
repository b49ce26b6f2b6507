"""Whether a manifest decodes into Cilium's Go types, per version: wrong JSON types are rejected as Go rejects them.

Unknown fields are dropped and null is the zero value, as Go's JSON decoder does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rewriter.cilium.by_identity import ByIdentity
from rewriter.cilium.icmp import ICMP_TYPES
from rewriter.cilium.policy import KNP
from rewriter.cilium.rejected import NIL_POINTER, RejectedError
from rewriter.cilium.schema import GoType, LabelText, ListOf, MapOf, Scalar, Struct, cilium_policy, network_policy
from rewriter.cilium.selector import escape_pointer
from rewriter.cilium.stretches import stretches_of
from rewriter.cilium.version import ICMP_TYPE_NAMES, Version

_INT32 = 1 << 31
_INTEGERS = {"uint8": (0, 0xFF), "int32": (-_INT32, _INT32 - 1)}
#: The Python types that decode into a kind of scalar; integers, when they have 32 bits.
_PLAIN: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "bool": (bool,),
    "int32": (int,),
    "int-or-string": (str, int),
}


def check_decodes(
    manifest: Mapping[str, Any],
    kind: str,
    version: Version,
    base: str = "",
    accepted: ByIdentity[Any, None] | None = None,
) -> None:
    """Raises RejectedError at the first value of a type that Cilium's decoder cannot take.

    Rules that are known as `accepted` are not looked at again.
    """
    schema = network_policy() if kind == KNP else cilium_policy(version)
    for field, value in manifest.items():
        if field in schema.fields and not _decodes(value, schema.fields[field], (kind, version), accepted):
            route = f"{base}/{escape_pointer(str(field))}"
            _check(value, schema.fields[field], f"{kind}.{field}", route, version, is_field=True)


def _decodes(value: Any, expected: GoType, of: tuple[str, Version], accepted: ByIdentity[Any, None] | None) -> bool:
    """As `_plainly_decodes`; the items of the lists of a rule set are looked at once."""
    if accepted is None or not isinstance(expected, Struct) or expected.root or type(value) is not dict:
        return _plainly_decodes(value, expected)
    for key, item in value.items():
        field = expected.fields.get(key)
        if field is None:
            continue
        if not isinstance(field, ListOf) or type(item) is not list:
            if not _plainly_decodes(item, field):
                return False
            continue
        question = ("decodes", key, *of)
        known = accepted.to(question)
        for stretch in stretches_of(item):
            if question in stretch.answers:
                continue
            for inner in stretch:
                if id(inner) not in known:
                    if not _plainly_decodes(inner, field.element):
                        return False
                    known[id(inner)] = inner, None
            stretch.answers[question] = True
    return True


def _plainly_decodes(value: Any, expected: GoType) -> bool:
    """Whether a value is of its type beyond doubt; nearly all are, and then no place in the manifest is spelled out.

    Loops rather than generators: every manifest of a run goes through here.
    """
    if value is None:
        return not isinstance(expected, LabelText)
    if isinstance(expected, Scalar):
        plain = _PLAIN.get(expected.kind, ())
        return type(value) in plain and (type(value) is not int or -_INT32 <= value < _INT32)
    if isinstance(expected, Struct):
        if type(value) is not dict or expected.root == "ICMPField":
            return False
        known = expected.fields
        for key, item in value.items():  # noqa: SIM110
            if key in known and not _plainly_decodes(item, known[key]):
                return False
        return True
    items = value
    if isinstance(expected, MapOf) and type(value) is dict:
        items = value.values()
    elif not isinstance(expected, ListOf) or type(value) is not list:
        return False
    for item in items:  # noqa: SIM110
        if not _plainly_decodes(item, expected.element):
            return False
    return True


def _check(value: Any, expected: GoType, path: str, route: str, version: Version, *, is_field: bool) -> None:
    if isinstance(expected, LabelText):
        _check_label(value, route)
        return
    if value is None:
        return
    if isinstance(expected, Scalar):
        _check_scalar(value, expected, path, route, is_field=is_field)
        return
    if isinstance(expected, Struct) and expected.root:
        path = expected.root
    if isinstance(expected, ListOf):
        if not isinstance(value, list):
            raise _mismatch(_json_kind(value), path, expected.name, route, is_field=is_field)
        for index, item in enumerate(value):
            _check(item, expected.element, f"{path}.{index}", f"{route}/{index}", version, is_field=False)
        return
    if not isinstance(value, dict):
        named = "" if isinstance(expected, Struct) and expected.root else path
        raise _mismatch(_json_kind(value), named, expected.name, route, is_field=is_field)
    for key, item in value.items():
        below = expected.element if isinstance(expected, MapOf) else expected.fields.get(key)
        if below is not None:
            _check(item, below, f"{path}.{key}", f"{route}/{escape_pointer(str(key))}", version, is_field=True)
    if expected.name == "api.ICMPField" and version >= ICMP_TYPE_NAMES:
        _check_icmp_type(value, route)


def _check_scalar(value: Any, expected: Scalar, path: str, route: str, *, is_field: bool) -> None:
    kind = expected.kind
    if kind == "int-or-string":
        if isinstance(value, str):
            return
        kind, path = "int32", ""
    if kind == "string" and isinstance(value, str):
        return
    if kind == "bool" and isinstance(value, bool):
        return
    found = _json_kind(value)
    if kind in _INTEGERS and isinstance(value, int | float) and not isinstance(value, bool):
        low, high = _INTEGERS[kind]
        if isinstance(value, int) and low <= value <= high:
            return
        found = f"number {value}"
    name = kind if expected.kind == "int-or-string" else expected.name
    raise _mismatch(found, path, name, route, is_field=is_field)


def _check_label(value: Any, route: str) -> None:
    if isinstance(value, str):
        if not value:
            raise RejectedError('invalid Label: Failed to parse "" as a string', route)
        return
    fields = value if isinstance(value, dict) else {}
    whole = value is None or (isinstance(value, dict) and all(isinstance(v, str | None) for v in fields.values()))
    if not whole:
        found = f"json: cannot unmarshal {_json_kind(value)} into Go value of type string"
        raise RejectedError(f"decode of Label as string failed: {found}", route)
    if not fields.get("key"):
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        raise RejectedError(f"invalid Label: '{text}' does not contain label key", route)


def _check_icmp_type(value: Mapping[str, Any], route: str) -> None:
    family, written = value.get("family") or "", value.get("type")
    if written is None:
        raise RejectedError(f"panic: {NIL_POINTER}", route)
    if isinstance(written, str) and not _leading_number(written) and written != "0":
        table = ICMP_TYPES["IPv6" if family == "IPv6" else "IPv4"]
        if written not in table:
            raise RejectedError(f"ICMP type {written} not found in {family}", f"{route}/type")


def _leading_number(text: str) -> int:
    digits = text.removeprefix("-").removeprefix("+")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else 0


def _mismatch(found: str, path: str, name: str, route: str, *, is_field: bool) -> RejectedError:
    if not path:
        where = "Go value"
    elif is_field:
        where = f"Go struct field {path}"
    else:
        where = path
    return RejectedError(f"json: cannot unmarshal {found} into {where} of type {name}", route)


def _json_kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, int | float):
        return "number"
    return "array" if isinstance(value, list) else "object"
