"""Manifests in the configuration of Talos (`cluster.inlineManifests`), and those that it fetches (`extraManifests`).

Talos applies both when it sets up a control plane (Talos documentation, "v1alpha1 Config", ClusterConfig). Patches of
it, and talhelper's configuration, hold the same members in other places.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rewriter import yamltext
from rewriter.inventory.facts.model import Source
from rewriter.inventory.texts.manifests import Manifest, items, mapping
from rewriter.inventory.texts.remote_manifests import may_make_pods

_INLINE, _EXTRA = "inlineManifests", "extraManifests"
_DEEPEST = 6


def holds(data: bytes) -> bool:
    """Whether a file may be a configuration that holds or fetches manifests."""
    return _INLINE.encode() in data or _EXTRA.encode() in data


def inline_manifests(path: str, data: bytes) -> list[Manifest]:
    """The manifests that stand in a configuration as texts. Raises YamlTextError where a text does not parse."""
    found: list[Manifest] = []
    for document in _documents(data):
        for route, value in _members(document.value, "", _INLINE, 0):
            for index, entry in enumerate(items(value)):
                if isinstance(entry.get("contents"), str):
                    line = yamltext.locate(document, f"{route}/{index}/contents").line
                    found += _parsed(path, entry["contents"], line)
    return found


def fetched_manifests(path: str, data: bytes) -> Iterator[tuple[str, Source]]:
    """The URLs whose manifests Talos applies, in words, and where."""
    for document in _documents(data):
        for route, value in _members(document.value, "", _EXTRA, 0):
            for index, url in enumerate(value if isinstance(value, list) else ()):
                if isinstance(url, str) and url.startswith(("http://", "https://")) and may_make_pods(url):
                    line = yamltext.locate(document, f"{route}/{index}").line
                    yield f"{url}, which Talos applies,", Source(path, line)


def _documents(data: bytes) -> list[yamltext.Document]:
    try:
        return list(yamltext.parse(yamltext.decode(data)))
    except yamltext.YamlTextError:
        return []


def _parsed(path: str, text: str, line: int) -> Iterator[Manifest]:
    try:
        documents = yamltext.parse(text)
    except yamltext.YamlTextError as error:
        message = f"a manifest of `{_INLINE}` cannot be read: {error.message}"
        raise yamltext.YamlTextError(message, line, hint=error.hint) from None
    for document in documents:
        value = document.value
        for item in items(value.get("items")) if mapping(value).get("kind") == "List" else (value,):
            if isinstance(item, dict) and isinstance(item.get("kind"), str):
                yield Manifest(Source(path, line + yamltext.locate(document, "").line), item)


def _members(value: Any, route: str, key: str, depth: int) -> Iterator[tuple[str, Any]]:
    """The members of a name in a configuration that is no object of Kubernetes, and in patches of one."""
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        if "kind" in value and "apiVersion" in value:
            return
        if str(value.get("path", "")).rstrip("/-").endswith(f"/{key}"):
            inner = value.get("value")
            yield f"{route}/value", inner if isinstance(inner, list) else [inner]
        for name, item in value.items():
            if name == key:
                yield f"{route}/{name}", item
            elif isinstance(name, str):
                yield from _members(item, f"{route}/{name.replace('~', '~0').replace('/', '~1')}", key, depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _members(item, f"{route}/{index}", key, depth + 1)
