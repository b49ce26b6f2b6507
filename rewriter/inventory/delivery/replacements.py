"""Kustomize's replacements, where they are plain: a value of one object that is written into fields of others.

Plain is one whose source stands in the tree, whose targets are named as they are, and whose fields do not say what an
object is or where it lands (Kustomize 5, api/filters/replacement). What is not plain is not followed (`unfollowed`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from functools import partial
from typing import Any

from rewriter import patterns as re
from rewriter import yamltext
from rewriter.cilium.digits import is_number
from rewriter.inventory.delivery.unfollowed import TextAt, Unfollowed, of_replacements
from rewriter.inventory.facts.model import Source
from rewriter.inventory.texts.manifests import items, mapping
from rewriter.records import dataclass

#: The value at a source of a replacement, after those that are given; None where that is not known.
SourceAt = Callable[[Mapping[str, Any], "Sequence[Replacement]"], Any]

_SELECTOR = frozenset({"group", "version", "kind", "name", "namespace"})
_PLAIN = re.compile(r"[\w./-]*")
_SEGMENT = re.compile(r"\[([\w./-]+)=([\w./:@ -]+)\]|((?:[^.\\\[\]]|\\.)+)")
#: An index as well, to the strconv.Atoi of Kustomize.
_SIGNED = re.compile(r"[+-][0-9]+")
#: Where a replacement may write without a word about what the object is, or where it lands.
_ROOTS = frozenset({"spec", "specs", "data", "stringData", "subsets", "endpoints", "ports"})
_METADATA = frozenset({"labels", "annotations"})


@dataclass(frozen=True, slots=True)
class Options:
    """How a value goes into a field, or is taken from one: part `index` between delimiters, in a field that is made."""

    delimiter: str = ""
    index: int = 0
    create: bool = False


@dataclass(frozen=True, slots=True)
class Replacement:
    """A value for the fields at `paths` of objects that `select` names and `reject` does not.

    `held` is what it is where the value is not known after all. `of_metadata` says that the value is of the metadata
    of its source, which an applier may change.
    """

    source: Source
    value: Any
    select: Mapping[str, Any]
    reject: tuple[Mapping[str, Any], ...] = ()
    paths: tuple[tuple[str, ...], ...] = ()
    options: Options = Options()
    held: tuple[Unfollowed, ...] = ()
    of_metadata: bool = False
    written: tuple[str, ...] = field(default=())

    def is_for(self, value: Mapping[str, Any], original: str) -> bool:
        """Whether it is for an object, which was called `original` before any step."""
        return selected(self.select, value, original) and not any(
            selected(selector, value, original) for selector in self.reject
        )

    def made(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        """An object with the value written into its fields; those that are not there stay so."""
        result: Any = value
        for path in self.paths:
            result = _written(result, path, self.value, self.options)
        return mapping(result)


def read_replacements(
    listed: Any, source: Source, text_at: TextAt, source_at: SourceAt
) -> tuple[tuple[Replacement, ...], list[Any]]:
    """The replacements of a kustomization that are plain, and the entries of those that are not."""
    made: list[Replacement] = []
    left: list[Any] = []
    for entry in listed if isinstance(listed, list) else ():
        inner = _entries(entry, text_at)
        found = None if inner is None else _all(inner, source, text_at, source_at, [*made], left)
        if found is None:
            left.append(entry)
        else:
            made += found
    return tuple(made), left


def _entries(entry: Any, text_at: TextAt) -> list[Mapping[str, Any]] | None:
    """The replacements of an entry, or of the file that it names; None where that cannot be read."""
    if not isinstance(entry, dict):
        return None
    if "path" not in entry:
        return [entry]
    text = text_at(str(entry["path"]))
    try:
        values = (
            [] if text is None else [document.value for document in yamltext.parse(text) if document.value is not None]
        )
    except yamltext.YamlTextError:
        return None
    found = [item for value in values for item in (value if isinstance(value, list) else [value])]
    return found if found and all(isinstance(item, dict) for item in found) else None


def _all(
    entries: Sequence[Mapping[str, Any]],
    source: Source,
    text_at: TextAt,
    source_at: SourceAt,
    before: list[Replacement],
    left: Sequence[Any],
) -> list[Replacement] | None:
    """What all entries make, one after the other; None where one of them is not plain."""
    found: list[Replacement] = []
    for entry in entries:
        known = partial(_value, source_at=source_at, before=[*before, *found], left=left)
        made = _read(entry, source, text_at, known)
        if made is None:
            return None
        found += made
    return found


def _value(wanted: Mapping[str, Any], source_at: SourceAt, before: Sequence[Replacement], left: Sequence[Any]) -> Any:
    """The value of a source; None where something that is not followed may write into it before."""
    selects = [mapping(target.get("select")) for entry in left for target in items(mapping(entry).get("targets"))]
    if any("path" in mapping(entry) for entry in left) or any(_may_be(select, wanted) for select in selects):
        return None
    return source_at(wanted, before)


def _may_be(select: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    for key in ("kind", "name"):
        one, other = select.get(key), wanted.get(key)
        if one and other and one != other and _PLAIN.fullmatch(str(one)):
            return False
    return True


def _read(
    entry: Mapping[str, Any], source: Source, text_at: TextAt, value_of: Callable[[Mapping[str, Any]], Any]
) -> list[Replacement] | None:
    """The replacements of one entry, one for each target; None where it is not plain."""
    wanted = mapping(entry.get("source"))
    targets = entry.get("targets")
    if not {"source", "sourceValue", "targets"}.issuperset(entry) or not isinstance(targets, list) or not targets:
        return None
    plain = [read_target for read_target in map(_target, targets) if read_target is not None]
    if len(plain) != len(targets):
        return None
    value = entry.get("sourceValue") if not wanted else _taken(wanted, value_of)
    if value is None or (wanted and "sourceValue" in entry) or isinstance(value, float):
        return None
    held = tuple(of_replacements(f"`replacements` of {source}", [entry], text_at))
    of_metadata = str(wanted.get("fieldPath", "metadata.name")).startswith("metadata")
    return [
        Replacement(source, value, select, reject, paths, options, held, of_metadata, written)
        for select, reject, paths, options, written in plain
    ]


_Target = tuple[Mapping[str, Any], tuple[Mapping[str, Any], ...], tuple[tuple[str, ...], ...], Options, tuple[str, ...]]


def _target(target: Any) -> _Target | None:
    """Whom one target means, and where it writes; None where it is not plain."""
    if not isinstance(target, dict) or not {"select", "reject", "fieldPaths", "options"}.issuperset(target):
        return None
    select, reject = mapping(target.get("select")), items(target.get("reject"))
    written = target.get("fieldPaths")
    options = read_options(target.get("options"))
    if not select or not all(map(_is_plain, (select, *reject))) or reject != (target.get("reject") or []):
        return None
    if options is None or not isinstance(written, list) or not written:
        return None
    paths = [segments(path) for path in written]
    known = tuple(path for path in paths if path is not None and _is_harmless(path))
    return (select, tuple(reject), known, options, tuple(map(str, written))) if len(known) == len(paths) else None


def _is_plain(selector: Mapping[str, Any]) -> bool:
    return bool(selector) and all(
        key in _SELECTOR and isinstance(text, str) and _PLAIN.fullmatch(text) for key, text in selector.items()
    )


def read_options(value: Any) -> Options | None:
    """The options of a source or a target; None where they are not followed."""
    given = mapping(value)
    if not {"delimiter", "index", "create"}.issuperset(given):
        return None
    delimiter, index, create = given.get("delimiter", ""), given.get("index", 0), given.get("create", False)
    if not isinstance(delimiter, str) or isinstance(index, bool) or not isinstance(index, int):
        return None
    return Options(delimiter, index, create is True)


def _taken(wanted: Mapping[str, Any], value_of: Callable[[Mapping[str, Any]], Any]) -> Any:
    """The value of a source, or the part of it that its options name; None where that is not known."""
    options = read_options(wanted.get("options"))
    if options is None or options.create or not (_SELECTOR | {"fieldPath", "options"}).issuperset(wanted):
        return None
    value = value_of(wanted)
    if not options.delimiter or value is None:
        return value
    parts = text_of(value).split(options.delimiter) if is_scalar(value) else []
    return parts[options.index] if 0 <= options.index < len(parts) else None


def _is_harmless(path: Sequence[str]) -> bool:
    """Whether a path says nothing of what an object is or where it lands."""
    return path[0] in _ROOTS if path[0] != "metadata" else len(path) > 2 and path[1] in _METADATA


def segments(path: Any) -> tuple[str, ...] | None:
    """The parts of a field path of Kustomize: keys, indexes, `*` and `[key=value]`; None where it has others.

    In a target the value is a regular expression (kyaml's PathMatcher): one of plain characters is followed.
    """
    if not isinstance(path, str) or not path:
        return None
    found: list[str] = []
    at = 0
    while at < len(path):
        match = _SEGMENT.match(path, at)
        if match is None or _SIGNED.fullmatch(match[0]):
            return None
        found.append(match[0] if match[1] else re.sub(r"\\(.)", r"\1", match[3]))
        at = match.end()
        if at < len(path):
            if path[at] != "." or at + 1 == len(path):
                return None
            at += 1
    return tuple(found)


def value_at(value: Any, path: Sequence[str]) -> Any:
    """The value at a path; None where there is none, or several."""
    for segment in path:
        if segment == "*":
            return None
        if isinstance(value, list):
            index = _index(value, segment)
            value = None if index is None else value[index]
        else:
            value = mapping(value).get(segment)
    return value


def is_scalar(value: Any) -> bool:
    """Whether a value is a text, a number or a boolean."""
    return isinstance(value, str | int | float)


def text_of(value: Any) -> str:
    """A scalar as YAML writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def selector_of(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Whom a source names, without the field and the options."""
    return {key: text for key, text in wanted.items() if key in _SELECTOR}


def selected(selector: Mapping[str, Any], value: Mapping[str, Any], original: str) -> bool:
    """Whether a selector names an object, which was called `original` before any step."""
    metadata = mapping(value.get("metadata"))
    group, _, version = str(value.get("apiVersion", "")).rpartition("/")
    own = {"group": group, "version": version, "kind": str(value.get("kind"))}
    own["namespace"] = str(metadata.get("namespace") or "default")
    names = (original, str(metadata.get("name")))
    return all((wanted in names if key == "name" else own[key] == wanted) for key, wanted in selector.items() if wanted)


def _written(value: Any, path: Sequence[str], put: Any, options: Options) -> Any:
    """A value with another at a path of it; as it was where the path is not there and is not made."""
    if not path:
        return _joined(value, put, options)
    first, rest = path[0], path[1:]
    if first == "*":
        if isinstance(value, list):
            return [_written(item, rest, put, options) for item in value]
        return (
            {key: _written(member, rest, put, options) for key, member in value.items()}
            if isinstance(value, dict)
            else value
        )
    if isinstance(value, list):
        return _written_in_list(value, first, rest, put, options)
    if not isinstance(value, dict):
        return value
    if first in value:
        return {**value, first: _written(value[first], rest, put, options)}
    if not options.create:
        return value
    return {**value, first: _made(rest, put, options)}


def _written_in_list(value: list[Any], first: str, rest: Sequence[str], put: Any, options: Options) -> list[Any]:
    indexes = indexes_of(value, first)
    if indexes:
        return [_written(item, rest, put, options) if at in indexes else item for at, item in enumerate(value)]
    if not options.create:
        return value
    match = _SEGMENT.fullmatch(first)
    if match is not None and match[1]:
        key = _plain_scalar(match[2])
        # `y` and `off`, too, are texts to kyaml, which writes them in quotes.
        plain = match[2] if isinstance(key, bool) and match[2] not in ("true", "false") else key
        return [*value, _written({match[1]: plain}, rest, put, options)]
    # The index behind the last one makes an entry.
    return [*value, _made(rest, put, options)] if is_number(first) and int(first) == len(value) else value


def _made(rest: Sequence[str], put: Any, options: Options) -> Any:
    """What is made where nothing stands: the value itself, or what holds it at the rest of a path."""
    if not rest:
        return _created(put, options)
    empty: Any = [] if rest[0].startswith("[") or is_number(rest[0]) else {}
    return _written(empty, rest, put, options)


def _index(value: Sequence[Any], segment: str) -> int | None:
    """The entry of a list that a segment of a source means: one by its index, or the first with a key of this value."""
    match = _SEGMENT.fullmatch(segment)
    if match is not None and match[1]:
        found = (at for at, item in enumerate(value) if text_of(mapping(item).get(match[1], "")) == match[2])
        return next(found, None)
    return int(segment) if is_number(segment) and int(segment) < len(value) else None


def indexes_of(value: Sequence[Any], segment: str) -> set[int]:
    """The entries that a segment of a target means: one by its index, or all in which the key has this text in it."""
    match = _SEGMENT.fullmatch(segment)
    if match is None or not match[1]:
        index = _index(value, segment)
        return set() if index is None else {index}
    wanted = re.compile(re.escape(match[2]).replace(r"\.", "."))
    return {at for at, item in enumerate(value) if any(map(wanted.search, _texts(mapping(item).get(match[1]))))}


def _texts(value: Any) -> Iterator[str]:
    """What stands in a value: Kustomize looks through the YAML of all of it."""
    if is_scalar(value):
        yield text_of(value)
    for part in value.items() if isinstance(value, dict) else value if isinstance(value, list) else ():
        for inner in part if isinstance(part, tuple) else (part,):
            yield from _texts(inner)


def _joined(old: Any, put: Any, options: Options) -> Any:
    """What stands in a field then: a text stays one, whatever is written into it, and other scalars are read anew."""
    if not is_scalar(old):
        return old if old is None or options.delimiter else put
    if not is_scalar(put):
        return ""
    text = text_of(put)
    if options.delimiter:
        parts = text_of(old).split(options.delimiter)
        if options.index < 0:
            parts = [text, *parts]
        elif options.index >= len(parts):
            parts = [*parts, text]
        else:
            parts[options.index] = text
        text = options.delimiter.join(parts)
    return text if isinstance(old, str) else _plain_scalar(text)


def _created(put: Any, options: Options) -> Any:
    if not is_scalar(put):
        return put
    return _plain_scalar(_joined("", put, options))


def _plain_scalar(text: str) -> Any:
    """What a text is as a plain scalar of YAML."""
    try:
        values: Iterator[Any] = (document.value for document in yamltext.parse(text))
        value = next(values, None)
    except yamltext.YamlTextError:
        return text
    return value if is_scalar(value) else text
