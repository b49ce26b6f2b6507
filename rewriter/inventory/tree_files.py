"""The files of a repository as they were offered: by their path from its root, parsed when asked for."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rewriter import yamltext
from rewriter.inventory.facts import Source
from rewriter.inventory.manifests import Manifest, read_manifests

_KIND = re.compile(rb"""kind["']?[ \t]*:[ \t]*["']?([A-Za-z0-9]+)""")

_VARIABLE_KINDS = frozenset({b"ConfigMap", b"Secret"})

#: The file names under which kustomize looks for a kustomization.
KUSTOMIZATION_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")


@dataclass(frozen=True, slots=True)
class OfferedFile:
    """A file with the kinds that it names, at any depth; `path` is as people know it."""

    path: str
    kinds: frozenset[bytes]
    data: bytes
    holds_list: bool


class TreeFiles:
    """Files by name. `root` is the folder that Flux and Argo CD paths start at; `read` gives a file's bytes anew.

    An inner path is relative to the root, with `/`, and starts with `../` outside of it.
    """

    def __init__(self, root: str = ".", read: Callable[[str], bytes | None] = lambda _name: None) -> None:
        self._root = os.path.abspath(root)  # noqa: PTH100 - symlinks stay as they are
        here = os.path.relpath(os.getcwd(), self._root)  # noqa: PTH109
        self._here = "" if here == "." else here + "/"
        self._read = read
        self._names: list[str] = []
        self._parsed: dict[str, list[Manifest]] = {}
        self.files: list[OfferedFile] = []
        #: Files that name a ConfigMap or a Secret, which are read anew for the few that are asked for.
        self.variable_files: list[str] = []
        self.unreadable: list[Source] = []

    def offer(self, path: str, data: bytes, wanted: frozenset[bytes]) -> None:
        """Takes note of a file; its bytes are kept when it names one of the wanted kinds, a List or cilium-config."""
        self._names.append(path)
        if b"kind" in data:
            kinds = frozenset(_KIND.findall(data))
            if not kinds.isdisjoint(_VARIABLE_KINDS):
                self.variable_files.append(path)
            holds_list = b"List" in data and any(kind.endswith(b"List") for kind in kinds)
            if holds_list or not kinds.isdisjoint(wanted) or b"cilium-config" in data:
                self.files.append(OfferedFile(path, kinds, data, holds_list))

    def inner(self, path: str) -> str:
        """A file's path from the root."""
        if path.startswith("/"):
            inside = path.startswith(self._root + "/") and "/." not in path
            return path[len(self._root) + 1 :] if inside else os.path.relpath(path, self._root)
        if path.startswith(".") or self._here.startswith("."):
            return os.path.normpath(self._here + path)
        return self._here + path

    def on_disk(self, inner: str) -> Path:
        """Where the file or folder of an inner path lies."""
        return Path(self._root) / inner

    @cached_property
    def names(self) -> dict[str, str]:
        """The name as people know it, for each inner path. Complete only once every file is offered."""
        return {self.inner(path): path for path in self._names}

    @cached_property
    def folders(self) -> frozenset[str]:
        """Every folder that holds a file, by inner path; the root is `.`."""
        found: set[str] = {"."}
        for name in self.names:
            folder = name.rpartition("/")[0]
            while folder and folder not in found:
                found.add(folder)
                folder = folder.rpartition("/")[0]
        return frozenset(found)

    @cached_property
    def _kept(self) -> dict[str, bytes]:
        return {file.path: file.data for file in self.files}

    def bytes_of(self, inner: str) -> bytes | None:
        """The bytes of an offered file; None for one that was not offered or cannot be read."""
        path = self.names.get(inner)
        if path is None:
            return None
        data = self._kept.get(path)
        return self._read(path) if data is None else data

    def of_kinds(self, kinds: frozenset[bytes]) -> Iterator[OfferedFile]:
        """The kept files that name one of the kinds, in the order of the offer."""
        return (file for file in self.files if not file.kinds.isdisjoint(kinds))

    def manifests(self, path: str, data: bytes) -> list[Manifest]:
        """The manifests of a file; none, and a note of it, where it cannot be read."""
        if path not in self._parsed:
            try:
                self._parsed[path], templates = read_manifests(path, data)
                self.unreadable += templates
            except yamltext.YamlTextError as error:
                self._parsed[path] = []
                self.unreadable.append(Source(path, error.line))
        return self._parsed[path]
