"""The files of a repository as they were offered: by their path from its root, parsed when asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rewriter import yamltext
from rewriter.discovery.escapes import unescaped
from rewriter.inventory import talos
from rewriter.inventory.facts import Source
from rewriter.inventory.kinds_in_text import KIND, is_odd, may_be_unknown
from rewriter.inventory.locked import NOT_TEXT, unreadable_as_text
from rewriter.inventory.manifests import Manifest, read_manifests
from rewriter.inventory.packed import unpacked
from rewriter.inventory.programs import Program, terraform_programs

_VARIABLE_KINDS = frozenset({b"ConfigMap", b"Secret"})

#: The file names under which kustomize looks for a kustomization.
KUSTOMIZATION_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")


@dataclass(frozen=True, slots=True)
class OfferedFile:
    """A file with the kinds that it names, at any depth; `path` is as people know it.

    `text` is its bytes with escapes read, to search in. `holds_list`: it may hold any kind beside those. `unknown`: it
    holds objects of kinds that may make pods, or whose kind is not read here.
    """

    path: str
    kinds: frozenset[bytes]
    data: bytes
    holds_list: bool
    text: bytes = b""
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class UnreadFile:
    """A file, or a document of one, whose objects are not known: its text with escapes read, and why, in words.

    The text is None where the bytes themselves cannot be read. `applied` says that it counts as applied wherever it is.
    """

    path: str
    source: Source
    text: bytes | None
    why: str
    template: bool = False
    excluded: bool = False
    applied: bool = False


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
        #: What `manifests` could not read so far, and the files that are not to be read.
        self.unread: list[UnreadFile] = []
        #: Kustomizations that cannot be read, by inner path.
        self.broken_kustomizations: list[tuple[str, Source]] = []
        #: What programs other than those that are followed make of the tree.
        self.programs: list[Program] = []
        #: The files of Terraform that install Helm releases.
        self.terraform: list[tuple[str, bytes]] = []

    def offer(self, path: str, data: bytes, wanted: frozenset[bytes]) -> None:
        """Takes note of a file; its bytes are kept when it names one of the wanted kinds, a List or cilium-config.

        So are those of a file of kinds that may make pods, or whose kinds are written so that only a parser reads them.
        """
        self._names.append(path)
        text = unescaped(data)
        if b"kind" not in text:
            if why := unreadable_as_text(data):
                self.leave_out(path, data.replace(b"\0", b"") if why == NOT_TEXT else None, why)
            return
        kinds = frozenset(KIND.findall(text))
        if not kinds.isdisjoint(_VARIABLE_KINDS):
            self.variable_files.append(path)
        odd = is_odd(text)
        holds_list = odd or (b"List" in text and any(kind.endswith(b"List") for kind in kinds))
        unknown = b"apiVersion" in text and (odd or may_be_unknown(text, kinds))
        if holds_list or unknown or not kinds.isdisjoint(wanted) or b"cilium-config" in data:
            self.files.append(OfferedFile(path, kinds, data, holds_list, text, unknown))

    def offer_terraform(self, path: str, data: bytes) -> None:
        """Takes note of a file of Terraform: its Helm releases, and what else makes pods or Services."""
        self.programs += terraform_programs(path, data)
        if b'"helm_release"' in data or b'"helm_template"' in data:
            self.terraform.append((path, data))

    def offer_packed(self, path: str, data: bytes) -> None:
        """Takes note of a packaged chart or a compressed manifest: it may hold facts, and none is read of it."""
        self._names.append(path)
        packed = unpacked(path, data)
        if packed is not None:
            text = None if packed.text is None else unescaped(packed.text)
            chart = path.endswith(".tgz")
            self.unread.append(UnreadFile(path, Source(path), text, packed.why, template=chart, applied=chart))

    def leave_out(
        self, path: str, data: bytes | None, why: str, *, excluded: bool = False, applied: bool = False
    ) -> None:
        """Takes note of a file that is not to be read as facts: it may hold some all the same."""
        text = None if data is None else unescaped(data)
        self.unread.append(UnreadFile(path, Source(path), text, why, excluded=excluded, applied=applied or excluded))

    @property
    def named_kinds(self) -> frozenset[str]:
        """The kinds that files name which may hold facts, at any depth."""
        return frozenset(kind.decode() for file in self.files for kind in file.kinds)

    @cached_property
    def charts(self) -> Sequence[str]:
        """The folders of Helm charts, by inner path; those that lie in another chart left out."""
        folders = sorted(
            name.rpartition("/")[0] or "." for name in self.names if name.rpartition("/")[2] == "Chart.yaml"
        )
        return [each for each in folders if not any(each.startswith(f"{other}/charts/") for other in folders)]

    def templates_of(self, chart: str) -> Iterator[bytes]:
        """The texts of a chart's templates, those of the charts in it too."""
        prefix = "" if chart == "." else f"{chart}/"
        for inner in sorted(self.names):
            if inner.startswith(prefix) and "/templates/" in f"/{inner[len(prefix) :]}":
                yield self.bytes_of(inner) or b""

    def is_in_chart(self, inner: str) -> bool:
        """Whether a file is a template, or anything else, of a chart."""
        return any(each == "." or inner.startswith(f"{each}/") for each in self.charts)

    def inner(self, path: str) -> str:
        """A file's path from the root."""
        if path.startswith("/"):
            inside = path.startswith(self._root + "/") and "/." not in path
            return path[len(self._root) + 1 :] if inside else os.path.relpath(path, self._root)
        if path.startswith(".") or self._here.startswith("."):
            return os.path.relpath(path, self._root)
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
                found, templates = read_manifests(path, data)
                self._parsed[path] = [*found, *(talos.inline_manifests(path, data) if talos.holds(data) else ())]
                for each in templates:
                    self.unreadable.append(each.source)
                    text = unescaped(each.text.encode("utf-8", "replace"))
                    self.unread.append(UnreadFile(path, each.source, text, "is a template", template=True))
            except yamltext.YamlTextError as error:
                self._parsed[path] = []
                self.unreadable.append(Source(path, error.line))
                template = error.message == "is a template"
                why = error.message if template else f"cannot be read: {error.message}"
                self.unread.append(UnreadFile(path, Source(path, error.line), unescaped(data), why, template))
        return self._parsed[path]
