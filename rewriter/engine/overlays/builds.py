"""What kubectl builds of the kustomizations that apply a policy, with the texts of the tree or with changed ones."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rewriter import yamltext
from rewriter.discovery import read_bounded
from rewriter.engine.overlays.outside import read_outside
from rewriter.engine.overlays.texts import Texts
from rewriter.inventory.kustomize_walk import reach
from rewriter.inventory.manifests import mapping
from rewriter.inventory.patched_policies import PatchedPolicies, PatchedPolicy
from rewriter.inventory.render.kept import MOST_BYTES, MOST_FILES
from rewriter.inventory.render.kubectl import BuildError, Kubectl

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


class Builder:
    """Builds the kustomizations of a tree in the folder `top`. `kubectl` is None where it is not there."""

    def __init__(self, patched: PatchedPolicies, kubectl: Kubectl | None, top: Path) -> None:
        self._top = top
        self._patched = patched
        self._kubectl = kubectl
        self._kept: dict[str, Built] = {}
        self._memo: dict[str, frozenset[str]] = {}

    def roots_of(self, policies: Sequence[PatchedPolicy]) -> list[str]:
        """The outermost kustomizations that apply policies, each once. Raises BuildError."""
        roots: dict[str, None] = {}
        for each in policies:
            root = each.placement.root
            if root is None or root not in self._patched.kustomizations:
                raise BuildError("no kustomization of the tree lists the policy")
            roots[root] = None
        return list(roots)

    def build(self, root: str, texts: Texts) -> Built:
        """What a folder's kustomization builds with these texts. Raises BuildError."""
        if self._kubectl is None:
            raise BuildError("kubectl is not on PATH, or --render never keeps it from running")
        if not texts.changed and root in self._kept:
            return self._kept[root]
        with tempfile.TemporaryDirectory(prefix="cnpfix-build-") as folder:
            top = Path(folder) / "tree"
            self._copy(root, texts, top)
            printed = self._kubectl.build(top / root)
        try:
            parsed = yamltext.parse(printed)
        except yamltext.YamlTextError as error:
            raise BuildError(f"what it builds cannot be read: {error.message}") from None
        built = Built(tuple((each.text[each.span.start : each.span.end], each.value) for each in parsed))
        if not texts.changed:
            self._kept[root] = built
        return built

    def _copy(self, root: str, texts: Texts, copy: Path) -> None:
        """Copies all that a kustomization may read into a folder. Raises BuildError for what is not in the tree."""
        changed = {inner: texts.changed[path] for inner, path in self._patched.names.items() if path in texts.changed}
        size = count = 0
        for inner in sorted(self._files_of(root)):
            data = changed[inner].encode("utf-8") if inner in changed else self._read(inner)
            size, count = size + len(data), count + 1
            if size > MOST_BYTES or count > MOST_FILES:
                raise BuildError(f"it reads more than {MOST_BYTES >> 20} MB or {MOST_FILES} files")
            target = copy / inner
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)

    def _read(self, inner: str) -> bytes:
        """A file of the tree. Raises BuildError for what is none, or leads out of it: a repository names any path."""
        try:
            real = (self._top / inner).resolve(strict=True)
            if not real.is_relative_to(self._top.resolve()):
                raise BuildError(f"{inner} leads out of the repository")
            if not real.is_file():
                raise BuildError(f"{inner} is not a file")
            return read_bounded(real, MOST_BYTES)
        except (OSError, RuntimeError) as error:
            raise BuildError(f"{inner} cannot be read: {getattr(error, 'strerror', None) or error}") from None

    def _files_of(self, root: str) -> set[str]:
        """The inner paths of what a kustomization lists, and of all that stands beside it. Raises BuildError."""
        found: set[str] = set()
        for entry in {root, *reach(root, self._patched.kustomizations, self._memo)}:
            each = self._patched.kustomizations.get(entry)
            if each is None:
                found.add(entry)
                continue
            if each.remote:
                raise BuildError(f"{each.source} lists {each.remote[0]}, which is not in the tree")
            if outside := read_outside(each.value, entry):
                raise BuildError(f"{each.source} reads {outside}, which is outside of the tree")
            if any(each.value.get(name) for name in _CHARTS):
                raise BuildError(f"{each.source} renders Helm charts")
            found.update(each.patch_files)
            found.update(self._below(entry))
        if any(each.startswith("../") for each in found):
            raise BuildError("it lists files outside of the tree")
        return found

    def _below(self, folder: str) -> Iterator[str]:
        for at, folders, files in os.walk(self._top / folder):
            folders[:] = [each for each in folders if each != ".git"]
            for name in files:
                yield os.path.normpath(os.path.relpath(os.path.join(at, name), self._top))  # noqa: PTH118


def named(manifest: Any) -> Name:
    """Kind, namespace and name of a manifest."""
    metadata: Mapping[str, Any] = mapping(mapping(manifest).get("metadata"))
    return str(mapping(manifest).get("kind")), str(metadata.get("namespace") or ""), str(metadata.get("name"))
