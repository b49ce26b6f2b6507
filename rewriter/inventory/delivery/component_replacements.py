"""Replacements of Kustomize components: their values come from the objects of the kustomization that has them.

A component's transformers, replacements among them, run over what its kustomization lists and generates, over what the
components before it bring, and over its own objects (kustomize api/internal/target, accumulateComponents). So what it
does is another thing in each kustomization.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from rewriter.inventory.delivery.kustomize import HIDING_LABELS, Kustomization, below, replacement_texts
from rewriter.inventory.delivery.replaced_from import FoundObject, objects_of, source_at
from rewriter.inventory.delivery.replacements import read_replacements
from rewriter.inventory.delivery.transform import Transform
from rewriter.inventory.delivery.unfollowed import Unfollowed, of_kustomization
from rewriter.inventory.files.tree_files import TreeFiles

_FIELD = "replacements"
_Objects = Callable[[Kustomization], list[FoundObject]]


def with_components(files: TreeFiles, found: Mapping[str, Kustomization]) -> dict[str, Kustomization]:
    """The kustomizations of a tree, each with what its components do in it.

    A component hides nothing more by replacements that are followed wherever it is used.
    """
    if not any(each.is_component and each.value.get(_FIELD) for each in found.values()):
        return dict(found)
    objects: _Objects = lambda each: objects_of(  # noqa: E731
        files, each.folder, each.value, each.resources, partial(below, files)
    )
    made: dict[str, Kustomization] = {}
    used: dict[str, bool] = {}
    for folder, parent in found.items():
        steps = _steps(files, parent, found, objects, used)
        made[folder] = replace(parent, of_components=steps) if steps else parent
    for folder, everywhere in used.items():
        if everywhere:
            component = made[folder]
            hiding = tuple(words for words in component.hiding if words != HIDING_LABELS)
            unread = tuple(name for name in component.unread if name != _FIELD)
            made[folder] = replace(component, hiding=hiding, unread=unread)
    return made


def _steps(
    files: TreeFiles,
    parent: Kustomization,
    found: Mapping[str, Kustomization],
    objects: _Objects,
    used: dict[str, bool],
) -> dict[str, Transform]:
    """What the components of a kustomization do in it; `used` takes note of whether all of it is followed."""
    components = [found.get(name) for name in parent.components]
    if not any(each is not None and each.value.get(_FIELD) for each in components):
        return {}
    steps: dict[str, Transform] = {}
    if parent.is_component:  # Those of the kustomization above are there, too.
        used |= dict.fromkeys(parent.components, False)
        return {}
    there = objects(parent)
    for name, component in zip(parent.components, components, strict=True):
        if component is None:
            break
        there = [*there, *objects(component)]
        steps[name], all_followed = _step(files, component, there)
        used[name] = used.get(name, True) and all_followed
        there = [(original, (*chain, steps[name])) for original, chain in there]
    for name in parent.components[len(steps) :]:
        used[name] = False
    return steps


def _step(files: TreeFiles, component: Kustomization, there: Sequence[FoundObject]) -> tuple[Transform, bool]:
    """What a component does to these objects, and whether all of its replacements are followed."""
    own, value, source = component.transform, component.value, str(component.source)
    listed = value.get(_FIELD)
    if not listed or value.get("transformers") or value.get("vars") or component.components:
        return own, not listed
    text_at = replacement_texts(files, component.folder)
    held = list(of_kustomization(value, source, text_at))
    others = [reason for reason in own.unfollowed if reason not in held]

    def but_for(left: Sequence[object]) -> tuple[Unfollowed, ...]:
        return (*others, *of_kustomization({**value, _FIELD: list(left)}, source, text_at))

    known = replace(own, unfollowed=but_for([]))
    followed, left = read_replacements(listed, component.source, text_at, source_at(value, known, lambda: there))
    return replace(own, unfollowed=but_for(left), replacements=followed), not left
