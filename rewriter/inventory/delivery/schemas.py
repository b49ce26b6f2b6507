"""Schemas that a kustomization gives for kinds of its own (`openapi`): they say which lists a strategic merge joins.

Without one a merge replaces the lists of a custom resource. What a schema joins is not followed: merges into policies
that it names are not read. It holds for all that one build reads (Kustomize 5, kyaml/openapi), so for the whole tree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rewriter import patterns as re
from rewriter.inventory.delivery.appliers import joined
from rewriter.inventory.delivery.kustomize import Kustomization
from rewriter.inventory.delivery.patches import Patch
from rewriter.inventory.files.tree_files import TreeFiles
from rewriter.inventory.texts.manifests import mapping, text_or_none

#: What makes a merge join lists instead of replacing them.
_JOINS = re.compile(rb"x-kubernetes-(?:patch-merge-key|patch-strategy|list-map-keys|list-type)")
_POLICY = "NetworkPolicy"


def under_schemas(files: TreeFiles, found: Mapping[str, Kustomization]) -> dict[str, Kustomization]:
    """The kustomizations, where a schema may decide what a merge makes of a policy with that patch unread."""
    schemas = [text for folder, one in found.items() if (text := _joining(files, folder, one)) is not None]
    return {folder: _with_unread(one, schemas) if schemas else one for folder, one in found.items()}


def _joining(files: TreeFiles, folder: str, kustomization: Kustomization) -> bytes | None:
    """The schema of a kustomization where it joins lists of policies; one that cannot be read may be any: empty."""
    path = text_or_none(mapping(kustomization.value.get("openapi")).get("path"))
    if path is None:
        return None
    text = files.bytes_of(joined(folder, path))
    if text is None:
        return b""
    return text if _JOINS.search(text) and _POLICY.encode() in text else None


def _with_unread(kustomization: Kustomization, schemas: Sequence[bytes]) -> Kustomization:
    own = kustomization.transform
    patches, late = ([_read(patch, schemas) for patch in some] for some in (own.patches, own.late_patches))
    return replace(kustomization, transform=replace(own, patches=tuple(patches), late_patches=tuple(late)))


def _read(patch: Patch, schemas: Sequence[bytes]) -> Patch:
    """A patch, unread where it is a merge into a policy that a schema names."""
    if patch.merge is None or patch.deletes or not patch.changes_rules:
        return patch
    kind = str(patch.merge.get("kind") or patch.target.get("kind") or _POLICY)
    named = any(not schema or kind.encode() in schema for schema in schemas)
    if not kind.endswith(_POLICY) or not named:
        return patch
    return replace(patch, unread=True, via=f"{patch.words} (a schema of `openapi` says which lists it joins)")
