"""The ConfigMaps that kustomizations generate, with the texts that are in the tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rewriter import yamltext
from rewriter.inventory.delivery.generated_texts import generated_texts
from rewriter.inventory.delivery.kustomize import Kustomization
from rewriter.inventory.delivery.placements import Placements
from rewriter.inventory.facts.model import Source
from rewriter.inventory.files.tree_files import TreeFiles
from rewriter.inventory.objects.pods import ConfigMap
from rewriter.inventory.texts.manifests import items


def generated_maps(files: TreeFiles, placements: Placements, name: str, namespace: str) -> Iterator[ConfigMap]:
    """Those that pods of a namespace mean by a name, which Kustomize replaces by that with the hash."""
    for folder, kustomization in placements.kustomizations.items():
        for index, generator in enumerate(items(kustomization.value.get("configMapGenerator"))):
            if generator.get("name") != name or namespace not in _namespaces(placements, folder, generator):
                continue
            source = Source(kustomization.source.path, _line(files, kustomization, index))
            made = generated_texts(files, folder, generator)
            data = {key: text for key, text, _inner in made if text is not None}
            yield ConfigMap(name, namespace, None, data, source)


def _namespaces(placements: Placements, folder: str, generator: Mapping[str, Any]) -> frozenset[str]:
    """Where a generated ConfigMap lands: with everything of its kustomization, else where the generator says."""
    found = placements.namespaces_of(folder)
    if found is not None:
        return found
    own = generator.get("namespace")
    return frozenset({own}) if isinstance(own, str) else frozenset()


def _line(files: TreeFiles, kustomization: Kustomization, index: int) -> int | None:
    data = files.bytes_of(files.inner(kustomization.source.path)) or b""
    try:
        for document in yamltext.parse(data.decode("utf-8", "replace")):
            if document.value == kustomization.value or "configMapGenerator" in (document.value or {}):
                return yamltext.locate(document, f"/configMapGenerator/{index}").line
    except yamltext.YamlTextError:
        return kustomization.source.line
    return kustomization.source.line
