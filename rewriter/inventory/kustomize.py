"""Kustomizations of the tree: which of them lists a file, and the namespace that it sets."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rewriter.inventory.facts import Source
from rewriter.inventory.manifests import Manifest

FILE_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_LISTS = ("resources", "components", "bases")


@dataclass(frozen=True, slots=True)
class Kustomization:
    """One kustomization: its folder, what it lists (paths from the tree's root), the namespace it sets."""

    folder: str
    listed: frozenset[str]
    namespace: str | None
    source: Source


def read_kustomization(path: str, manifests: Sequence[Manifest]) -> Kustomization | None:
    """The kustomization of a file; its `kind` may be left out, so a file without manifests is none."""
    for manifest in manifests:
        value = manifest.value
        folder = posixpath.dirname(path)
        namespace = value.get("namespace")
        return Kustomization(
            folder,
            frozenset(_listed(folder, value)),
            namespace if isinstance(namespace, str) and namespace else None,
            manifest.source,
        )
    return None


def _listed(folder: str, value: Mapping[str, Any]) -> Iterator[str]:
    for field in _LISTS:
        entries = value.get(field)
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, str) and "://" not in entry and not entry.startswith("github.com/"):
                yield posixpath.normpath(posixpath.join(folder, entry))


def namespaces_for(path: str, kustomizations: Mapping[str, Kustomization]) -> list[Kustomization]:
    """The kustomizations whose namespace a file's manifests get: the outermost that set one, on each way up.

    An overlay overrides the namespace that its base sets (kubectl kustomize, namespace transformer). Cycles end
    where they close.
    """
    found: dict[str, Kustomization] = {}

    def climb(listed: str, best: Kustomization | None, seen: frozenset[str]) -> None:
        users = [each for each in kustomizations.values() if listed in each.listed and each.folder not in seen]
        if not users and best is not None:
            found[best.folder] = best
        for user in users:
            climb(user.folder, user if user.namespace else best, seen | {user.folder})

    climb(path, None, frozenset())
    return list(found.values())
