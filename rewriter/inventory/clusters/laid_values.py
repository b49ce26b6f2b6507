"""Values that a text lays over others one by one: `set`, parameters, patches, and `set` blocks of Terraform."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any, NamedTuple

from rewriter import patterns as re
from rewriter import yamltext
from rewriter.inventory.releases.set_values import typed
from rewriter.inventory.texts.manifests import mapping

_DEEPEST = 40
#: The members of manifests that hold the values of a chart.
_VALUES = ("values", "valuesObject", "valuesInline")
_BLOCK = re.compile(r"(resource|data|module)\s")
_HEREDOC = re.compile(r"<<[-~]?(\w+)\s*$")
_ATTRIBUTE = re.compile(r'^\s*"?(?P<key>[\w.\\-]+)"?\s*[:=]\s*(?P<value>"[^"]*"|\[[^\[\]]*\]|[^\s,{}\[\]]+)\s*,?\s*$')
_OPENING = re.compile(r'^\s*"?(?P<key>[\w.-]+)"?\s*[:=]\s*\{?\s*$')


class LaidValue(NamedTuple):
    """A value at a path as `helm --set` writes it, with the line (from 1) that holds it."""

    path: str
    value: Any
    line: int


def laid_values(document: yamltext.Document) -> Iterator[LaidValue]:
    """Those of a document: `{name, value}` of parameters, keys of `set`, and operations of patches."""
    yield from _laid(document, document.value, "", 0)


def _laid(document: yamltext.Document, value: Any, route: str, depth: int) -> Iterator[LaidValue]:
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        for field in ("value", "values"):
            if field in value and (path := _path(value)):
                written = value[field]
                read = [typed(element) for element in written] if isinstance(written, list) else typed(written)
                yield LaidValue(path, read, yamltext.locate_key(document, f"{route}/{field}").line)
        for key, written in mapping(value.get("set")).items():
            line = yamltext.locate_key(document, f"{route}/set/{escaped(str(key))}").line
            yield LaidValue(str(key), typed(written), line)
        for key, below in value.items():
            yield from _laid(document, below, f"{route}/{escaped(str(key))}", depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _laid(document, item, f"{route}/{index}", depth + 1)


def escaped(key: str) -> str:
    """A key as a step of a route."""
    return key.replace("~", "~0").replace("/", "~1")


def _path(value: dict[Any, Any]) -> str:
    """The path that an entry names, or that an operation leads to below the values; empty for none."""
    name, pointer = value.get("name"), value.get("path")
    if isinstance(name, str):
        return name
    if not isinstance(pointer, str) or value.get("op") not in ("add", "replace"):
        return ""
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    below = next((index for index, step in enumerate(steps) if step in _VALUES), None)
    return "" if below is None else ".".join(step.replace(".", "\\.") for step in steps[below + 1 :])


def terraform_values(text: str, first: int) -> Iterator[LaidValue]:
    """Those of the block of Terraform that begins at a line: of `set` blocks, and of values that it writes out.

    An attribute stands at the path of its own name and at that with the name of the mapping around it before it.
    """
    rows = text.split("\n")
    name, around, number = "", [""], first
    while number < len(rows) and not _BLOCK.match(rows[number]):
        row = rows[number]
        number += 1
        if marker := _HEREDOC.search(row):
            end = next((at for at in range(number, len(rows)) if rows[at].strip() == marker[1]), len(rows))
            yield from _written_out("\n".join(rows[number:end]), number)
            number = end + 1
            continue
        if row.strip().startswith(("}", "]")) and len(around) > 1:
            around.pop()
        found = _ATTRIBUTE.match(row)
        if found is None:
            opening = _OPENING.match(row)
            around += [opening["key"]] if opening is not None else []
            continue
        key, value = found["key"], _attribute(found["value"])
        if key == "name":
            name = str(value)
        elif key == "value" and name:
            yield LaidValue(name, value, number)
            name = ""
        else:
            yield LaidValue(key, value, number)
            yield LaidValue(f"{around[-1]}.{key}", value, number)


def _attribute(text: str) -> Any:
    """A text in quotes, a list of those, or a word."""
    if text[:1] == "[":
        return [typed(part.strip().strip('"')) for part in text[1:-1].split(",") if part.strip()]
    return typed(text.strip('"'))


def _written_out(text: str, above: int) -> Iterator[LaidValue]:
    """Each value of a text of values, with what it holds; `above` is the number of lines before the text."""
    try:
        documents = yamltext.parse(textwrap.dedent(text))
    except yamltext.YamlTextError:
        return
    for document in documents:
        yield from _below(document, document.value, (), above)


def _below(document: yamltext.Document, value: Any, steps: tuple[str, ...], above: int) -> Iterator[LaidValue]:
    if steps:
        line = yamltext.locate_key(document, "".join(f"/{escaped(step)}" for step in steps)).line
        yield LaidValue(".".join(step.replace(".", "\\.") for step in steps), value, above + line)
    if isinstance(value, dict) and len(steps) < _DEEPEST:
        for key, inner in value.items():
            yield from _below(document, inner, (*steps, str(key)), above)
