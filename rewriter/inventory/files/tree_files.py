"""The files of a repository as they were offered: by their path from its root, parsed when asked for."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

from rewriter import yamltext
from rewriter.discovery import PACKED_SUFFIXES, TERRAFORM_SUFFIXES
from rewriter.discovery.escapes import unescaped
from rewriter.inventory.facts.model import Source
from rewriter.inventory.files import talos
from rewriter.inventory.files.commands import is_passing
from rewriter.inventory.files.filters import may_filter
from rewriter.inventory.files.inner_paths import folders_above, names_below
from rewriter.inventory.files.labelling import labels_namespaces
from rewriter.inventory.files.offered import OfferedFile, OfferedFiles
from rewriter.inventory.files.program import Program
from rewriter.inventory.files.programs import holds_commands, makes_resources, programs_in, terraform_programs
from rewriter.inventory.files.unread import UnreadFile
from rewriter.inventory.texts.file_record import FileRecord, record_of
from rewriter.inventory.texts.locked import NOT_TEXT, unreadable_as_text
from rewriter.inventory.texts.manifests import Manifest, read_manifests
from rewriter.inventory.texts.namespace_names import namespaces_in_commands, namespaces_in_manifests
from rewriter.inventory.texts.python_calls import as_commands

#: The file names under which kustomize looks for a kustomization.
KUSTOMIZATION_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
#: A rule of a policy in a patch, by its number; whatever brings the patch.
_POINTER = re.compile(rb"/spec(?:s/\d{1,9})?/(?:in|e)gress(?:Deny)?/(?:\d|-)")
_DOT_OR_SLASH = ("", ".", "/")


class TreeFiles:
    """Files by name. `root` is the folder that Flux and Argo CD paths start at; `read` gives a file's bytes anew.

    `read_beside` does so for a file of the tree that is not offered, by its whole path; None where it may not be read.
    An inner path is relative to the root, with `/`, and starts with `../` outside of it.
    """

    def __init__(
        self,
        root: str = ".",
        read: Callable[[str], bytes | None] = lambda _name: None,
        read_beside: Callable[[str], bytes | None] = lambda _name: None,
    ) -> None:
        self._root = os.path.abspath(root)  # noqa: PTH100 - symlinks stay as they are
        here = os.path.relpath(os.getcwd(), self._root)  # noqa: PTH109
        self._here = "" if here == "." else here + "/"
        self._read = read
        self._read_beside = read_beside
        self._names: list[str] = []
        self._beside: dict[str, bytes | None] = {}
        #: Symlinks inside the tree, by the path that people know, and the real name of where each leads.
        self.links: list[tuple[str, str]] = []
        self._known_folders: dict[str, str] = {}
        #: The manifests of each file that was read so far.
        self.parsed: dict[str, list[Manifest]] = {}
        #: Those that are kept of an earlier run, by path and number.
        self.kept_manifests: Callable[[str, int], list[Manifest] | None] = lambda _path, _number: None
        self.files = OfferedFiles()
        #: Files that name a ConfigMap or a Secret, which are read anew for the few that are asked for.
        self.variable_files: list[str] = []
        self.unreadable: list[Source] = []
        #: What `manifests` could not read so far, and the files that are not to be read.
        self.unread: list[UnreadFile] = []
        #: Kustomizations that cannot be read, by inner path.
        self.broken_kustomizations: list[tuple[str, Source]] = []
        #: What programs other than those that are followed make of the tree.
        self.programs: list[Program] = []
        #: The files of programs, scripts and pipelines that speak of policies, which no parser reads as any.
        self.policy_texts: list[tuple[str, bytes]] = []
        #: The files of programs, of ytt too, that may change rules of policies in the tree.
        self.changing_texts: list[tuple[str, bytes]] = []
        #: Those of scripts and pipelines in which a program may stand between manifests and what applies them.
        self.filtering_texts: list[tuple[str, bytes]] = []
        #: Those that may configure plugins of Argo CD: a sidecar's file in a ConfigMap, or values of its chart.
        self.plugin_texts: list[tuple[str, bytes]] = []
        self.pushing_texts: list[tuple[str, bytes]] = []
        #: Those that may give labels to namespaces.
        self.labelling_texts: list[tuple[str, bytes]] = []
        #: The namespaces that scripts, programs and files of Terraform name.
        self._commanded_namespaces: set[str] = set()
        #: The files of Terraform that install Helm releases.
        self.terraform: list[tuple[str, bytes]] = []

    def offer(self, path: str, data: bytes, wanted: frozenset[bytes]) -> FileRecord | None:
        """Takes note of a file, and returns what its bytes show; None where they cannot be read as text."""
        text = unescaped(data)
        record = record_of(data, text, wanted)
        self.take(path, record, data)
        if b"kind" not in text and (why := unreadable_as_text(data)):
            self.leave_out(path, data.replace(b"\0", b"") if why == NOT_TEXT else None, why)
            return None
        return record

    def take(self, path: str, record: FileRecord, data: bytes | None, number: int | None = None) -> None:
        """Takes note of a file with this record; without data it is read when it is asked for."""
        self._names.append(path)
        if record.variables:
            self.variable_files.append(path)
        if record.kept:
            self.files.append(
                OfferedFile(
                    path,
                    record.kinds,
                    data,
                    record.holds_list,
                    record.unknown,
                    cluster_dns=record.cluster_dns,
                    number=number,
                    read=self._read,
                )
            )

    def offer_terraform(self, path: str, data: bytes) -> None:
        """Takes note of a file of Terraform: its Helm releases, and what else makes pods or Services."""
        self._offer_terraform(path, data, read=True)
        if b'"helm_release"' in data or b'"helm_template"' in data:
            self.terraform.append((path, data))

    def _offer_terraform(self, path: str, data: bytes, *, read: bool) -> None:
        self.programs += terraform_programs(path, data, read=read)
        self._commanded_namespaces.update(namespaces_in_commands(data))
        self._offer_texts(path, data)
        if _may_change_rules(data):
            self.changing_texts.append((path, data))

    def offer_programs(self, path: str, data: bytes, *, beside: bool = False) -> bool:
        """Takes note of what programs make of a file, and of the policies that its commands may.

        `beside`: it holds no manifests itself. Whether there are any, or the file configures machines, so that it says
        more than its manifests.
        """
        data = as_commands(path, data) if path.endswith(".py") else data
        found = list(programs_in(path, data, beside=beside))
        self.programs += found
        beside = beside or data.startswith(b"#!")
        commands = beside or holds_commands(path, data) or makes_resources(path, data)
        if commands:
            self._commanded_namespaces.update(namespaces_in_commands(data))
        speaks = commands and self._offer_texts(path, data)
        changes = (commands or b"#@overlay/" in data or b"k8s_json_patch" in data) and _may_change_rules(data)
        changes = changes or (b"gress/" in data and _POINTER.search(data) is not None)
        if changes:
            self.changing_texts.append((path, data))
        filters = commands and may_filter(data) and not is_passing(path, data)
        if filters:
            self.filtering_texts.append((path, data))
        plugins = b"discover" in data and b"generate" in data and (b"ConfigManagementPlugin" in data or b"cmp" in data)
        if plugins:
            self.plugin_texts.append((path, data))
        if pushes := b"push artifact" in data or b"oras push" in data:
            self.pushing_texts.append((path, data))
        return speaks or changes or filters or plugins or pushes or bool(found) or talos.holds(data)

    def _offer_texts(self, path: str, data: bytes) -> bool:
        speaks = any(word in data for word in (b"olic", b"netpol", b".connections.")) and not is_passing(path, data)
        if speaks:
            self.policy_texts.append((path, data))
        if labels := labels_namespaces(data) and not is_passing(path, data):
            self.labelling_texts.append((path, data))
        return speaks or labels

    def offer_packed(self, path: str, data: bytes) -> None:
        """Takes note of a packaged chart or a compressed manifest: it may hold facts, and none is read of it."""
        from rewriter.inventory.texts.packed import unpacked  # Few trees hold any.

        self._names.append(path)
        packed = unpacked(path, data)
        if packed is not None:
            text = None if packed.text is None else unescaped(packed.text)
            chart = path.endswith(".tgz")
            self.unread.append(UnreadFile(path, Source(path), text, packed.why, template=chart, applied=chart))

    def leave_out(
        self,
        path: str,
        data: bytes | None,
        why: str,
        *,
        excluded: bool = False,
        applied: bool = False,
        missing: bool = False,
        beside: bool = False,
    ) -> None:
        """Takes note of a file that is not to be read as facts: it may hold some all the same.

        `beside`: it holds no manifests itself. What programs make of an excluded file counts as of any other, and so
        does one that is `missing` on the disk.
        """
        applied = applied or excluded or missing
        if not beside:
            text = None if data is None else unescaped(data)
            if text is not None and b"kind" not in text and (locked := unreadable_as_text(text)):
                text = text.replace(b"\0", b"") if locked == NOT_TEXT else None
            unread = UnreadFile(path, Source(path), text, why, excluded=excluded, applied=applied, missing=missing)
            self.unread.append(unread)
        if not (excluded or missing) or data is None:
            return
        if path.endswith(TERRAFORM_SUFFIXES):
            self._offer_terraform(path, data, read=False)
        elif path.endswith(PACKED_SUFFIXES):
            self.offer_packed(path, data)
        else:
            self.offer_programs(path, data, beside=beside)

    @property
    def named_kinds(self) -> frozenset[str]:
        """The kinds that files name which may hold facts, at any depth."""
        return frozenset(kind.decode() for file in self.files for kind in file.kinds)

    @cached_property
    def charts(self) -> Sequence[str]:
        """The folders of Helm charts, by inner path; those that lie in another chart left out."""
        folders = sorted(
            name.rpartition("/")[0] or "."
            for name in self.names
            if name.endswith("Chart.yaml") and name.rpartition("/")[2] == "Chart.yaml"
        )
        packed = {f"{folder}/charts" for folder in folders}
        return [folder for folder in folders if packed.isdisjoint(folders_above(folder))]

    def templates_of(self, chart: str) -> Iterator[bytes]:
        """The texts of a chart's templates, those of the charts in it too."""
        start = 0 if chart == "." else len(chart) + 1
        for inner in names_below(self._sorted_names, chart):
            if "/templates/" in f"/{inner[start:]}":
                yield self.bytes_of(inner) or b""

    @cached_property
    def _sorted_names(self) -> Sequence[str]:
        return sorted(self.names)

    def is_in_chart(self, inner: str) -> bool:
        """Whether a file is a template, or anything else, of a chart."""
        return not self._chart_folders.isdisjoint(folders_above(inner))

    @cached_property
    def _chart_folders(self) -> frozenset[str]:
        return frozenset(self.charts)

    def inner(self, path: str) -> str:
        """A file's path from the root."""
        if not self._here and path[:1] not in _DOT_OR_SLASH:
            return path
        if path.startswith("/"):
            inside = path.startswith(self._root + "/") and "/." not in path
            return path[len(self._root) + 1 :] if inside else self._from_root(path)
        if path.startswith(".") or self._here.startswith("."):
            return self._from_root(path)
        return self._here + path

    def _from_root(self, path: str) -> str:
        """A path from the root, wherever it starts; that of each folder is worked out once."""
        folder, slash, name = path.rpartition("/")
        if not folder or name in ("", ".", ".."):
            return os.path.relpath(path, self._root)
        if folder not in self._known_folders:
            self._known_folders[folder] = os.path.relpath(folder, self._root)
        inner = self._known_folders[folder]
        return name if inner == "." else inner + slash + name

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
        for name in (*self.names, *self.linked_files):
            folder = name.rpartition("/")[0]
            while folder and folder not in found:
                found.add(folder)
                folder = folder.rpartition("/")[0]
        return frozenset(found)

    def linked_at(self, inner: str) -> tuple[str, ...]:
        """The other paths, as people know them, under which symlinks of the tree lead to a file."""
        if not self.links:
            return ()
        found = []
        for path, target in self.link_targets:
            if inner == target:
                found.append(path)
            elif inner.startswith(f"{target}/"):
                found.append(f"{path}{inner[len(target) :]}")
        return tuple(found)

    @cached_property
    def link_targets(self) -> list[tuple[str, str]]:
        """The symlinks of the tree, as people know them, each with the inner path of where it leads."""
        root = os.path.realpath(self._root)
        return [(path, os.path.relpath(target, root)) for path, target in self.links]

    @cached_property
    def linked_files(self) -> dict[str, str]:
        """The inner paths of symlinks to files, each with the inner path of its file."""
        return {self.inner(path): target for path, target in self.link_targets if target in self.names}

    def resolved(self, inner: str) -> str:
        """An inner path; that of the file or folder of the tree which a symlink on its way leads to."""
        if inner in self.names or inner in self.folders:
            return inner
        real = os.path.realpath(self.on_disk(inner))
        found = os.path.relpath(real, os.path.realpath(self._root))
        return found if found in self.names or found in self.folders else inner

    @cached_property
    def _kept(self) -> dict[str, OfferedFile]:
        return {file.path: file for file in self.files}

    def read_anew(self) -> Iterator[tuple[str, bytes | None]]:
        """The path of every offered file, and its bytes as they are now; None where they cannot be read."""
        return ((path, self._read(path)) for path in self._names)

    @cached_property
    def named_namespaces(self) -> frozenset[str]:
        """The namespaces that any file may speak of, policies apart. Reads every file."""
        texts = [data for _, data in self.read_anew() if data is not None]
        texts += [unread.text for unread in self.unread if unread.text is not None]
        return frozenset(self._commanded_namespaces).union(*map(namespaces_in_manifests, texts))

    def unread_settings(self) -> list[Source]:
        """What could not be read, or only once it is rendered, and names the ConfigMap of Cilium's settings."""
        found = (
            unread_file
            for unread_file in self.unread
            if unread_file.text is not None and _names_settings(unread_file.text)
        )
        return [unread_file.source for unread_file in found if not self.is_in_chart(self.inner(unread_file.path))]

    def bytes_of(self, inner: str) -> bytes | None:
        """The bytes of an offered file; None for one that was not offered or cannot be read."""
        path = self.names.get(inner)
        if path is None:
            return None
        kept = self._kept.get(path)
        return self._read(path) if kept is None else kept.data

    def bytes_beside(self, inner: str) -> bytes | None:
        """As `bytes_of`, also of a file of the tree that is not offered: it holds texts, and no manifests."""
        if inner in self.names or inner.startswith("../"):
            return self.bytes_of(inner)
        if inner not in self._beside:
            self._beside[inner] = self._read_beside(str(self.on_disk(inner)))
        return self._beside[inner]

    def bytes_now(self, inner: str) -> bytes | None:
        """As `bytes_of`, read anew: a run may have written the file since it was offered."""
        path = self.names.get(inner)
        return None if path is None else self._read(path)

    def of_kinds(self, kinds: frozenset[bytes]) -> Sequence[OfferedFile]:
        """The kept files that name one of the kinds, in the order of the offer."""
        return self.files.where(lambda file: not file.kinds.isdisjoint(kinds))

    def manifests(self, file: OfferedFile) -> list[Manifest]:
        """The manifests of a file; none, and a note of it, where it cannot be read."""
        path = file.path
        if path not in self.parsed:
            kept = None if file.number is None else self.kept_manifests(path, file.number)
            self.parsed[path] = self._read_manifests(path, file.data) if kept is None else kept
        return self.parsed[path]

    def _read_manifests(self, path: str, data: bytes) -> list[Manifest]:
        try:
            found, templates = read_manifests(path, data)
            found += talos.inline_manifests(path, data) if talos.holds(data) else ()
        except yamltext.YamlTextError as error:
            self.unreadable.append(Source(path, error.line))
            template = error.message == "is a template"
            why = error.message if template else f"cannot be read: {error.message}"
            self.unread.append(UnreadFile(path, Source(path, error.line), unescaped(data), why, template))
            return []
        for unread in templates:
            self.unreadable.append(unread.source)
            text = unescaped(unread.text.encode("utf-8", "replace"))
            self.unread.append(UnreadFile(path, unread.source, text, "is a template", template=True))
        return found


def _names_settings(text: bytes) -> bool:
    return b"ConfigMap" in text and re.search(rb"\bname:\s*[\"']?cilium-config\b", text) is not None


def _may_change_rules(data: bytes) -> bool:
    words = (b"gress", b"patch", b"post-renderer", b"replace(", b"kpt ", b"edit add", b"argocd", b"flux")
    return any(word in data for word in words)
