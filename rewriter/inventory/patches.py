"""Kustomize patches: whom they are for, and what they make of a manifest."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rewriter.inventory.facts import Source
from rewriter.inventory.manifests import mapping

#: The key by which items of a list are merged (Kubernetes API, patchMergeKey); other lists are replaced.
_MERGE_KEYS = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ports": ("containerPort", "port"),
    "addresses": ("ip",),
}

#: Longer patterns and selectors select nothing: none that a person writes comes near.
_LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Patch:
    """A strategic merge (`merge`) or RFC 6902 operations. `target` is a kustomize target; empty: the merge's own.

    `unread` says that what the patch does is not known; such a patch changes nothing here.
    """

    source: Source
    target: Mapping[str, Any] = field(default_factory=dict)
    merge: Mapping[str, Any] | None = None
    operations: tuple[Mapping[str, Any], ...] = ()
    unread: bool = False


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
        if not _matches(patch.target.get(key), text):
            return False
    if not (_matches(patch.target.get("name"), name) or _matches(patch.target.get("name"), original_name)):
        return False
    return _selected(patch.target.get("labelSelector"), mapping(metadata.get("labels"))) and _selected(
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
        result = jsonpatch.apply_patch(value, [dict(operation) for operation in patch.operations])
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException, TypeError, KeyError, ValueError):
        return value
    return result if isinstance(result, dict) else value


def _matches(pattern: Any, text: str) -> bool:
    if not isinstance(pattern, str) or not pattern:
        return True
    if len(pattern) > _LONGEST:
        return False
    if re.fullmatch(r"[\w./|-]*", pattern):  # Anything more is a regular expression that could run for ever.
        return text in pattern.split("|") or re.fullmatch(pattern, text) is not None
    simple = pattern.replace(".*", "*")
    if re.fullmatch(r"[\w./|*-]*", simple):
        return any(_globbed(part, text) for part in simple.split("|"))
    return False


def _globbed(pattern: str, text: str) -> bool:
    """Whether a pattern whose stars stand for anything matches. Each takes as little as it can: time is bounded."""
    first, *rest = (re.escape(part) for part in re.split(r"\*+", pattern))
    inner = "".join(f"(?>.*?{part})" for part in rest[:-1])
    return re.fullmatch(f"{first}{inner}.*{rest[-1]}" if rest else first, text) is not None


def _selected(selector: Any, labels: Mapping[str, Any]) -> bool:
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
                for n, each in enumerate(result)
                if names and isinstance(each, dict) and each.get(names[0]) == item[names[0]]
            ),
            None,
        )
        if at is None:
            result.append(item)
            continue
        merged = _merged(result[at], item, "")
        result[at : at + 1] = [] if merged is None else [merged]
    return result
