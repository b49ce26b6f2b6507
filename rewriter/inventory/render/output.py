"""Reads what helm prints: manifests, each with the template that it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rewriter import patterns as re
from rewriter import yamltext
from rewriter.inventory.facts.model import Source
from rewriter.inventory.texts.manifests import Manifest

_SEPARATOR = re.compile(r"^---[ \t]*$", re.MULTILINE)
_SOURCE = re.compile(r"^# Source: (\S+)", re.MULTILINE)


class RenderedError(Exception):
    """A rendered document that is no YAML: one line with its template."""


def rendered_texts(text: str) -> Iterator[tuple[str, str]]:
    """The documents of a rendering, each with its template: `chart/templates/x.yaml`, empty where it is unknown."""
    for part in _SEPARATOR.split(text):
        found = _SOURCE.match(part.lstrip("\n"))
        if found is not None:
            yield found[1], part.lstrip("\n")[found.end() + 1 :]
        elif part.strip():
            yield "", part


def rendered_manifests(text: str, source: Source, chart: str) -> Iterator[Manifest]:
    """The manifests of a rendering; each cites the release and its template. Raises RenderedError."""
    for part in _SEPARATOR.split(text):
        if "kind" not in part:
            continue
        template = found[1] if (found := _SOURCE.search(part)) else "its templates"
        try:
            documents = yamltext.parse(part)
        except yamltext.YamlTextError as error:
            raise RenderedError(f"{template} renders to text that is not YAML: {error.message}") from None
        where = replace(source, via=f"chart {chart}, {template}")
        for document in documents:
            value = document.value
            listed = value.get("items") if isinstance(value, dict) and value.get("kind") == "List" else None
            for item in listed if isinstance(listed, list) else [value]:
                if isinstance(item, dict) and isinstance(item.get("kind"), str):
                    yield Manifest(where, item)
