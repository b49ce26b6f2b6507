"""What kubectl builds of the kustomizations that apply a policy, with the texts of the tree or with changed ones."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rewriter import yamltext
from rewriter.discovery import read_bounded
from rewriter.engine.overlays.outside import read_outside
from rewriter.engine.overlays.target import TOP, TREE, Target
from rewriter.engine.overlays.texts import TextError, Texts
from rewriter.inventory.delivery.kustomize_walk import reach
from rewriter.inventory.delivery.patched_policies import PatchedPolicies, PatchedPolicy
from rewriter.inventory.files.tree_files import KUSTOMIZATION_NAMES
from rewriter.inventory.render.kept import MOST_BYTES, MOST_FILES, digest_of
from rewriter.inventory.render.kubectl import BuildError, Kubectl
from rewriter.inventory.texts.manifests import mapping
from rewriter.records import dataclass

_CHARTS = ("helmCharts", "helmChartInflationGenerator")

Name = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Built:
    """What a kustomization builds: each document's text with its value."""

    documents: tuple[tuple[str, Any], ...]

    def of(self, name: Name) -> int | None:
        """The position of the one manifest of a kind, namespace and name; None where there is none, or several."""
        found = [index for index, (_, value) in enumerate(self.documents) if named(value) == name]
        return found[0] if len(found) == 1 else None

    def of_policy(self, policy: PatchedPolicy) -> int | None:
        """The position of a policy as it is applied; Argo CD puts a missing namespace in only after the build."""
        kind, _, name = named(policy.applied)
        bare = named(policy.manifest)[1] == "" and policy.placement.chain[-1].default_namespace is not None
        found = self.of(named(policy.applied))
        return self.of((kind, "", name)) if found is None and bare else found


