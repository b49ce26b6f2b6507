"""Manifests of a file as plain values with their lines; what cannot be read is left out and remembered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any

from rewriter import yamltext
from rewriter.inventory.facts.model import Source
from rewriter.records import dataclass

#: As deep as the parser takes a text (yamltext `Limits.max_depth`), so that nothing stays unseen.
_DEEPEST = 200


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object of a file. `value` is a mapping with a `kind`.

    `place` is the index of its document in the file and its route there; None where it stands in no file as it is.
    """

    source: Source
    value: Mapping[str, Any]
    place: tuple[int, str] | None = field(default=None, compare=False)

    @property
    def kind(self) -> str:
        return str(self.value["kind"])

    @property
    def name(self) -> str:
        name = self.metadata.get("name")
        return name if isinstance(name, str) else ""

    @property
    def metadata(self) -> Mapping[str, Any]:
        return mapping(self.value.get("metadata"))


@dataclass(frozen=True, slots=True)
class Template:
    """A document with template markup in it, and its text."""

    source: Source
    text: str


#: What holds values of a chart, which Helm may fill in: in a HelmRelease, a HelmChart, an Application's source.
_VALUES = frozenset({"values", "postRenderers", "valuesContent", "valuesObject", "parameters"})
#: Kinds in which Argo fills in parameters as it runs them.
_ARGO = frozenset({"Workflow", "CronWorkflow", "WorkflowTemplate", "ClusterWorkflowTemplate", "AnalysisTemplate"})


def read_manifests(path: str, data: bytes) -> tuple[list[Manifest], list[Template]]:
    """The manifests of a file, Lists unrolled, and the documents that are templates.

    An ApplicationSet or a Workflow is no template, whatever it holds for Argo to fill in, nor is a HelmRelease, a
    HelmChart or an Application with templates in its values only. Raises YamlTextError.
    """
    text = yamltext.decode(data)
    try:
        # A policy is read by those who fix it too.
        documents = yamltext.parse_kept(text) if "NetworkPolicy" in text else yamltext.parse(text)
    except yamltext.YamlTextError:
        markup = yamltext.template_markup(text)
        if markup is None:
            raise
        line = text.count("\n", 0, markup.start) + 1
        raise yamltext.YamlTextError("is a template", line, hint="render it") from None
    has_markup = yamltext.template_markup(text) is not None
    found, templates = [], []
    for document in documents:
        part = text[document.span.start : document.span.end] if has_markup else ""
        if has_markup and yamltext.template_markup(part) is not None and not _holds_templates(document.value, path):
            templates.append(Template(Source(path, document.line_of("")), part))
            continue
        for route, value in _objects("", document.value, 0):
            where = Source(path, document.line_of(route))
            found.append(Manifest(where, value, (document.index, route)))
    return found, templates


def _holds_templates(value: Any, path: str) -> bool:
    """Whether a document is a manifest that hands templates on: to Argo CD, or to Helm within a release's values."""
    if not isinstance(value, dict):
        return False
    kind = value.get("kind")
    if kind == "ApplicationSet":
        return True
    if "kyverno.io/" in str(value.get("apiVersion")):
        return _is_plain(value)  # Its variables are for Kyverno to fill in.
    if str(value.get("apiVersion")).startswith("argoproj.io/") and "/templates/" in f"/{path}":
        return False  # Those of the chart that it is a part of.
    if kind in _ARGO and str(value.get("apiVersion")).startswith("argoproj.io/"):
        return not _has_markup(value.get("metadata")) and _is_plain(value)
    if kind not in ("HelmRelease", "HelmChart", "HelmChartConfig", "Application"):
        return False
    outside = {key: item for key, item in mapping(value.get("spec")).items() if key not in _VALUES}
    if kind == "Application":
        outside |= {"source": _without_values(outside.get("source"))}
        outside |= {"sources": [_without_values(source) for source in items(outside.get("sources"))]}
    return not _has_markup({**value, "spec": outside}) and _is_plain(value)


def _without_values(source: Any) -> Mapping[str, Any]:
    """A source of an Application without the values that it gives a chart."""
    helm = {key: item for key, item in mapping(mapping(source).get("helm")).items() if key not in _VALUES}
    return {**mapping(source), "helm": helm}


def _has_markup(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_markup(key) or _has_markup(item) for key, item in value.items())
    if isinstance(value, list):
        return any(map(_has_markup, value))
    return isinstance(value, str) and "{{" in value


def _is_plain(value: Any) -> bool:
    """Whether every key is a text: `name: {{ .x }}` parses as a mapping whose key is one."""
    if isinstance(value, dict):
        return all(isinstance(key, str | int) and _is_plain(item) for key, item in value.items())
    return not isinstance(value, list) or all(map(_is_plain, value))


def _objects(route: str, value: Any, depth: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if not isinstance(value, dict) or depth > 4:
        return
    kind, items = value.get("kind"), value.get("items")
    if isinstance(kind, str) and kind.endswith("List") and isinstance(items, list):
        for index, item in enumerate(items):
            if isinstance(item, dict) and "kind" not in item and kind != "List":
                item = {**item, "apiVersion": value.get("apiVersion"), "kind": kind.removesuffix("List")}
            yield from _objects(f"{route}/items/{index}", item, depth + 1)
    elif isinstance(kind, str):
        yield route, value


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def texts(value: Any) -> dict[str, str]:
    """The members of a mapping whose values are texts, as labels and annotations are."""
    return {key: item for key, item in mapping(value).items() if isinstance(item, str)}


def leaves(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """The texts within a value, each with its path below `path`."""
    if isinstance(value, str):
        yield path, value
    for key, item in mapping(value).items():
        yield from leaves(f"{path}.{key}", item)
    for index, item in enumerate(value if isinstance(value, list) else ()):
        yield from leaves(f"{path}.{index}", item)


def items(value: Any) -> list[Mapping[str, Any]]:
    """The mappings of a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text_items(value: Any) -> list[str]:
    """The texts of a list."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def known_text(value: Any) -> str | None:
    """The value if it is a text that is not empty and has no placeholder, else None."""
    text = text_or_none(value)
    return None if text is None or yamltext.has_substitution(text) else text


def text_or_none(value: Any) -> str | None:
    """The value if it is a text that is not empty, else None."""
    return value if isinstance(value, str) and value else None


def members(value: Any, name: str, depth: int = 0) -> Iterator[Any]:
    """Every member of a name in a value, however deep."""
    if depth > _DEEPEST:
        return
    if isinstance(value, Mapping):
        for key, part in value.items():
            if key == name:
                yield part
            yield from members(part, name, depth + 1)
    elif isinstance(value, list):
        for part in value:
            yield from members(part, name, depth + 1)
