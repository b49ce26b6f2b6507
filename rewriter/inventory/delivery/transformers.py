"""The transformers of a kustomization that are followed: those built into Kustomize that say where objects land.

`NamespaceTransformer` sets a namespace, as the field `namespace` does (Kustomize, "Transformer Configurations"); with
`unsetOnly` only where there is none. Those of labels are followed into mappings, those of prefixes and suffixes where
they change names, those of patches whether they hold the patch or name its file, and those of annotations, by which
patches select. Those of images and replica counts change nothing that facts or policies hold. What else stands under
`transformers` is not followed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rewriter import yamltext
from rewriter.inventory.delivery.patches import Patch, parse_patch
from rewriter.inventory.delivery.patches import TextAt as Place
from rewriter.inventory.delivery.transform import FieldSpec, Labels
from rewriter.inventory.delivery.unfollowed import TextAt, Unfollowed, of_transformer
from rewriter.inventory.facts.model import Source
from rewriter.inventory.texts.manifests import items, mapping
from rewriter.inventory.texts.manifests import texts as texts_in
from rewriter.records import dataclass

_HARMLESS = frozenset({"AnnotationsTransformer", "ImageTagTransformer", "ReplicaCountTransformer"})
#: The fields in which transformers hold patches.
_PATCHES = {
    "PatchTransformer": "patch",
    "PatchJson6902Transformer": "jsonOp",
    "PatchStrategicMergeTransformer": "patches",
}
#: What a transformer of patches may have beside them.
_KNOWN = frozenset({"apiVersion", "kind", "metadata", "target", "options", "path", "paths"})
_NAMESPACE = "NamespaceTransformer"
_LABELS = "LabelTransformer"
#: The fields in which transformers hold what they add.
_PAIRS = {_LABELS: "labels", "AnnotationsTransformer": "annotations"}
_NAMES = frozenset({"PrefixTransformer", "SuffixTransformer", "PrefixSuffixTransformer"})
#: The fields that a namespace may be put into and land in what is known of an object.
_FIELDS = frozenset({"metadata/namespace", "subjects", "subjects/namespace"})


@dataclass(frozen=True, slots=True)
class Transformers:
    """What transformers do: the namespace that they set, or put where there is none, their labels, names and patches.

    `followed` says whether that is all, `unfollowed` what else may change manifests, `files` are those of its patches
    as written.
    """

    namespace: str | None = None
    default_namespace: str | None = None
    followed: bool = True
    patches: tuple[Patch, ...] = ()
    unfollowed: tuple[Unfollowed, ...] = ()
    files: tuple[str, ...] = ()
    labels: tuple[Labels, ...] = ()
    prefix: str = ""
    suffix: str = ""


#: A text of transformers, and where its first document stands.
Part = tuple[str, Place]


@dataclass(frozen=True, slots=True)
class Reading:
    """How what transformers name is read: `parts_of` the texts of an entry, `text_at` that of a file.

    `path_of` gives a file's path as people know it. All are None where something cannot be read.
    """

    parts_of: Callable[[str], Sequence[Part] | None]
    text_at: TextAt
    path_of: Callable[[str], str | None]


def read_transformers(entries: Sequence[Any], reading: Reading, source: Source, at: Place) -> Transformers:
    """The effect of the entries of `transformers`, texts of their own or paths, of the kustomization `source`.

    `at` is where that stands.
    """
    namespace = default = None
    followed = True
    patches: list[Patch] = []
    unfollowed: list[Unfollowed] = []
    files: list[str] = []
    labels: list[Labels] = []
    prefix = suffix = ""
    for index, entry in enumerate(entries):
        inline = isinstance(entry, str) and "\n" in entry
        words = f"`transformers` of {source}" if inline else f"`transformers` of {source} ({entry})"
        parts = [(entry, at.in_string(f"/transformers/{index}"))] if inline else reading.parts_of(str(entry))
        listed = [(None, at)] if parts is None else [document for part in parts for document in _documents(*part)]
        for value, place in listed:
            made = None if value is None else _patches(value, source if inline else None, words, place, reading)
            if value is not None and made is not None:
                patches += [replace(patch, by_transformer=True) for patch in made]
                files += _files_of(value)
            elif value is None or not _is_followed(value):
                followed = False
                unfollowed += [Unfollowed(words)] if value is None else of_transformer(words, value, reading.text_at)
            else:
                unfollowed += of_transformer(words, value, reading.text_at)
                prefix, suffix = str(value.get("prefix") or "") + prefix, suffix + str(value.get("suffix") or "")
                pairs = texts_in(value.get(_PAIRS.get(str(value.get("kind")), "")))
                if pairs:
                    labels.append(Labels(pairs, fields=field_specs(value), alone=True))
                put = mapping(value.get("metadata")).get("namespace")
                if value.get("kind") == _NAMESPACE and value.get("unsetOnly") is True:
                    default = str(put)
                elif value.get("kind") == _NAMESPACE:
                    namespace = str(put)
    made_of = (tuple(patches), tuple(unfollowed), tuple(files), tuple(labels))
    return Transformers(namespace, default, followed, *made_of, prefix, suffix)


def field_specs(value: Mapping[str, Any], name: str = "fieldSpecs") -> tuple[FieldSpec, ...]:
    """The places of field specifications, in items of lists too (`templates[]`)."""
    found = []
    for spec in items(value.get(name)):
        path = str(spec.get("path") or "").strip("/")
        if path and not re.search(r"[\[\]*\\]", path.replace("[]/", "/")):
            group, version, kind = (str(spec.get(key) or "") for key in ("group", "version", "kind"))
            found.append(FieldSpec(tuple(path.split("/")), group, version, kind, spec.get("create") is True))
    return tuple(found)


def _patches(
    value: Mapping[str, Any], source: Source | None, words: str, at: Place, reading: Reading
) -> list[Patch] | None:
    """The patches of a transformer that holds them as text, or names their files; None for any other.

    `at` is where the transformer stands, `source` the kustomization that it is a text of, None for a file of its own.
    """
    field = _PATCHES.get(str(value.get("kind")))
    if value.get("apiVersion") != "builtin" or field is None or not (_KNOWN | {field}).issuperset(value):
        return None
    target, text, files = mapping(value.get("target")), value.get(field), _files_of(value)
    if (text is None) == (not files) or not (text is None or isinstance(text, str)):
        return None
    if isinstance(text, str):
        via = "" if source is None else words
        return list(parse_patch(text, target, source or Source(at.path, 1), via, at.in_string(f"/{field}")))
    found: list[Patch] = []
    for name in files:
        content, path = reading.text_at(name), reading.path_of(name)
        if content is None or path is None:
            return None
        found += parse_patch(content, target, Source(path, 1), at=Place(path, 0))
    return found


def _files_of(value: Mapping[str, Any]) -> list[str]:
    """The files of patches that a transformer names."""
    several = value.get("paths") if value.get("kind") == "PatchStrategicMergeTransformer" else [value.get("path")]
    return [name for name in several if isinstance(name, str)] if isinstance(several, list) else []


def _documents(text: str, at: Place) -> Iterator[tuple[Mapping[str, Any] | None, Place]]:
    """The documents of a text with their places; None for one that is no mapping, or that cannot be read."""
    try:
        documents = yamltext.parse(text)
    except yamltext.YamlTextError:
        yield None, at
        return
    for document in documents:
        if document.value is not None:
            yield (document.value if isinstance(document.value, dict) else None), at.document_at(document.index)


def _is_followed(value: Mapping[str, Any]) -> bool:
    if value.get("apiVersion") != "builtin":
        return False
    if value.get("kind") in _NAMES:
        specs = items(value.get("fieldSpecs"))
        plain = all(isinstance(value.get(name, ""), str) for name in ("prefix", "suffix"))
        return plain and all(spec.get("path") == "metadata/name" and len(spec) == 1 for spec in specs)
    if value.get("kind") == _LABELS:
        return {"apiVersion", "kind", "metadata", "labels", "fieldSpecs"}.issuperset(value)
    if value.get("kind") != _NAMESPACE:
        return str(value.get("kind")) in _HARMLESS
    namespace = mapping(value.get("metadata")).get("namespace")
    named = isinstance(namespace, str) and namespace and not yamltext.has_substitution(namespace)
    known = {"apiVersion", "kind", "metadata", "unsetOnly", "fieldSpecs", "setRoleBindingSubjects"}
    paths = [spec.get("path") for spec in items(value.get("fieldSpecs"))]
    kinds = [spec for spec in items(value.get("fieldSpecs")) if spec.get("kind") or spec.get("group")]
    places = not paths or ("metadata/namespace" in paths and _FIELDS.issuperset(paths))
    subjects_only = all(spec.get("path") != "metadata/namespace" for spec in kinds)
    return bool(named and known.issuperset(value) and places and subjects_only)
