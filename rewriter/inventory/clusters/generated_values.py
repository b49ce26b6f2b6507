"""Values that the template of an ApplicationSet leaves to its generators, with their lines (argo-cd, "Generators").

A value counts here that is one placeholder and nothing else: `policyEnforcementMode: '{{ .mode }}'`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from rewriter import yamltext
from rewriter.inventory.clusters.laid_values import escaped
from rewriter.inventory.delivery.generators import PLACEHOLDER
from rewriter.inventory.texts.manifests import mapping

_DEEPEST = 40
_STAND_IN = "\ue000{}\ue001"


class Given(NamedTuple):
    """A value of an element of a generator, its line, and all values of that element."""

    value: Any
    line: int
    element: frozenset[Any]


class GeneratedValue(NamedTuple):
    """A value of the template, by the dotted path that leads to it and its line (from 1).

    `given` are the values that generators written in the document give it; files with more of them have it by `name`.
    """

    path: str
    line: int
    name: str
    given: tuple[Given, ...]


def generated_values(document: yamltext.Document) -> Iterator[GeneratedValue]:
    """Those of an ApplicationSet; none of any other manifest."""
    manifest = mapping(document.value)
    if manifest.get("kind") != "ApplicationSet":
        return
    spec = mapping(manifest.get("spec"))
    given = list(_given(document, spec.get("generators"), "/spec/generators"))
    for path, expression, line in _left_open(document, spec.get("template")):
        name = expression.removeprefix(".").removeprefix("values.")
        path = path.partition(".valuesObject.")[2] or path
        yield GeneratedValue(path, line, name, tuple(other for own, other in given if f".{own}".endswith(f".{name}")))


def element_files(document: yamltext.Document) -> list[str]:
    """The globs of the files of a repository from which the git generators of an ApplicationSet take elements."""
    manifest = mapping(document.value)
    if manifest.get("kind") != "ApplicationSet":
        return []
    leaves = _leaves(document, mapping(manifest.get("spec")).get("generators"), "/spec/generators", ())
    return [str(value) for path, value, _ in leaves if f".{path}".endswith(".git.files.path")]


def of_element(document: yamltext.Document, values: Iterable[GeneratedValue]) -> Iterator[tuple[str, Any, int]]:
    """What a file of elements gives to values: the path of each, the value and its line."""
    leaves = list(_leaves(document, document.value, "", ()))
    for generated_value in values:
        yield from (
            (generated_value.path, value, line)
            for own, value, line in leaves
            if f".{own}".endswith(f".{generated_value.name}")
        )


def _given(document: yamltext.Document, generators: Any, route: str, depth: int = 0) -> Iterator[tuple[str, Given]]:
    """The values of each element that is written out, by the keys that lead to each."""
    if depth > _DEEPEST:
        return
    if isinstance(generators, list):
        for index, item in enumerate(generators):
            yield from _given(document, item, f"{route}/{index}", depth + 1)
        return
    for key, below in mapping(generators).items():
        inner = f"{route}/{escaped(str(key))}"
        if key == "elements" and isinstance(below, list):
            for index, element in enumerate(below):
                leaves = list(_leaves(document, element, f"{inner}/{index}", ()))
                whole = frozenset(value for _, value, _ in leaves)
                yield from ((path, Given(value, line, whole)) for path, value, line in leaves)
        elif key == "values":
            yield from ((p, Given(value, line, frozenset())) for p, value, line in _leaves(document, below, inner, ()))
        else:
            yield from _given(document, below, inner, depth + 1)


def _left_open(document: yamltext.Document, template: Any) -> Iterator[tuple[str, str, int]]:
    """The path, the expression and the line of each value that is a placeholder."""
    for path, value, line in _leaves(document, template, "/spec/template", ()):
        if expression := _expression(value):
            yield path, expression, line
        elif isinstance(value, str) and "\n" in value:
            yield from _of_text(value, line)


def _of_text(text: str, above: int) -> Iterator[tuple[str, str, int]]:
    """Those of a text of values, in which stand-ins take the place of what is no YAML; `above` are the lines before."""
    expressions: list[str] = []

    def stand_in(match: Any) -> str:
        expressions.append(_expression(match[0]))
        return _STAND_IN.format(len(expressions) - 1)

    filled = PLACEHOLDER.sub(stand_in, text)
    known = {_STAND_IN.format(number): expression for number, expression in enumerate(expressions)}
    try:
        documents = yamltext.parse(filled)
    except yamltext.YamlTextError:
        return
    for document in documents:
        for path, value, line in _leaves(document, document.value, "", ()):
            if value in known:
                yield path, known[value], above + line


def _leaves(
    document: yamltext.Document, value: Any, route: str, steps: tuple[str, ...]
) -> Iterator[tuple[str, Any, int]]:
    """The scalars below a value with their lines, and the keys that lead to each; positions in lists are left out.

    What an entry `{name, value}` sets has its name as key.
    """
    if len(steps) > _DEEPEST:
        return
    if isinstance(value, dict):
        if isinstance(value.get("name"), str) and isinstance(value.get("value"), str):
            yield value["name"], value["value"], yamltext.locate_key(document, f"{route}/value").line
        for key, below in value.items():
            yield from _leaves(document, below, f"{route}/{escaped(str(key))}", (*steps, str(key)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(document, item, f"{route}/{index}", steps)
    elif steps and isinstance(value, str | int | float):
        yield ".".join(steps), value, yamltext.locate_key(document, route).line


def _expression(value: Any) -> str:
    """What a value that is one placeholder stands for, such as `.mode`; empty for any other."""
    match = PLACEHOLDER.fullmatch(value.strip()) if isinstance(value, str) else None
    return match[1].strip().removesuffix("-").strip() if match else ""
