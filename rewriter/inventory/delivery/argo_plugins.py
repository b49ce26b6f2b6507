"""Plugins of Argo CD that choose the folders which they make manifests of themselves (argo-cd docs, "Config Management
Plugins", `discover`): no Application names them, and each source without a tool of its own is offered to them first.
"""

from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rewriter import patterns as re
from rewriter import yamltext
from rewriter.discovery import may_hold_manifests
from rewriter.inventory.delivery.appliers import folder_of
from rewriter.inventory.facts.model import Source
from rewriter.inventory.files.tree_files import TreeFiles
from rewriter.inventory.texts.manifests import mapping
from rewriter.records import dataclass

_KIND = "ConfigManagementPlugin"
#: Members of a source that name its tool: plugins are not asked about it.
_TOOLS = ("plugin", "helm", "kustomize", "directory", "chart")
#: What only replaces `<...>` in the manifests of a folder.
_FILLS_IN = re.compile(r"argocd-vault-plugin|\bavp\b")
_FILLED = re.compile(r"<[^<>\n]+>")
_DEEPEST = 30


@dataclass(frozen=True, slots=True)
class DiscoveringPlugin:
    """One of them. `patterns` are those of the files that it looks for, None where it asks a program."""

    name: str
    source: Source
    patterns: tuple[str, ...] | None
    fills_in: bool

    def takes(self, source: Mapping[str, Any], folder: str, names: Iterable[str]) -> bool:
        """Whether it may make the manifests of an Application's source, a folder of the tree (`.`: its root)."""
        if any(source.get(tool) for tool in _TOOLS):
            return False
        if self.patterns is None or not all(
            may_hold_manifests(posixpath.basename(pattern)) for pattern in self.patterns
        ):
            return True
        start = "" if folder == "." else f"{folder}/"
        inside = [name.removeprefix(start) for name in names if name.startswith(start)]
        return any(_meets(name, pattern) for name in inside for pattern in self.patterns)

    def may_change(self, text: str) -> bool:
        """Whether it may make something else of a manifest than what it says."""
        return not self.fills_in or _FILLED.search(text) is not None


def plugins_of(files: TreeFiles) -> tuple[DiscoveringPlugin, ...]:
    """Every such plugin that a file of the tree configures."""
    return tuple(plugin for path, data in files.plugin_texts for plugin in discovering_plugins(path, data))


def plugin_taking(
    plugins: Sequence[DiscoveringPlugin], source: Mapping[str, Any], files: TreeFiles
) -> DiscoveringPlugin | None:
    """The plugin that may make the manifests of an Application's source; None where it has a tool or no folder."""
    folder = folder_of(str(source.get("path", "")))
    if folder is None or not plugins or (folder != "." and folder not in files.folders):
        return None
    return next(
        (plugin for plugin in plugins if plugin.takes(source, folder, files.names)),
        None,
    )


def discovering_plugins(path: str, data: bytes) -> Iterator[DiscoveringPlugin]:
    """The plugins of a file that choose their folders; those of a file that does not parse ask a program."""
    try:
        documents = yamltext.parse(yamltext.decode(data))
    except yamltext.YamlTextError:
        yield DiscoveringPlugin("in a template", Source(path), None, fills_in=False)
        return
    for document in documents:
        for name, spec in _specs("", document.value, 0):
            found = mapping(spec.get("discover"))
            find = mapping(found.get("find"))
            patterns = [
                given for given in (found.get("fileName"), find.get("glob")) if isinstance(given, str) and given
            ]
            if not patterns and not find.get("command"):
                continue
            fills_in = _FILLS_IN.search(f"{spec.get('generate')}") is not None
            known = None if find.get("command") else tuple(pattern.removeprefix("./") for pattern in patterns)
            yield DiscoveringPlugin(name, Source(path), known, fills_in)


def _specs(name: str, value: Any, depth: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each mapping with `discover` and `generate`, with the name of its plugin: a member's, or that of its metadata."""
    if depth > _DEEPEST:
        return
    if isinstance(value, Mapping):
        if value.get("discover") and value.get("generate"):
            yield name, value
        own = mapping(value.get("metadata")).get("name") if value.get("kind") == _KIND else None
        for key, member in value.items():
            yield from _specs(str(own or key), member, depth + 1)
    elif isinstance(value, list):
        for member in value:
            yield from _specs(name, member, depth + 1)
    elif isinstance(value, str) and _KIND in value:
        try:
            documents = yamltext.parse(value)
        except yamltext.YamlTextError:
            return
        for document in documents:
            if not isinstance(document.value, str):
                yield from _specs(name, document.value, depth + 1)


def _meets(name: str, pattern: str) -> bool:
    if not pattern.startswith("**/"):
        return fnmatch.fnmatchcase(name, pattern) and ("**" in pattern or name.count("/") == pattern.count("/"))
    return fnmatch.fnmatchcase(posixpath.basename(name), pattern.removeprefix("**/")) or _meets(name, pattern[3:])
