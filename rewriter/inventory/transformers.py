"""The transformers of a kustomization that are followed: those built into Kustomize that say where objects land.

`NamespaceTransformer` sets a namespace, as the field `namespace` does (Kustomize, "Transformer Configurations"); with
`unsetOnly` only where there is none. Those of annotations, images and replica counts change nothing that facts or
policies hold. What else stands under `transformers` is not followed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rewriter import yamltext
from rewriter.inventory.manifests import items, mapping

_HARMLESS = frozenset({"AnnotationsTransformer", "ImageTagTransformer", "ReplicaCountTransformer"})
_NAMESPACE = "NamespaceTransformer"
#: The fields that a namespace may be put into and land in what is known of an object.
_FIELDS = frozenset({"metadata/namespace", "subjects", "subjects/namespace"})


@dataclass(frozen=True, slots=True)
class Transformers:
    """What transformers do: the namespace that they set, or put where there is none; and whether that is all."""

    namespace: str | None = None
    default_namespace: str | None = None
    followed: bool = True


def read_transformers(entries: Sequence[Any], texts_at: Callable[[str], Sequence[str] | None]) -> Transformers:
    """The effect of the entries of `transformers`: texts of their own, or paths whose texts `texts_at` gives."""
    namespace = default = None
    for entry in entries:
        texts = [entry] if isinstance(entry, str) and "\n" in entry else texts_at(str(entry))
        if texts is None:
            return Transformers(followed=False)
        for value in (value for text in texts for value in _documents(text)):
            if value is None or not _is_followed(value):
                return Transformers(followed=False)
            if value.get("kind") == _NAMESPACE:
                put = mapping(value.get("metadata")).get("namespace")
                if value.get("unsetOnly") is True:
                    default = str(put)
                else:
                    namespace = str(put)
    return Transformers(namespace, default)


def _documents(text: str) -> Iterator[Mapping[str, Any] | None]:
    """The documents of a text; None for one that is no mapping, or that cannot be read."""
    try:
        documents = yamltext.parse(text)
    except yamltext.YamlTextError:
        yield None
        return
    for document in documents:
        if document.value is not None:
            yield document.value if isinstance(document.value, dict) else None


def _is_followed(value: Mapping[str, Any]) -> bool:
    if value.get("apiVersion") != "builtin":
        return False
    if value.get("kind") != _NAMESPACE:
        return value.get("kind") in _HARMLESS
    namespace = mapping(value.get("metadata")).get("namespace")
    plain = isinstance(namespace, str) and namespace and not yamltext.has_substitution(namespace)
    known = {"apiVersion", "kind", "metadata", "unsetOnly", "fieldSpecs", "setRoleBindingSubjects"}
    paths = [spec.get("path") for spec in items(value.get("fieldSpecs"))]
    kinds = [spec for spec in items(value.get("fieldSpecs")) if spec.get("kind") or spec.get("group")]
    places = not paths or ("metadata/namespace" in paths and _FIELDS.issuperset(paths))
    subjects_only = all(spec.get("path") != "metadata/namespace" for spec in kinds)
    return bool(plain and known.issuperset(value) and places and subjects_only)
