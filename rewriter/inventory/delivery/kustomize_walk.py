"""From a folder that is applied to the files that it stands for, each with the steps on its way."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import field, replace
from typing import Any

from rewriter.inventory.delivery.appliers import joined
from rewriter.inventory.delivery.kustomize import Kustomization
from rewriter.inventory.delivery.patches import Patch
from rewriter.inventory.delivery.transform import Transform, transformed
from rewriter.inventory.delivery.unfollowed import Unfollowed
from rewriter.inventory.facts.model import Source
from rewriter.inventory.files.tree_files import TreeFiles
from rewriter.records import dataclass

#: More ways from roots to files than any real repository has; beyond it the rest is reported as not followed.
MAX_PLACEMENTS = 300_000
MAX_PER_FILE = 64

#: What the target of a kustomization begins with that nothing in the tree applies.
BARE = "kustomization "

#: What an operation of a patch writes that changes the namespace of a manifest.
_NAMESPACES = ("", "/metadata", "/metadata/namespace")

Chain = tuple[Transform, ...]


@dataclass(frozen=True, slots=True)
class Placement:
    """One way of a file's manifests to a cluster: the steps, innermost first, and the target.

    `target` names where they go: the file of the outermost applier, an Argo CD destination, or the folder of a
    kustomization that nothing in the tree applies. Equal targets are the same cluster. `root` is the folder of the
    outermost kustomization that lists the file, None where none does.
    """

    chain: Chain
    target: str
    root: str | None = field(default=None, compare=False)

    def apply(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        """A manifest as this placement applies it."""
        return transformed(value, self.chain)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about the delivery that is not known: a cycle, a missing path, a remote base."""

    source: Source
    text: str

    def __str__(self) -> str:
        return f"{self.source}: {self.text}"


