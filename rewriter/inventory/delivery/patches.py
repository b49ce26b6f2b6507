"""Kustomize patches: whom they are for, and what they make of a manifest."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import field, replace
from functools import lru_cache
from typing import Any

from rewriter import yamltext
from rewriter.inventory.facts.model import Source
from rewriter.inventory.texts.manifests import mapping
from rewriter.records import dataclass

#: The key by which items of a list are merged (Kubernetes API, patchMergeKey); other lists are replaced.
_MERGE_KEYS = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ports": ("containerPort", "port"),
    "addresses": ("ip",),
}

#: The fields of a policy that hold its rules, and that make it a policy.
_RULES = frozenset({"spec", "specs", "apiVersion", "kind"})

#: Longer patterns and selectors select nothing: none in real repositories comes near.
_LONGEST = 1000


@dataclass(frozen=True, slots=True)
class TextAt:
    """Where YAML stands: a document of a file or, with a `route` to a string of that document, one within the string.

    `path` is as people know it. `document` counts the documents of the file, `within` those of the string, or is 0.
    `deeper` goes on from there, one route and one document for each string within that string.
    """

    path: str
    document: int
    route: str = ""
    within: int = 0
    deeper: tuple[tuple[str, int], ...] = ()

    @property
    def strings(self) -> tuple[tuple[str, int], ...]:
        """The strings around it, the outermost first: each with its route, and the document in it."""
        return ((self.route, self.within), *self.deeper) if self.route else ()

    def in_string(self, route: str) -> TextAt:
        """The first document of the string at a route of this one."""
        return replace(self, deeper=(*self.deeper, (route, 0))) if self.route else replace(self, route=route)

    def document_at(self, index: int) -> TextAt:
        """Another document beside this one."""
        if self.deeper:
            return replace(self, deeper=(*self.deeper[:-1], (self.deeper[-1][0], index)))
        return replace(self, within=index) if self.route else replace(self, document=index)


@dataclass(frozen=True, slots=True)
class Patch:
    """A strategic merge (`merge`) or RFC 6902 operations. `target` is a kustomize target; empty: the merge's own.

    `unread` says that what the patch does is not known; such a patch changes nothing here. `via` names in words what
    makes the patch, where that is no field for patches; `by_transformer` says that a transformer does. `at` is where
    its text stands, None where that is not known.
    """

    source: Source
    target: Mapping[str, Any] = field(default_factory=dict)
    merge: Mapping[str, Any] | None = None
    operations: tuple[Mapping[str, Any], ...] = ()
    unread: bool = False
    via: str = ""
    at: TextAt | None = None
    by_transformer: bool = False

    @property
    def words(self) -> str:
        """Who makes the patch, with file and line."""
        return self.via or f"a patch of {self.source}"

    @property
    def is_followed(self) -> bool:
        """Whether it is read and stands in a text of the tree: what it makes of a policy can be traced to there."""
        return self.at is not None and not self.unread

    @property
    def deletes(self) -> bool:
        """Whether it takes the whole manifest out."""
        return self.merge is not None and self.merge.get("$patch") == "delete"

    @property
    def changes_rules(self) -> bool:
        """Whether it may change what a policy says, beside its metadata."""
        if self.unread:
            return True
        if self.merge is not None and any(key in ("spec", "specs", "$patch") for key in self.merge):
            return True
        places = [
            str(operation.get(name)) for operation in self.operations for name in ("path", "from") if name in operation
        ]
        return any(place.split("/")[1:2] in ([], [""]) or place.split("/")[1] in _RULES for place in places)


def parse_patch(
    text: str, target: Mapping[str, Any], source: Source, via: str = "", at: TextAt | None = None
) -> Iterator[Patch]:
    """The patches of a text: strategic merges or lists of operations, one a document or item of a
    List; one that is unread if it fails.

    `target` is a kustomize target, empty for merges that name their own. `at` is where the first of them stands.
    """
    documents = _values_of(text)
    if documents is None:
        yield Patch(source, target, unread=True, via=via)
        return
    for index, value in documents:
        place = None if at is None else at.document_at(index)
        if isinstance(value, list) and all(isinstance(item, dict) for item in value):
            yield Patch(source, target, operations=tuple(value), via=via, at=place)
        elif (
            isinstance(value, dict) and str(value.get("kind")).endswith("List") and isinstance(value.get("items"), list)
        ):
            # Kustomize takes such a List apart; what an item says is not traced to its text.
            for item in value["items"]:
                yield Patch(source, target, merge=mapping(item), via=via)
        elif isinstance(value, dict):
            yield Patch(source, target, merge=value, via=via, at=place)


@lru_cache(maxsize=4096)
def _values_of(text: str) -> Sequence[tuple[int, Any]] | None:
    """The values of a text of patches by the index of their document; None where it cannot be read.

    Remembered: kustomizations and appliers of a repository repeat the same few texts, and each is read several times.
    """
    try:
        return [(document.index, document.value) for document in yamltext.parse(text)]
    except yamltext.YamlTextError:
        return None


def may_mean(patch: Patch, value: Mapping[str, Any], original: Mapping[str, Any]) -> bool:
    """Whether a patch may be for a manifest: as `meant`, but what cannot be decided counts.

    `original` is the manifest before any step: Kustomize takes names and namespaces of before, too.
    """
    if not patch.target and patch.merge is None:
        return True
    if not patch.target:
        return meant(patch, value, str(mapping(original.get("metadata")).get("name", "")))
    return selects(patch.target, value, original)


def selects(target: Mapping[str, Any], value: Mapping[str, Any], original: Mapping[str, Any]) -> bool:
    """Whether a kustomize target may select a manifest: True where that cannot be decided."""
    group, _, version = str(value.get("apiVersion", "")).rpartition("/")
    sides = (mapping(value.get("metadata")), mapping(original.get("metadata")))
    found: dict[str, list[str]] = {"kind": [str(value.get("kind"))], "group": [group], "version": [version]}
    for key, default in (("name", ""), ("namespace", "default")):
        found[key] = [str(side.get(key) or default) for side in sides] + [str(side.get(key) or "") for side in sides]
    for key, texts in found.items():
        pattern = target.get(key)
        if _decided(pattern) and not any(matches_pattern(pattern, text) for text in texts):
            return False
    labels = [matches_selector(target.get("labelSelector"), mapping(side.get("labels"))) for side in sides]
    notes = [matches_selector(target.get("annotationSelector"), mapping(side.get("annotations"))) for side in sides]
    return all(
        any(answers) or len(str(target.get(key))) > _LONGEST
        for key, answers in (("labelSelector", labels), ("annotationSelector", notes))
    )


def _decided(pattern: Any) -> bool:
    """Whether `matches_pattern` reads a pattern for what it is."""
    if not isinstance(pattern, str) or len(pattern) > _LONGEST:
        return False
    return re.fullmatch(r"[\w./|*-]*", pattern.replace(".*", "*")) is not None or _is_bounded(pattern)


def _is_bounded(pattern: str) -> bool:
    """Whether a regular expression means the same in Go as here, and is matched in a time that its length bounds.

    One with few groups and few repetitions, none of a group, has few ways to be tried.
    """
    escaped = re.sub(r"\\[.dw/-]", "x", pattern)
    classes = re.sub(r"\[\^?[\w./-]+\]", "x", escaped)
    few = len(pattern) <= 200 and len(re.findall(r"[*+]", classes)) <= 2 and classes.count("(") <= 2
    if not few or re.search(r"[)*+?^][*+?]|\(\?|[^(|]\^|\$[^)|]|[^\w./|()*+?^$-]", f"({classes})"):
        return False
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def meant(patch: Patch, value: Mapping[str, Any], original_name: str) -> bool:
    """Whether a patch is for a manifest (kustomize api/types.Selector: anchored regular expressions)."""
    metadata = mapping(value.get("metadata"))
    group, _, version = str(value.get("apiVersion", "")).rpartition("/")
    name = str(metadata.get("name", ""))
    if not patch.target:
        wanted = mapping((patch.merge or {}).get("metadata"))
        return (patch.merge or {}).get("kind") == value.get("kind") and wanted.get("name") in (name, original_name)
    found = {"kind": str(value.get("kind")), "group": group, "version": version}
    found["namespace"] = str(metadata.get("namespace", ""))
    for key, text in found.items():
        if not matches_pattern(patch.target.get(key), text):
            return False
    if not (
        matches_pattern(patch.target.get("name"), name) or matches_pattern(patch.target.get("name"), original_name)
    ):
        return False
    return matches_selector(patch.target.get("labelSelector"), mapping(metadata.get("labels"))) and matches_selector(
        patch.target.get("annotationSelector"), mapping(metadata.get("annotations"))
    )


def patched(value: Mapping[str, Any], patch: Patch) -> Mapping[str, Any]:
    """A manifest with a patch made; as it was where the patch does not fit it."""
    if patch.merge is not None:
        merge = {key: item for key, item in patch.merge.items() if key not in ("apiVersion", "kind")}
        if patch.target and isinstance(merge.get("metadata"), dict):
            merge["metadata"] = {k: v for k, v in merge["metadata"].items() if k not in ("name", "namespace")}
        result = _merged(value, merge, "")
        return result if isinstance(result, dict) else value
    if not patch.operations:
        return value
    import jsonpatch
    import jsonpointer

    try:
        # What an operation adds, a later one may change: a copy, as the patch is made for other manifests too.
        result = jsonpatch.apply_patch(value, deepcopy(list(patch.operations)))
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException, TypeError, KeyError, ValueError):
        return value
    return result if isinstance(result, dict) else value


def matches_pattern(pattern: Any, text: str) -> bool:
    if not isinstance(pattern, str) or not pattern:
        return True
    if len(pattern) > _LONGEST:
        return False
    if re.fullmatch(r"[\w./|-]*", pattern):  # Anything more is a regular expression that could run for ever.
        return text in pattern.split("|") or re.fullmatch(pattern, text) is not None
    simple = pattern.replace(".*", "*")
    if re.fullmatch(r"[\w./|*-]*", simple):
        return any(_globbed(part, text) for part in simple.split("|"))
    return _is_bounded(pattern) and re.fullmatch(pattern, text) is not None


def _globbed(pattern: str, text: str) -> bool:
    """Whether a pattern whose stars stand for anything matches. Each takes as little as it can: time is bounded."""
    first, *rest = (re.escape(part) for part in re.split(r"\*+", pattern))
    inner = "".join(f"(?>.*?{part})" for part in rest[:-1])
    return re.fullmatch(f"{first}{inner}.*{rest[-1]}" if rest else first, text) is not None


def matches_selector(selector: Any, labels: Mapping[str, Any]) -> bool:
    """Kubernetes' text form of a label selector: `a=b,c!=d,e in (f,g),h notin (i),j,!k`."""
    if not isinstance(selector, str) or not selector.strip():
        return True
    if len(selector) > _LONGEST:
        return False
    return all(_requirement(part.strip(), labels) for part in re.split(r",(?![^(]*\))", selector))


