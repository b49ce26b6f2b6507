"""What the post-renderers of a HelmRelease do to a policy that its values hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rewriter.cilium.digits import is_number
from rewriter.inventory.delivery.kustomize import read_patches
from rewriter.inventory.delivery.patches import Patch, may_mean
from rewriter.inventory.facts.model import Source
from rewriter.inventory.texts.manifests import items, mapping

#: Fields of Flux's kustomize post-renderer that change nothing of a policy but its images, which it has none of.
_HARMLESS = frozenset({"images"})


def post_renderer(manifest: Mapping[str, Any], route: str) -> str:
    """What renders a policy anew after Helm, in words; empty where nothing that touches its rules does.

    `route` is where the policy stands in the manifest; empty for a policy that is a manifest of its own.
    """
    if not route or manifest.get("kind") != "HelmRelease":
        return ""
    name = mapping(manifest.get("metadata")).get("name")
    policy = mapping(value_at(manifest, route))
    for item in items(mapping(manifest.get("spec")).get("postRenderers")):
        kustomize = mapping(item.get("kustomize"))
        followed = item.keys() <= {"kustomize"} and kustomize.keys() <= _HARMLESS | {"patches", *_OLDER}
        if not followed or any(_may_touch(patch, policy) for patch in _patches(kustomize)):
            return f"postRenderers of HelmRelease {name}"
    return ""


_OLDER = ("patchesStrategicMerge", "patchesJson6902")


def _patches(kustomize: Mapping[str, Any]) -> Iterator[Patch]:
    """The patches of a post-renderer, those in its older fields too, which hold them as values."""
    yield from read_patches(kustomize, Source(""))
    merges = kustomize.get("patchesStrategicMerge")
    for merge in merges if isinstance(merges, list) else ():
        yield Patch(Source(""), merge=merge) if isinstance(merge, dict) else Patch(Source(""), unread=True)
    for item in items(kustomize.get("patchesJson6902")):
        yield Patch(Source(""), mapping(item.get("target")), operations=tuple(items(item.get("patch"))))


def _may_touch(patch: Patch, policy: Mapping[str, Any]) -> bool:
    if not patch.changes_rules:
        return False
    return "kind" not in policy or may_mean(patch, policy, policy)


def value_at(manifest: Mapping[str, Any], route: str) -> Any:
    """What stands at a route (JSON pointer) of a manifest; None where nothing does."""
    value: Any = manifest
    for token in route.split("/")[1:]:
        token = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list):
            value = value[int(token)] if is_number(token) and int(token) < len(value) else None
        else:
            value = mapping(value).get(token)
    return value