class Walk:
    """Follows folders and keeps what it reaches: `found` are placements by inner path, `built` targets by folder.

    `made` are the ways to clusters of what a folder's kustomization generates itself.
    `namespaces` are, for each folder with a kustomization, those that all its objects are put into (None among them:
    they stay where their manifests say).
    """

    def __init__(self, files: TreeFiles, kustomizations: Mapping[str, Kustomization]) -> None:
        self._files = files
        self._kustomizations = kustomizations
        self.found: dict[str, list[Placement]] = {}
        self.built: dict[str, dict[str, None]] = {}
        self.made: dict[str, list[Placement]] = {}
        self.namespaces: dict[str, set[str | None]] = {}
        self.problems: dict[Problem, None] = {}
        self._count = 0
        self._target = ""
        self._root: str | None = None
        self._fresh: list[tuple[str, Placement]] = []
        self._names = sorted(name for name in (*files.names, *files.linked_files) if not name.startswith("../"))

    def folder(
        self, folder: str, chain: Chain, target: str, *, recurse: bool, components: tuple[str, ...] = ()
    ) -> list[tuple[str, Placement]]:
        """Places the files of a folder: those of its kustomization, else the manifests in it (and below).

        `components` become components of that kustomization, behind its own (fluxcd/pkg/kustomize, generator; Argo CD
        does the same). Returns the placements that are new, with their files.
        """
        self._target = target
        self._fresh = []
        there: list[str] = []
        for component in components:
            inside = joined(folder, component)
            if inside in self._kustomizations:
                there.append(inside)
            else:
                source = chain[-1].source if chain else Source(folder)
                missing = Unfollowed(f"component {component} of {source}, which is not there,")
                chain = (Transform(source, unfollowed=(missing,)), *chain)
        self._root = folder if folder in self._kustomizations else None
        inserted = chain[-1].inserted if chain else None
        if self._root is not None:
            self._build(folder, chain, (), tuple(there), inserted)
        else:
            if inserted is not None:  # The applier makes a kustomization of the folder.
                chain = (*chain[:-1], replace(inserted, applies=True), replace(chain[-1], inserted=None))
            for component in reversed(there):
                chain = self._build(component, chain, ())
            self._plain(folder, chain, recurse)
        return self._fresh

    def _plain(self, folder: str, chain: Chain, recurse: bool) -> None:
        """A folder without a kustomization: its manifests, and with `recurse` what is below.

        Folders below that have a kustomization are taken as a whole (fluxcd/pkg/kustomize, generator).
        """
        prefix = "" if folder == "." else folder + "/"
        own: dict[str, str | None] = {}
        for inner in self._names[bisect_left(self._names, prefix) :]:
            if not inner.startswith(prefix):
                break
            above = inner.rpartition("/")[0]
            if "/" in inner[len(prefix) :] and (not recurse or self._kustomized(above, folder, own) is not None):
                continue
            self._root = None
            self._emit(self._files.linked_files.get(inner, inner), chain)
        for inside in sorted({kustomized for kustomized in own.values() if kustomized is not None}):
            self._root = inside
            self._build(inside, chain, ())

    def _kustomized(self, folder: str, top: str, own: dict[str, str | None]) -> str | None:
        """The outermost folder with a kustomization from below `top` down to a folder: Flux takes it as a whole."""
        if folder in (top, ""):
            return None
        if folder not in own:
            above = self._kustomized(folder.rpartition("/")[0], top, own)
            own[folder] = above or (folder if folder in self._kustomizations else None)
        return own[folder]

    def _build(
        self,
        folder: str,
        chain: Chain,
        within: tuple[str, ...],
        more: tuple[str, ...] = (),
        inserted: Transform | None = None,
        own: Transform | None = None,
    ) -> Chain:
        """Places what a kustomization lists; returns its chain with its components' steps, for its siblings.

        `more` are components that its applier puts into it, `inserted` is what else its applier writes there. `own` is
        what a component does in the kustomization that has it.
        """
        kustomization = self._kustomizations[folder]
        if folder in within:
            self._tell(kustomization.source, f"the kustomization lists itself, by way of {' and '.join(within[-2:])}")
            return chain
        if len(within) > 50:
            self._tell(kustomization.source, "kustomizations are nested more than 50 deep; the rest is not followed")
            return chain
        within = (*within, folder)
        self.built.setdefault(folder, {})[self._target] = None
        transform = own or kustomization.with_inserted(inserted)
        if not transform.changes_nothing:
            chain = (transform, *chain)
        self.namespaces.setdefault(folder, set()).add(_namespace_at_the_end(chain))
        for component in reversed((*kustomization.components, *more)):
            if component in self._kustomizations:
                chain = self._build(component, chain, within, own=kustomization.of_components.get(component))
            else:
                self._missing(kustomization, component)
        if kustomization.value.get("configMapGenerator"):
            self.made.setdefault(folder, []).append(Placement(chain, self._target, self._root))
        for entry in kustomization.resources:
            if entry in self._kustomizations:
                self._build(entry, chain, within)
            elif entry in self._files.names:
                self._emit(entry, chain)
            else:
                self._missing(kustomization, entry)
        for url in kustomization.remote:
            self._tell(kustomization.source, f"{url} is remote and not read")
        for name in kustomization.unread:
            self._tell(kustomization.source, f"what `{name}` changes is not read")
        return chain

    def _emit(self, inner: str, chain: Chain) -> None:
        self._count += 1
        if self._count > MAX_PLACEMENTS:
            self._tell(Source(inner), f"more than {MAX_PLACEMENTS:,} placements; the rest is not followed")
            return
        placement = Placement(chain, self._target, self._root)
        placements = self.found.setdefault(inner, [])
        if len(placements) >= MAX_PER_FILE:
            self._tell(Source(inner), f"is applied in more than {MAX_PER_FILE} ways; the rest is not followed")
        elif placement not in placements:
            placements.append(placement)
            self._fresh.append((inner, placement))

    def _missing(self, kustomization: Kustomization, entry: str) -> None:
        self._tell(kustomization.source, f"lists {entry}, which is not there")

    def _tell(self, source: Source, text: str) -> None:
        self.problems[Problem(source, text)] = None


def _namespace_at_the_end(chain: Chain) -> str | None:
    """The namespace that a chain puts everything into, whatever it is; None where something may go elsewhere."""
    for step in reversed(chain):
        later = step.late_patches if step.namespace else (*step.patches, *step.late_patches)
        if any(map(_may_move, later)) or any(map(_may_move_anything, step.unfollowed)):
            return None
        if step.namespace:
            return step.namespace
    return None


def _may_move(patch: Patch) -> bool:
    """Whether a patch may write a namespace. A strategic merge leaves it alone (kustomize, Resource.ApplySmPatch)."""
    return patch.unread or any(
        str(operation.get(name)) in _NAMESPACES
        for operation in patch.operations
        for name in (("path", "from") if operation.get("op") == "move" else ("path",))
    )


def _may_move_anything(unfollowed: Unfollowed) -> bool:
    """Whether something that is not followed may write the namespace of a manifest that it does not know."""
    if unfollowed.fields is None:
        return not unfollowed.marker
    return any(path in ("", "*", "metadata") or path.startswith("metadata.namespace") for path in unfollowed.fields)


def reach(folder: str, kustomizations: Mapping[str, Kustomization], memo: dict[str, frozenset[str]]) -> frozenset[str]:
    """Every file and folder that a kustomization lists, by whatever way."""
    if folder in memo:
        return memo[folder]
    memo[folder] = frozenset()  # A cycle ends here.
    kustomization = kustomizations.get(folder)
    if kustomization is None:
        return memo[folder]
    found = {folder}
    for entry in (*kustomization.resources, *kustomization.components):
        found.add(entry)
        found |= reach(entry, kustomizations, memo)
    memo[folder] = frozenset(found)
    return memo[folder]
