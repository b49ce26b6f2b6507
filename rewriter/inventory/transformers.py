"""The transformers of a kustomization that are followed: those built into Kustomize that say where objects land.

`NamespaceTransformer` sets a namespace, as the field `namespace` does (Kustomize, "Transformer Configurations"); with
`unsetOnly` only where there is none. Those of patches are followed where they hold the patch as text. Those of
annotations, images and replica counts change nothing that facts or policies hold. What else stands under
`transformers` is not followed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rewriter import yamltext
from rewriter.inventory.facts import Source
from rewriter.inventory.manifests import items, mapping
from rewriter.inventory.patches import Patch, parse_patch
from rewriter.inventory.unfollowed import TextAt, Unfollowed, of_transformer

_HARMLESS = frozenset({"AnnotationsTransformer", "ImageTagTransformer", "ReplicaCountTransformer"})
#: The fields in which transformers hold patches.
_PATCHES = {
    "PatchTransformer": "patch",
    "PatchJson6902Transformer": "jsonOp",
    "PatchStrategicMergeTransformer": "patches",
}
_NAMESPACE = "NamespaceTransformer"
#: The fields that a namespace may be put into and land in what is known of an object.
_FIELDS = frozenset({"metadata/namespace", "subjects", "subjects/namespace"})


@dataclass(frozen=True, slots=True)
class Transformers:
    """What transformers do: the namespace that they set, or put where there is none, and their patches.

    `followed` says whether that is all, `unfollowed` what else may change manifests.
    """

    namespace: str | None = None
    default_namespace: str | None = None
    followed: bool = True
    patches: tuple[Patch, ...] = ()
    unfollowed: tuple[Unfollowed, ...] = ()


def read_transformers(
    entries: Sequence[Any], texts_at: Callable[[str], Sequence[str] | None], source: Source, text_at: TextAt
) -> Transformers:
    """The effect of the entries of `transformers`: texts of their own, or paths whose texts `texts_at` gives.

    `source` is the kustomization, `text_at` gives the text of a file that a transformer names.
    """
    namespace = default = None
    followed = True
    patches: list[Patch] = []
    unfollowed: list[Unfollowed] = []
    for entry in entries:
        inline = isinstance(entry, str) and "\n" in entry
        words = f"`transformers` of {source}" if inline else f"`transformers` of {source} ({entry})"
        texts = [entry] if inline else texts_at(str(entry))
        for value in (None,) if texts is None else (value for text in texts for value in _documents(text)):
            made = None if value is None else _patches(value, source, words)
            if made is not None:
                patches += made
            elif value is None or not _is_followed(value):
                followed = False
                unfollowed += [Unfollowed(words)] if value is None else of_transformer(words, value, text_at)
            else:
                unfollowed += of_transformer(words, value, text_at)
                put = mapping(value.get("metadata")).get("namespace")
                if value.get("kind") == _NAMESPACE and value.get("unsetOnly") is True:
                    default = str(put)
                elif value.get("kind") == _NAMESPACE:
                    namespace = str(put)
    return Transformers(namespace, default, followed, tuple(patches), tuple(unfollowed))


def _patches(value: Mapping[str, Any], source: Source, words: str) -> list[Patch] | None:
    """The patches of a transformer that holds them as text; None for any other."""
    field = _PATCHES.get(str(value.get("kind")))
    if value.get("apiVersion") != "builtin" or field is None:
        return None
    text = value.get(field)
    if not isinstance(text, str) or not {"apiVersion", "kind", "metadata", field, "target", "options"}.issuperset(
        value
    ):
        return None
    return list(parse_patch(text, mapping(value.get("target")), source, words))


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
        return str(value.get("kind")) in _HARMLESS
    namespace = mapping(value.get("metadata")).get("namespace")
    plain = isinstance(namespace, str) and namespace and not yamltext.has_substitution(namespace)
    known = {"apiVersion", "kind", "metadata", "unsetOnly", "fieldSpecs", "setRoleBindingSubjects"}
    paths = [spec.get("path") for spec in items(value.get("fieldSpecs"))]
    kinds = [spec for spec in items(value.get("fieldSpecs")) if spec.get("kind") or spec.get("group")]
    places = not paths or ("metadata/namespace" in paths and _FIELDS.issuperset(paths))
    subjects_only = all(spec.get("path") != "metadata/namespace" for spec in kinds)
    return bool(plain and known.issuperset(value) and places and subjects_only)
