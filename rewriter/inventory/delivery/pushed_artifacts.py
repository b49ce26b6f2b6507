"""Artifacts that the repository's own pipeline pushes (`pushes`): which folder of the repository each is.

A Kustomization that syncs from an OCIRepository names folders of the artifact, whose root is the folder that a command
pushes. Without such a command in the tree the root is that of the repository. What a variable fills in may be anything.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

from rewriter import patterns as re
from rewriter.inventory.delivery.appliers import Read
from rewriter.inventory.delivery.own_repository import UNKNOWN_FOLDER
from rewriter.inventory.delivery.pushes import pushes
from rewriter.inventory.files.tree_files import TreeFiles
from rewriter.inventory.texts.manifests import mapping

#: The kind of a source that is an artifact.
OCI = "OCIRepository"
#: A tag or a digest behind the URL, and what a variable or another command fills in.
_TAG = re.compile(r"(?<=[\w}])(?::(?![\d]+/)|@).*$", re.DOTALL)
_FILLED_IN = re.compile(r"\$\{\{[^}]*\}\}|\{\{[^}]*\}\}|\$\{[^}]*\}|\$\([^)]*\)?|\$\w+")
_UNKNOWN = "syncs from an artifact; which folder it holds is not known"


class PushedArtifacts:
    """The folders of artifacts, by the URLs that commands push them to. Complete once every file is offered."""

    def __init__(self, files: TreeFiles) -> None:
        self._files = files

    def in_repository(self, read: Read, value: Mapping[str, Any]) -> Read:
        """What a Kustomization applies, with its folders as they are called in the repository."""
        spec = mapping(value.get("spec"))
        reference = mapping(spec.get("sourceRef"))
        if not self._pushed or not read.units or reference.get("kind") != OCI:
            return read
        own = str(mapping(value.get("metadata")).get("namespace") or "")
        namespace = str(reference.get("namespace") or own)
        return self._within(read, self._url_of(namespace, str(reference.get("name"))))

    def of_instance(self, read: Read, spec: Mapping[str, Any]) -> Read:
        """The same for a FluxInstance."""
        sync = mapping(spec.get("sync"))
        url = sync.get("url")
        return self._within(read, url if isinstance(url, str) else None) if sync.get("kind") == OCI else read

    def _within(self, read: Read, url: str | None) -> Read:
        folders = {folder for pattern, folder in self._pushed if url is None or pattern.fullmatch(url)}
        if url is None and None not in folders:
            # Which artifact it is is not known: the folders that are there say it, unless both readings are.
            folders = {folder for folder in (*folders, ".") if folder is not None and self._is_there(read, folder)}
        if not folders:
            return read
        (folder,) = folders if len(folders) == 1 else (None,)
        if folder is None:
            return Read(unknown=(_UNKNOWN,))
        units = [replace(unit, folder=_within(folder, unit.folder)) for unit in read.units]
        return replace(read, units=tuple(units))

    def _is_there(self, read: Read, folder: str) -> bool:
        return all(_within(folder, unit.folder) in self._files.folders for unit in read.units)

    @cached_property
    def _pushed(self) -> list[tuple[re.Pattern[str], str | None]]:
        """Of each command: which URLs it may mean, and the folder; None where a variable fills that in."""
        return [
            (_meant(push.url), push.folder)
            for _path, data in self._files.pushing_texts
            for push in pushes(data.decode("utf-8", "replace"))
        ]

    def _url_of(self, namespace: str, name: str) -> str | None:
        urls = {url for where, url in self._urls.get(name, ()) if not where or not namespace or where == namespace}
        return urls.pop() if len(urls) == 1 else None

    @cached_property
    def _urls(self) -> dict[str, set[tuple[str, str]]]:
        found: dict[str, set[tuple[str, str]]] = {}
        for file in self._files.of_kinds(frozenset({OCI.encode()})):
            for manifest in self._files.manifests(file):
                url = mapping(manifest.value.get("spec")).get("url")
                if manifest.kind == OCI and isinstance(url, str):
                    found.setdefault(manifest.name, set()).add((str(manifest.metadata.get("namespace") or ""), url))
        return found


def _meant(url: str) -> re.Pattern[str]:
    """The URLs that a command may mean: what is filled in may be any text."""
    bare = _TAG.sub("", _FILLED_IN.sub("$", url).replace("oci://", "", 1))
    return re.compile(r"(?:oci://)?" + ".*".join(map(re.escape, bare.split("$"))))


def _of(folder: str) -> str:
    """A folder as a path from the root of what holds it."""
    return folder.removeprefix("./").lstrip("/") or "."


def _within(folder: str, written: str) -> str:
    if written == UNKNOWN_FOLDER:
        return written
    return posixpath.normpath(posixpath.join(folder, _of(written)))
