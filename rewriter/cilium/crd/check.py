"""How the API server judges a manifest by the schema of a release's CRDs, before the agent sees any of it.

Fields that the schema does not know are refused under strict field validation (kubectl, server-side apply with it)
and dropped by every other client; what else is wrong is refused in every mode. Null members count as absent: the API
server drops them where a field is not nullable. Kubernetes apiextensions-apiserver, pkg/apiserver.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from rewriter.cilium.cidr import AddressError, parse_prefix
from rewriter.cilium.crd.facts import CIDR_GROUP, schema_of
from rewriter.cilium.crd.shapes import Anything, Apart, Fields, Flag, Items, Labels, Number, NumberOrText, Shape, Text
from rewriter.cilium.crd.tiers import CLUSTER_NETWORK_POLICY
from rewriter.cilium.go_syntax import quote
from rewriter.cilium.policy import CCNP, CNP, KNP
from rewriter.cilium.selector import escape_pointer
from rewriter.cilium.version import Version
from rewriter.records import dataclass

STRICT, PRUNED, OK = "strict", "pruned", "ok"
_KINDS = frozenset({CNP, CCNP, KNP, CIDR_GROUP, CLUSTER_NETWORK_POLICY})

_Taker = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class SchemaProblem:
    """One thing that the API server refuses: its words, and the JSON pointer of the culprit.

    `unknown` marks a field that the schema does not have at that place, which lenient clients lose silently; `place`
    is then what the schema has there.
    """

    message: str
    route: str
    unknown: bool = False
    place: Fields | None = None


def schema_problems(manifest: Any, version: Version, base: str = "") -> tuple[SchemaProblem, ...]:
    """What the schema of a release does not take in a manifest, in document order; `base` is put before the routes."""
    kind = manifest.get("kind") if isinstance(manifest, dict) else None
    if not isinstance(kind, str) or kind not in _KINDS:
        return ()
    if _taker_of(kind, (version,))(manifest):
        return ()
    return tuple(_problems(manifest, schema_of(kind, version), "", base))


def all_take(versions: tuple[Version, ...], manifest: Mapping[str, Any]) -> bool:
    """Whether the schemas of all these releases take a manifest: then `schema_problems` finds none for any of them."""
    kind = manifest.get("kind")
    return not isinstance(kind, str) or kind not in _KINDS or _taker_of(kind, versions)(manifest)


def schema_state(problems: tuple[SchemaProblem, ...]) -> str:
    """`ok`; `pruned` where only unknown fields are wrong; `strict` where every client is refused."""
    if not problems:
        return OK
    return PRUNED if all(problem.unknown for problem in problems) else STRICT


def pruned(manifest: Mapping[str, Any], version: Version) -> Mapping[str, Any]:
    """The manifest as a lenient client stores it: without the fields that the schema does not know, and without null.

    List items stay where they are, so that routes in the result are routes in the manifest.
    """
    kind = manifest.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        return manifest
    kept: Mapping[str, Any] = _pruned(manifest, schema_of(kind, version))
    return kept


def fits(value: Any, shape: Shape) -> bool:
    """Whether the schema takes a value at a place of this shape as it is."""
    return _taker(shape)(value)


def shapes_along(kind: str, version: Version, route: str) -> list[tuple[str, Shape]]:
    """The routes above and at a route in a manifest with the shape of each, outermost first, as far as it is known."""
    shape: Shape = schema_of(kind, version)
    found: list[tuple[str, Shape]] = [("", shape)]
    reached = ""
    for token in route.split("/")[1:]:
        below: Shape | None = None
        if isinstance(shape, Fields):
            below = shape.fields.get(token.replace("~1", "/").replace("~0", "~"))
        elif isinstance(shape, Items | Labels):
            below = shape.element
        if below is None:
            break
        shape, reached = below, f"{reached}/{token}"
        found.append((reached, shape))
    return found


def _pruned(value: Any, shape: Shape) -> Any:
    if isinstance(shape, Fields) and isinstance(value, dict):
        return {
            key: _pruned(item, shape.fields[key])
            for key, item in value.items()
            if key in shape.fields and item is not None
        }
    if isinstance(shape, Items) and isinstance(value, list):
        return [_pruned(item, shape.element) for item in value]
    if isinstance(shape, Labels) and isinstance(value, dict):
        return {key: _pruned(item, shape.element) for key, item in value.items() if item is not None}
    return value


@cache
def _taker_of(kind: str, versions: tuple[Version, ...]) -> _Taker:
    return _taker(*(schema_of(kind, version) for version in versions))


def _taker(*shapes: Shape) -> _Taker:
    """A function that says whether `_problems` finds none in a value at a place of each of these shapes.

    It is made once for many manifests, and has no words for what is wrong: in nearly every manifest nothing is.
    """
    shape = shapes[0]
    fields = [one for one in shapes if isinstance(one, Fields)]
    if len(fields) == len(shapes):
        return _fields_taker(fields)
    if any(other != shape for other in shapes):
        lists = [one for one in shapes if isinstance(one, Items)]
        bounds = {replace(one, element=Anything()) for one in lists}
        if len(lists) == len(shapes) and len(bounds) == 1:
            return _items_taker(lists[0], _taker(*(one.element for one in lists)))
        takers = [_taker(one) for one in shapes]
        return lambda value: all(taker(value) for taker in takers)
    if isinstance(shape, Labels):
        return _labels_taker(_taker(shape.element))
    if isinstance(shape, Items):
        return _items_taker(shape, _taker(shape.element))
    if isinstance(shape, Text):
        if shape == Text():
            return lambda value: isinstance(value, str)
        return lambda value: isinstance(value, str) and _text_problem(value, shape) is None
    if isinstance(shape, Anything):
        return lambda _: True
    return lambda value: not any(True for _ in _of_scalar(value, shape, "", ""))


def _fields_taker(shapes: Sequence[Fields]) -> _Taker:
    names = [name for name in shapes[0].fields if all(name in shape.fields for shape in shapes)]
    takers = {name: _taker(*(shape.fields[name] for shape in shapes)) for name in names}
    required = dict.fromkeys(name for shape in shapes for name in shape.required)
    # What is asked of the fields together, once where several ask the same; each field is one of all shapes by then.
    asked = {shape.demands: shape for shape in shapes if shape.demands_more}

    def takes(value: Any) -> bool:
        if not isinstance(value, dict):
            return False
        for key, item in value.items():
            taker = takers.get(key)
            if taker is None or not (item is None or taker(item)):
                return False
        for name in required:
            if value.get(name) is None:
                return False
        return not asked or not any(True for shape in asked.values() for _ in _demanded(value, shape, "", ""))

    return takes


def _labels_taker(takes_value: _Taker) -> _Taker:
    def takes(value: Any) -> bool:
        if not isinstance(value, dict):
            return False
        for item in value.values():  # noqa: SIM110 - every label of a run goes through here
            if not (item is None or takes_value(item)):
                return False
        return True

    return takes


def _items_taker(shape: Items, takes_item: _Taker) -> _Taker:
    null_is_empty = shape.null_is_empty
    bounded = shape.is_set or shape.max_items is not None or shape.min_items > 0

    def takes(value: Any) -> bool:
        if not isinstance(value, list) or (bounded and any(True for _ in _of_length(value, shape, "", ""))):
            return False
        for item in value:  # noqa: SIM110 - as above
            if not ((item is None and null_is_empty) or takes_item(item)):
                return False
        return True

    return takes


def _problems(value: Any, shape: Shape, path: str, route: str) -> Iterator[SchemaProblem]:
    if isinstance(shape, Fields):
        yield from _of_fields(value, shape, path, route)
    elif isinstance(shape, Labels):
        if not isinstance(value, dict):
            yield _mistyped(value, "object", path, route)
            return
        for key, item in value.items():
            if item is not None:
                yield from _problems(item, shape.element, f"{path}.{key}", f"{route}/{escape_pointer(str(key))}")
    elif isinstance(shape, Items):
        yield from _of_items(value, shape, path, route)
    elif not isinstance(shape, Anything):
        yield from _of_scalar(value, shape, path, route)


def _of_fields(value: Any, shape: Fields, path: str, route: str) -> Iterator[SchemaProblem]:
    if not isinstance(value, dict):
        yield _mistyped(value, "object", path, route)
        return
    for key, item in value.items():
        below, place = _below(path, key), f"{route}/{escape_pointer(str(key))}"
        if key not in shape.fields:
            yield SchemaProblem(f"unknown field {quote(below)}", place, unknown=True, place=shape)
        elif item is not None:
            yield from _problems(item, shape.fields[key], below, place)
    yield from _demanded(value, shape, path, route)


def _demanded(value: Mapping[str, Any], shape: Fields, path: str, route: str) -> Iterator[SchemaProblem]:
    """What is wrong with the fields of a mapping together."""
    known = {key for key, item in value.items() if key in shape.fields and item is not None}
    for name in shape.required:
        if name not in known:
            yield SchemaProblem(f"{_below(path, name)}: Required value", route)
    ends = [end for name in shape.ascending if isinstance(end := value.get(name), int)]
    if len(ends) == 2 and ends[0] >= ends[1]:
        message = f"{path}: Invalid value: {' must be less than '.join(shape.ascending)}"
        yield SchemaProblem(message, f"{route}/{shape.ascending[-1]}")
    for rule in shape.apart:
        if (both := _together(value, rule)) is not None:
            yield SchemaProblem(f"{path}: Invalid value: {rule.message}", f"{route}/{both}")
    for names, most in ((shape.exactly_one, 1), (shape.at_least_one, len(shape.at_least_one))):
        there = [name for name in names if name in known]
        if names and not 1 <= len(there) <= most:
            demand = "exactly one of" if most == 1 else "at least one of"
            message = f"{path or 'the manifest'}: Invalid value: {demand} {', '.join(names)} must be set"
            yield SchemaProblem(message, f"{route}/{there[-1]}" if there else route)


def _together(value: Mapping[str, Any], rule: Apart) -> str | None:
    """The place of the first item that must not stand beside those of the other list; None where that is kept."""
    first, second = (
        next((index for index, item in enumerate(_list(value.get(name))) if _has_one(item, fields)), None)
        for name, fields in ((rule.of, rule.fields), (rule.beside, rule.others))
    )
    return None if first is None or second is None else f"{rule.beside}/{second}"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _has_one(item: Any, fields: Sequence[str]) -> bool:
    return isinstance(item, dict) and any(item.get(field) is not None for field in fields)


def _of_items(value: Any, shape: Items, path: str, route: str) -> Iterator[SchemaProblem]:
    if not isinstance(value, list):
        yield _mistyped(value, "array", path, route)
        return
    for index, item in enumerate(value):
        if item is None and shape.null_is_empty:
            continue
        yield from _problems(item, shape.element, f"{path}[{index}]", f"{route}/{index}")
    yield from _of_length(value, shape, path, route)


def _of_length(value: Sequence[Any], shape: Items, path: str, route: str) -> Iterator[SchemaProblem]:
    if shape.is_set:
        for index, item in enumerate(value):
            if item in value[:index]:
                yield SchemaProblem(f"{path}[{index}]: Duplicate value: {_shown(item)}", f"{route}/{index}")
    if shape.max_items is not None and len(value) > shape.max_items:
        yield SchemaProblem(f"{path}: Too many: {len(value)}: must have at most {shape.max_items} items", route)
    if len(value) < shape.min_items:
        yield SchemaProblem(f"{path}: Invalid value: {len(value)}: must have at least {shape.min_items} items", route)


def _shown(value: Any) -> str:
    return quote(value) if isinstance(value, str) else str(value)


def _of_scalar(value: Any, shape: Shape, path: str, route: str) -> Iterator[SchemaProblem]:
    if isinstance(shape, Flag):
        if not isinstance(value, bool):
            yield _mistyped(value, "boolean", path, route)
    elif isinstance(shape, Number):
        yield from _of_number(value, shape, path, route)
    elif isinstance(shape, NumberOrText):
        if isinstance(value, str):
            number = int(value) if value.isascii() and value.isdigit() and len(value) < 4 else -1
            if value not in shape.names and not 0 <= number <= shape.maximum:
                why = f"{path}: Invalid value: {quote(value)}: is neither a known name nor a number"
                yield SchemaProblem(why, route)
        elif isinstance(value, bool) or not isinstance(value, int):
            yield _mistyped(value, "integer,string", path, route)
    elif isinstance(shape, Text):
        if not isinstance(value, str):
            yield _mistyped(value, "string", path, route)
            return
        problem = _text_problem(value, shape)
        if problem:
            yield SchemaProblem(f"{path}: {problem}", route)


def _of_number(value: Any, shape: Number, path: str, route: str) -> Iterator[SchemaProblem]:
    if isinstance(value, bool) or not isinstance(value, int):
        yield _mistyped(value, "integer", path, route)
    elif not shape.minimum <= value <= shape.maximum:
        bounds = f"must be between {shape.minimum} and {shape.maximum}"
        yield SchemaProblem(f"{path}: Invalid value: {value}: {bounds}", route)


def _text_problem(value: str, shape: Text) -> str | None:
    if shape.enum and value not in shape.enum:
        return f"Unsupported value: {quote(value)}: supported values: {', '.join(map(quote, shape.enum))}"
    if shape.max_length is not None and len(value) > shape.max_length:
        return f"Too long: may not be longer than {shape.max_length} characters"
    if len(value) < shape.min_length:
        return f"Invalid value: {quote(value)}: must have at least {shape.min_length} characters"
    if shape.pattern is not None and not shape.pattern.search(value):
        return f"Invalid value: {quote(value)}: must match {shape.shown}"
    if shape.cidr:
        try:
            parse_prefix(value)
        except AddressError:
            return f"Invalid value: {quote(value)}: must be of type cidr"
    if shape.strict_cidr and not _is_cidr(value):
        return f"Invalid value: {quote(value)}: Invalid CIDR format provided"
    return None


def _is_cidr(text: str) -> bool:
    """As the function isCIDR of validation rules (Kubernetes apiserver, pkg/cel/library/cidr.go)."""
    try:
        parse_prefix(text)
    except AddressError:
        return False
    address, _, length = text.partition("/")
    mapped = ":" in address and "." in address
    return not mapped and "%" not in address and (length == "0" or not length.startswith("0"))


def _mistyped(value: Any, wanted: str, path: str, route: str) -> SchemaProblem:
    found = "null" if value is None else _json_type(value)
    return SchemaProblem(f"{path or 'the manifest'}: Invalid value: {quote(found)}: must be of type {wanted}", route)


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    return "array" if isinstance(value, list) else "object"


def _below(path: str, key: Any) -> str:
    return f"{path}.{key}" if path else str(key)