class Builder:
    """Builds the kustomizations of a tree in the folder `top`. `kubectl` is None where it is not there."""

    def __init__(self, patched: PatchedPolicies, kubectl: Kubectl | None, top: Path) -> None:
        self._top = top
        self._patched = patched
        self._kubectl = kubectl
        #: By what was built: the target, and what its files hold.
        self._kept: dict[tuple[str, str], Built] = {}
        #: The same, or why it is not built, by what the file system says of the files: nothing is copied to know it.
        self._seen: dict[tuple[str, str], Built | str] = {}
        #: Where the folders of the tree really are.
        self._folders: dict[str, Path] = {}
        self._memo: dict[str, frozenset[str]] = {}

    def build(self, target: Target, texts: Texts) -> Built:
        """What a target builds with these texts. Raises BuildError."""
        if self._kubectl is None:
            raise BuildError("kubectl is not on PATH, or --render never forbids it")
        files = sorted(self._files_of(target))
        seen = target.name, self._signature(files, texts)
        if seen not in self._seen:
            try:
                self._seen[seen] = self._built(target, texts, files, self._kubectl)
            except BuildError as error:  # It may have taken long, and fails for the next policy too.
                self._seen[seen] = str(error)
        found = self._seen[seen]
        if isinstance(found, str):
            raise BuildError(found)
        return found

    def _built(self, target: Target, texts: Texts, files: Sequence[str], kubectl: Kubectl) -> Built:
        import tempfile  # Not where nothing is made.

        with tempfile.TemporaryDirectory(prefix="cnpfix-build-") as folder:
            top = Path(folder) / TREE
            parts = [*self._link(files, top), *self._copy(files, texts, top)]
            made = [*self._inserted(target, texts, top)]
            below, on_top = self._on_top(target, texts, top)
            key = target.name, digest_of(*parts, *made, *on_top)
            if key in self._kept:
                return self._kept[key]
            printed = kubectl.build(below)
        try:
            parsed = yamltext.parse(printed)
        except yamltext.YamlTextError as error:
            raise BuildError(f"what it builds cannot be read: {error.message}") from None
        fill = target.filled_in
        built = Built(
            tuple((document.text[document.span.start : document.span.end], fill(document.value)) for document in parsed)
        )
        self._kept[key] = built
        return built

    def _on_top(self, target: Target, texts: Texts, copy: Path) -> tuple[Path, list[bytes]]:
        """The folder to build, and what was written into it: that of the kustomization, or of one around it."""
        try:
            made = target.top(texts)
        except TextError as error:
            raise BuildError(str(error)) from None
        if made is None:
            return copy / (target.root or "."), []
        folder = copy.parent / TOP
        folder.mkdir()
        text = json.dumps(made)
        (folder / "kustomization.yaml").write_text(text, "utf-8")
        return folder, [text.encode()]

    def _inserted(self, target: Target, texts: Texts, copy: Path) -> Iterator[bytes]:
        """Writes what an applier puts there into the kustomization that it applies; yields what that is then."""
        if not target.inserts:
            return
        folder = copy / (target.root or ".")
        file = next(folder / name for name in KUSTOMIZATION_NAMES if (folder / name).is_file())
        try:
            documents = [document.value for document in yamltext.parse(file.read_text("utf-8"))]
        except yamltext.YamlTextError as error:
            raise BuildError(f"{target.root}/{file.name} cannot be read: {error.message}") from None
        if len(documents) != 1 or not isinstance(documents[0], dict):
            raise BuildError(f"{target.root}/{file.name} is not one kustomization")
        try:
            text = json.dumps(target.with_inserted(documents[0], texts))
        except TextError as error:
            raise BuildError(str(error)) from None
        file.write_text(text, "utf-8")
        yield text.encode()

    def _signature(self, files: Iterable[str], texts: Texts) -> str:
        """Of each file what changes where it is written anew: its place, its time, its size; and the changed texts."""
        parts = [part for path in sorted(texts.changed) for part in (path, texts.changed[path])]
        for inner in files:
            try:
                found = os.stat(self._top / inner)  # noqa: PTH116 - of thousands of files.
                parts.append(f"{inner} {found.st_dev} {found.st_ino} {found.st_mtime_ns} {found.st_size}")
            except OSError:
                parts.append(inner)
        return digest_of(*(part.encode("utf-8", "surrogatepass") for part in parts))

    def _link(self, files: Iterable[str], copy: Path) -> Iterator[bytes]:
        """Makes the symlinks of the tree to folders with such files anew, to the copies of these; yields them.

        Nothing is read through one: a link that leads out of the tree is none of them.
        """
        folders = {parent for inner in files for parent in _above(inner)} if self._patched.linked_folders else ()
        for link, target in sorted(self._patched.linked_folders.items()):
            if target in folders and not link.startswith(f"{target}/"):
                (copy / target).mkdir(parents=True, exist_ok=True)
                (copy / link).parent.mkdir(parents=True, exist_ok=True)
                (copy / link).symlink_to(copy / target)
                yield f"{link} -> {target}".encode()

    def _copy(self, files: Iterable[str], texts: Texts, copy: Path) -> Iterator[bytes]:
        """Copies all that a build may read into a folder; yields it. Raises BuildError for what is not in the tree."""
        changed = {inner: texts.changed[path] for inner, path in self._patched.names.items() if path in texts.changed}
        size = count = 0
        folders: set[str] = set()
        for inner in files:
            data = changed[inner].encode("utf-8") if inner in changed else self._read(inner)
            size, count = size + len(data), count + 1
            if size > MOST_BYTES or count > MOST_FILES:
                raise BuildError(f"it reads more than {MOST_BYTES >> 20} MB or {MOST_FILES} files")
            folder, name = os.path.split(inner)
            if folder not in folders:
                folders.add(folder)
                (copy / folder).mkdir(parents=True, exist_ok=True)
            with open(f"{copy}/{folder}/{name}", "wb") as target:  # noqa: PTH123 - of thousands of files.
                target.write(data)
            yield inner.encode()
            yield data

    def _read(self, inner: str) -> bytes:
        """A file of the tree. Raises BuildError for what is none, or leads out of it: a repository names any path."""
        try:
            real = self._real(inner)
            if not real.is_file():
                raise BuildError(f"{inner} is not a file")
            return read_bounded(real, MOST_BYTES)
        except (OSError, RuntimeError) as error:
            raise BuildError(f"{inner} cannot be read: {getattr(error, 'strerror', None) or error}") from None

    def _real(self, inner: str) -> Path:
        """Where a file really is; each folder is resolved once. Raises BuildError and what `Path.resolve` does."""
        folder, name = os.path.split(inner)
        if folder not in self._folders:
            self._folders[folder] = (self._top / folder).resolve(strict=True)
        real = self._folders[folder] / name
        if real.is_symlink() or name in ("", ".", ".."):
            real = real.resolve(strict=True)
        if not real.is_relative_to(self._folders.setdefault("", self._top.resolve())):
            raise BuildError(f"{inner} leads out of the repository")
        return real

    def _files_of(self, target: Target) -> set[str]:
        """The inner paths of what a kustomization lists, and of all that stands beside it. Raises BuildError."""
        found: set[str] = set(target.files)
        root = target.root
        tops = [*([] if root is None else [root]), *target.components]
        below = (reach(top, self._patched.kustomizations, self._memo) for top in tops)
        for entry in set(tops).union(*below):
            kustomization = self._patched.kustomizations.get(entry)
            if kustomization is None:
                found.add(entry)
                continue
            if kustomization.remote:
                raise BuildError(f"{kustomization.source} lists {kustomization.remote[0]}, which is not in the tree")
            if outside := read_outside(kustomization.value, entry):
                raise BuildError(f"{kustomization.source} reads {outside}, which is outside of the tree")
            if any(kustomization.value.get(name) for name in _CHARTS):
                raise BuildError(f"{kustomization.source} renders Helm charts")
            found.update(kustomization.patch_files)
            found.update(self._below(entry))
        if any(path.startswith("../") for path in found):
            raise BuildError("it lists files outside of the tree")
        return found

    def _below(self, folder: str) -> Iterator[str]:
        for at, folders, files in os.walk(self._top / folder):
            folders[:] = [folder for folder in folders if folder != ".git"]
            for name in files:
                yield os.path.normpath(os.path.relpath(os.path.join(at, name), self._top))  # noqa: PTH118


def _above(inner: str) -> Iterator[str]:
    """The folders around a file."""
    yield from (inner[:at] for at, letter in enumerate(inner) if letter == "/")


def named(manifest: Any) -> Name:
    """Kind, namespace and name of a manifest."""
    metadata: Mapping[str, Any] = mapping(mapping(manifest).get("metadata"))
    return str(mapping(manifest).get("kind")), str(metadata.get("namespace") or ""), str(metadata.get("name"))