def _requirement(text: str, labels: Mapping[str, Any]) -> bool:
    listed = re.fullmatch(r"(\S+)\s+(in|notin)\s*\(([^)]*)\)", text)
    if listed:
        values = [item.strip() for item in listed[3].split(",")]
        return (labels.get(listed[1]) in values) == (listed[2] == "in")
    for operator in ("!=", "==", "="):
        key, found, wanted = text.partition(operator)
        if found:
            return (labels.get(key.strip()) == wanted.strip()) == (operator != "!=")
    return text[1:].strip() not in labels if text.startswith("!") else text in labels


def _merged(old: Any, new: Any, key: str) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        if new.get("$patch") == "delete":
            return None
        if new.get("$patch") == "replace":
            return {k: v for k, v in new.items() if k != "$patch"}
        result = dict(old)
        for name, item in new.items():
            merged = _merged(old.get(name), item, name) if item is not None else None
            if merged is None:
                result.pop(name, None)
            else:
                result[name] = merged
        return result
    if isinstance(old, list) and isinstance(new, list) and key in _MERGE_KEYS:
        return _merged_items(old, new, key)
    return new


def _merged_items(old: Sequence[Any], new: Sequence[Any], key: str) -> list[Any]:
    result = list(old)
    for item in new:
        names = [name for name in _MERGE_KEYS[key] if isinstance(item, dict) and name in item]
        at = next(
            (
                n
                for n, there in enumerate(result)
                if names and isinstance(there, dict) and there.get(names[0]) == item[names[0]]
            ),
            None,
        )
        if at is None:
            result.append(item)
            continue
        merged = _merged(result[at], item, "")
        result[at : at + 1] = [] if merged is None else [merged]
    return result
