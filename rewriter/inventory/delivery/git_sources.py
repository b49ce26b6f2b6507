"""The GitRepositories of Flux that stand in the tree, by name: their URLs, and the folders that they keep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from rewriter.inventory.files.tree_files import TreeFiles
from rewriter.inventory.texts.manifests import Manifest, mapping
from rewriter.inventory.texts.remote_manifests import kept_folders

_KIND = b"GitRepository"


class GitSources:
    """Made before every file was offered, asked after."""

    def __init__(self, files: TreeFiles) -> None:
        self._files = files

    def url_of(self, _kind: str, namespace: str, name: str) -> str | None:
        """The URL of a source; None where the tree does not hold it, or several of the name."""
        urls = {url for where, url in self._urls.get(name, ()) if not where or not namespace or where == namespace}
        return urls.pop() if len(urls) == 1 else None

    def kept(self, namespace: str, name: str) -> Sequence[tuple[str, ...]]:
        """For each source that a name may mean, the only folders that its `ignore` keeps."""
        return [folders for where, folders in self._kept.get(name, ()) if where in ("", namespace) or not namespace]

    def _manifests(self) -> Iterator[Manifest]:
        for file in self._files.of_kinds(frozenset({_KIND})):
            yield from (manifest for manifest in self._files.manifests(file) if manifest.kind == _KIND.decode())

    @cached_property
    def _kept(self) -> dict[str, list[tuple[str, tuple[str, ...]]]]:
        """For each name: its namespaces as written ("" for none), and the folders."""
        found: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
        for manifest in self._manifests():
            where = str(manifest.metadata.get("namespace") or "")
            kept = kept_folders(mapping(manifest.value.get("spec")).get("ignore"))
            found.setdefault(manifest.name, []).append((where, kept))
        return found

    @cached_property
    def _urls(self) -> dict[str, set[tuple[str, str]]]:
        """For each name: its namespaces as written ("" for none) and URLs."""
        found: dict[str, set[tuple[str, str]]] = {}
        for manifest in self._manifests():
            url = mapping(manifest.value.get("spec")).get("url")
            if isinstance(url, str):
                found.setdefault(manifest.name, set()).add((str(manifest.metadata.get("namespace") or ""), url))
        return found
