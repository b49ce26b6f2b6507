"""Skaffold: functions that change manifests after they are rendered (`manifests.transform`, schema v4beta)."""

from __future__ import annotations

import posixpath
from typing import Any

from rewriter import yamltext
from rewriter.inventory.texts.manifests import items, mapping, members

SKAFFOLD = "skaffold.yaml"
#: Functions that write what nothing here reads.
_HARMLESS = ("set-annotations", "set-image")


def transforms(data: bytes) -> bool:
    """Whether a configuration has such functions; one that cannot be read and speaks of any may."""
    if b"transform" not in data:
        return False
    try:
        documents = yamltext.parse(yamltext.decode(data))
    except yamltext.YamlTextError:
        return True
    found = (part for document in documents for part in members(document.value, "transform"))
    return any(not str(item.get("name")).startswith(_HARMLESS) for part in found for item in items(part))


def manifest_places(data: bytes, folder: str) -> tuple[str, ...]:
    """The inner paths of a configuration's manifests, up to the first that is a pattern; its folder among them."""
    try:
        documents = yamltext.parse(yamltext.decode(data))
    except yamltext.YamlTextError:
        return (folder,)
    found = {folder: None}
    for document in documents:
        for part in members(document.value, "manifests"):
            listed = [
                *_texts(mapping(part).get("rawYaml")),
                *_texts(mapping(mapping(part).get("kustomize")).get("paths")),
            ]
            for text in (*listed, *_texts(part)):
                found[posixpath.normpath(posixpath.join(folder, text.partition("*")[0]))] = None
    return tuple(found)


def _texts(value: Any) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
