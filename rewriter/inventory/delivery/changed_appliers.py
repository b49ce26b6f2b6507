"""What may change an object of Flux or Argo CD on its way: it may change all that the object applies.

What is made of such an object is followed (`transform`). This is about what is not: patches that cannot be read,
replacements whose value is not known, transformers and plugins.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rewriter import patterns as re
from rewriter import yamltext
from rewriter.inventory.delivery.appliers import DECIDING, Unit
from rewriter.inventory.delivery.mutated_appliers import APPLIER_RESOURCES
from rewriter.inventory.delivery.patches import Patch, may_mean, meant
from rewriter.inventory.delivery.replacements import Replacement
from rewriter.inventory.delivery.transform import Transform, selected_unseen, transformed
from rewriter.inventory.delivery.unfollowed import Unfollowed
from rewriter.inventory.texts.manifests import mapping
from rewriter.records import dataclass

_FOLDERS = frozenset({"path", "sourceRef", "source", "sources", "sourceHydrator", "template", "sync"})
_PARTS = re.compile(r"[/.\[\]]")


@dataclass(frozen=True, slots=True)
class Way:
    """An applier as one way to the cluster makes it, and what else may change what it applies.

    `elsewhere` says that it may apply another folder then.
    """

    value: Mapping[str, Any]
    changes: tuple[Unfollowed, ...] = ()
    elsewhere: bool = False


def way_of(manifest: Mapping[str, Any], chain: Sequence[Transform]) -> Way:
    """An applier at the end of a chain."""
    name = f"{manifest.get('kind')} {mapping(manifest.get('metadata')).get('name')}"
    words: dict[str, bool] = {}
    inherited: list[Unfollowed] = []
    value = manifest
    for step in chain:
        for unfollowed in step.unfollowed:
            if unfollowed.of_applier:
                inherited += [unfollowed] if unfollowed not in inherited else []
            elif (
                not unfollowed.copies and unfollowed.selects(value, manifest) and (found := _decided(unfollowed.fields))
            ):
                words[unfollowed.words] = words.get(unfollowed.words, False) or not _FOLDERS.isdisjoint(found)
        for patch in (*step.patches, *step.late_patches):
            found = _written(patch)
            if found and _may_be_for(patch, value, manifest):
                words[patch.words] = words.get(patch.words, False) or not _FOLDERS.isdisjoint(found)
        value = transformed(value, [replace(step, variables=None)])
    unseen = selected_unseen(chain, manifest)
    if unseen:
        words[unseen.removesuffix(",")] = True
    changes = tuple(Unfollowed(f"{text.rstrip(',')}, on the way of {name},", of_applier=True) for text in words)
    elsewhere = any(words.values()) or bool(inherited)
    return Way(transformed(manifest, chain), (*inherited, *changes), elsewhere)


def changed_by(manifest: Mapping[str, Any], chain: Sequence[Transform]) -> str:
    """What may change what an applier renders, in words; empty for nothing."""
    return next((change.words for change in way_of(manifest, chain).changes), "")


def decides(unfollowed: Unfollowed, manifest: Mapping[str, Any]) -> bool:
    """Whether something that may write into a manifest may change what the manifest applies, or holds."""
    return str(manifest.get("kind")) not in APPLIER_RESOURCES or bool(_decided(unfollowed.fields))


def _may_be_for(patch: Patch, value: Mapping[str, Any], manifest: Mapping[str, Any]) -> bool:
    """Whether a patch that is not made may be for an applier: one that cannot be read, or whose target is not clear."""
    if not may_mean(patch, value, manifest):
        return False
    name = str(mapping(manifest.get("metadata")).get("name", ""))
    return patch.unread or not meant(patch, value, name)


def _decided(fields: tuple[str, ...] | None) -> frozenset[str]:
    """The deciding members of the spec of an applier that fields may write."""
    found: frozenset[str] = frozenset()
    for field in ("",) if fields is None else fields:
        parts = [part for part in _PARTS.split(field) if part]
        if all(part in ("*", wanted) for part, wanted in zip(parts[:1], ("spec",), strict=False)):
            found |= DECIDING if len(parts) < 2 or parts[1] == "*" else DECIDING & {parts[1]}
    return found


def _written(patch: Patch) -> frozenset[str]:
    """The deciding members of the spec of an applier that a patch may write."""
    if patch.unread:
        return DECIDING
    if patch.merge is not None:
        spec = patch.merge.get("spec", {})
        whole = "$patch" in patch.merge or not isinstance(spec, dict) or "$patch" in spec
        return DECIDING if whole else DECIDING & {str(key) for key in spec}
    places = [str(operation[key]) for operation in patch.operations for key in ("path", "from") if key in operation]
    return _decided(tuple(place.replace("~1", "_") for place in places)) if places else frozenset()


def unknown_folders(units: Sequence[Unit], way: Way) -> Iterator[tuple[Mapping[str, Any], Transform]]:
    """The folders that an applier may apply, as patterns, beside those that are known, and what it does to them."""
    for unit in units:
        if way.elsewhere or yamltext.has_substitution(unit.folder):
            step = unit.transform
            path = "." if way.elsewhere else unit.folder
            yield {"path": path}, replace(step.inserted or step, unfollowed=(*step.unfollowed, *way.changes))


class Movers:
    """What steps may write another folder into appliers with; found once for all of these."""

    def __init__(self, steps: Iterable[Transform]) -> None:
        self._reasons: list[Unfollowed] = []
        self._patches: list[Patch] = []
        self._replacements: list[Replacement] = []
        for step in steps:
            self._reasons += (one for one in step.unfollowed if not one.copies and _decided(one.fields) & _FOLDERS)
            self._patches += (one for one in (*step.patches, *step.late_patches) if _written(one) & _FOLDERS)
            self._replacements += (one for one in step.replacements if _decided(one.written) & _FOLDERS)

    def may_move(self, value: Mapping[str, Any]) -> bool:
        """Whether one of the steps may write another folder into an applier."""
        name = str(mapping(value.get("metadata")).get("name", ""))
        return (
            any(reason.selects(value, value) for reason in self._reasons)
            or any(may_mean(patch, value, value) for patch in self._patches)
            or any(replacement.is_for(value, name) for replacement in self._replacements)
        )
