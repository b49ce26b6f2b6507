"""Where the values of Kustomize's replacements come from: objects of the same kustomization, and of those below it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rewriter import yamltext
from rewriter.inventory.delivery.generated_texts import generated_map
from rewriter.inventory.delivery.patches import meant, selects
from rewriter.inventory.delivery.replacements import (
    Replacement,
    SourceAt,
    segments,
    selected,
    selector_of,
    value_at,
)
from rewriter.inventory.delivery.transform import Transform, transformed
from rewriter.inventory.files.tree_files import TreeFiles
from rewriter.inventory.texts.manifests import items, mapping

#: What of a kustomization makes or changes objects in a way that is not followed to a value.
_UNREAD = ("components", "transformers", "vars", "configurations")

FoundObject = tuple[Mapping[str, Any], tuple[Transform, ...]]
"""An object as it is written, and the steps below the kustomization that asks."""
#: What a folder lists below another, with its own step; None where that is no kustomization, or not followed.
Below = Callable[[str], "tuple[Mapping[str, Any], Sequence[str], Transform] | None"]


def objects_of(
    files: TreeFiles, folder: str, value: Mapping[str, Any], resources: Sequence[str], below: Below
) -> list[FoundObject]:
    """The objects of a folder's kustomization that lists `resources`, each with the steps below it."""
    generated: list[FoundObject] = [(candidate, ()) for candidate in _generated(files, folder, value)]
    return [*_objects(files, resources, below, set()), *generated]


def source_at(
    value: Mapping[str, Any], transform: Transform, objects_there: Callable[[], Sequence[FoundObject]]
) -> SourceAt:
    """Finds the values of replacements of a kustomization, which does `transform` to the objects there."""

    def value_of(wanted: Mapping[str, Any], before: Sequence[Replacement]) -> Any:
        path = segments(wanted.get("fieldPath", "metadata.name"))
        if path is None or any(value.get(name) for name in _UNREAD):
            return None
        own = replace(transform, replacements=tuple(before))
        found = [candidate for candidate in objects_there() if _is_wanted(wanted, candidate, own)]
        if len(found) != 1:
            return None
        original, chain = found[0]
        if "$generated" in original and path[0] == "metadata":  # A hash comes behind its name.
            return None
        if any(_is_unknown(step, original) for step in (*chain, own)):
            return None
        return value_at(transformed(original, (*chain, own)), path)

    return value_of


def _is_wanted(wanted: Mapping[str, Any], found: FoundObject, own: Transform) -> bool:
    original, chain = found
    name = str(mapping(original.get("metadata")).get("name"))
    return selected(selector_of(wanted), transformed(original, (*chain, own)), name)


def _is_unknown(step: Transform, original: Mapping[str, Any]) -> bool:
    """Whether a step may change an object in a way that is not known."""
    name = str(mapping(original.get("metadata")).get("name"))
    patches = (*step.patches, *step.late_patches)
    return any(patch.unread and meant(patch, original, name) for patch in patches) or any(
        selects(reason.target, original, original) for reason in step.unfollowed if not reason.copies
    )


def _objects(files: TreeFiles, resources: Sequence[str], below: Below, seen: set[str]) -> Iterator[FoundObject]:
    """The objects in files that a kustomization lists, and in those of the kustomizations that it lists."""
    for entry in resources:
        if entry in files.names:
            yield from ((document, ()) for document in _documents(files, entry))
        elif entry not in seen and (inner := below(entry)) is not None:
            seen.add(entry)
            listing, listed, step = inner
            for original, chain in _objects(files, listed, below, seen):
                yield original, (*chain, step)
            yield from ((made, (step,)) for made in _generated(files, entry, listing))


def _documents(files: TreeFiles, inner: str) -> list[Mapping[str, Any]]:
    try:
        parsed = yamltext.parse((files.bytes_of(inner) or b"").decode("utf-8", "replace"))
        return [
            document.value for document in parsed if isinstance(document.value, dict) and document.value.get("kind")
        ]
    except yamltext.YamlTextError:
        return []


def _generated(files: TreeFiles, folder: str, value: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The ConfigMaps that a kustomization of a folder makes.

    Of one that it merges into another the text is not all: two of a name have no value.
    """
    for item in items(value.get("configMapGenerator")):
        yield {**generated_map(files, folder, item), "$generated": True}
