"""How each file's manifests reach which cluster: kustomizations, Flux and Argo CD followed from their roots."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

from rewriter.inventory.delivery import argo, flux
from rewriter.inventory.delivery.appliers import Applier, Key, Read, Unit, api_group, folder_of, joined, text_at
from rewriter.inventory.delivery.brought import LocatedApplication, Unread
from rewriter.inventory.delivery.changed_appliers import Movers, Way, unknown_folders, way_of
from rewriter.inventory.delivery.component_replacements import with_components
from rewriter.inventory.delivery.folder_changes import FolderChange, folder_changes
from rewriter.inventory.delivery.gained import added, given_namespaces
from rewriter.inventory.delivery.git_sources import GitSources
from rewriter.inventory.delivery.kustomize import Kustomization, read_kustomizations
from rewriter.inventory.delivery.kustomize_walk import BARE, Placement, Problem, Walk, reach
from rewriter.inventory.delivery.own_repository import UNKNOWN_FOLDER, OwnRepository
from rewriter.inventory.delivery.pushed_artifacts import PushedArtifacts
from rewriter.inventory.delivery.schemas import under_schemas
from rewriter.inventory.delivery.transform import Added, Transform
from rewriter.inventory.delivery.variables import VariableSources
from rewriter.inventory.files.inner_paths import names_below
from rewriter.inventory.files.tree_files import KUSTOMIZATION_NAMES, TreeFiles
from rewriter.inventory.texts.manifests import Manifest, mapping
from rewriter.inventory.texts.remote_manifests import defines_kinds

APPLIER_KINDS = frozenset({b"Kustomization", b"FluxInstance", b"Application", b"ApplicationSet"})
Appliers = Callable[[], Sequence[Applier]]
"""The appliers that charts make."""
_ROUNDS = 4
_MOST_APPLIERS = 20_000


class Placements:
    """Every file's placements. Made in one go when first asked; every file must have been offered by then.

    `asked` are the files and folders that people ask about, relative to the root.
    """

    def __init__(
        self,
        files: TreeFiles,
        remotes: Callable[[], Sequence[str]] = tuple,
        rendered: Appliers = tuple,
        asked: Sequence[str] = (),
    ) -> None:
        self.asked = tuple(asked)
        self._files = files
        self._rendered = rendered
        self._remotes = remotes
        self._git = GitSources(files)
        self._sources = VariableSources(files, lambda: self.patch_files, lambda: self.kustomizations)
        self._artifacts = PushedArtifacts(files)
        self._unknown: dict[Problem, None] = {}
        self._unread: dict[Unread, None] = {}
        self._applications: list[LocatedApplication] = []
        self._unfilled: list[tuple[Mapping[str, Any], Transform]] = []

    def of(self, inner: str) -> Sequence[Placement]:
        """The placements of a file; none where nothing in the tree applies it."""
        return self._walk.found.get(inner, ())

    @cached_property
    def added(self) -> Mapping[str, Added]:
        """What files, as people know them, gain on their way beside a namespace; those that gain nothing left out."""
        return added(self._walk.found, self._files.names)

    @cached_property
    def given_namespaces(self) -> Mapping[str, frozenset[str]]:
        """The namespaces, as written, that files, as people know them, get on their way; where they get any."""
        return given_namespaces(self._walk.found, self._files.names)

    @cached_property
    def managed(self) -> bool:
        """Whether Flux or Argo CD applies anything of this repository."""
        return any(self._own.holds(unit.repository) for read in self._written.values() for unit in read.units)

    @cached_property
    def roots(self) -> frozenset[str]:
        """The files of Flux's and Argo CD's objects that none of them reaches: people apply those."""
        reached = frozenset().union(*self._reached.values()) | self._walk.found.keys()
        return frozenset(applier.inner for applier in self._appliers) - reached

    def of_itself(self, inner: str) -> Sequence[str]:
        """The targets of a kustomization, by its file; none for other files."""
        folder, _, name = inner.rpartition("/")
        return self.targets_of(folder or ".") if name in KUSTOMIZATION_NAMES else ()

    def ways_of(self, folder: str) -> Sequence[Placement]:
        """The ways to clusters of what the kustomization of a folder generates itself."""
        return self._walk.made.get(folder, ())

    def knows(self, manifest: Manifest) -> bool:
        """Whether an applier that a chart makes is followed, or stands in a file of its name."""
        return any((a.manifest.kind, a.manifest.name) == (manifest.kind, manifest.name) for a in self._appliers)

    def is_own(self, url: Any) -> bool:
        """Whether a URL that only gives values names this repository."""
        return isinstance(url, str) and self._own.is_named(url)

    @property
    def applications(self) -> Sequence[LocatedApplication]:
        """Every Application, those that ApplicationSets make too."""
        self.of("")
        return self._applications

    def maybe_of(self, inner: str) -> Iterator[Transform]:
        """What Applications that are not known in full, which may apply a file, would do to its manifests."""
        self.of("")
        for source, step in self._unfilled:
            folders = [folder for folder in self.kustomizations if argo.may_apply(source, folder)]
            if argo.may_apply(source, inner) or any(
                inner in reach(folder, self.kustomizations, {}) for folder in folders
            ):
                yield step

    @property
    def unread(self) -> Sequence[Unread]:
        """What appliers bring from other repositories and folders that are not there, or make in ways not followed."""
        self.of("")
        return tuple(self._unread)

    def targets_of(self, folder: str) -> Sequence[str]:
        """The targets that a kustomization is built for."""
        return tuple(self._walk.built.get(folder, ()))

    def namespaces_of(self, folder: str) -> frozenset[str] | None:
        """The namespaces that a kustomization and what applies it put all its objects into; None where not all are."""
        found = self._walk.namespaces.get(folder, {None})
        names = frozenset(name for name in found if name is not None and "$" not in name and "{{" not in name)
        return names if len(names) == len(found) else None

    @property
    def problems(self) -> list[Problem]:
        """What could not be followed: cycles, missing paths, remote bases, generators, foreign repositories."""
        return [*self._walk.problems, *self._unknown]

    @cached_property
    def kustomizations(self) -> dict[str, Kustomization]:
        return with_components(self._files, under_schemas(self._files, read_kustomizations(self._files)))

    @cached_property
    def folder_changes(self) -> tuple[FolderChange, ...]:
        """What may change the manifests of folders in ways that cannot be followed."""
        # Reading the kustomizations finds those that are broken.
        return tuple(folder_changes(self._files, self.kustomizations))

    @cached_property
    def patch_files(self) -> frozenset[str]:
        """Files that hold patches and no manifests of their own."""
        return frozenset(inner for kustomization in self.kustomizations.values() for inner in kustomization.patch_files)

    @cached_property
    def _appliers(self) -> list[Applier]:
        found = []
        for file in self._files.of_kinds(APPLIER_KINDS):
            inner = self._files.inner(file.path)
            if posixpath.basename(inner) in KUSTOMIZATION_NAMES or inner in self.patch_files:
                continue
            for manifest in self._files.manifests(file):
                if is_applier(manifest.value):
                    found.append(Applier(inner, manifest))
        return [*found, *self._rendered()]

    @cached_property
    def _written(self) -> dict[Key, Read]:
        """What each applier says as written, before anything patches or substitutes it."""
        return {applier.key: self._read(applier.manifest.value, applier, applier.inner) for applier in self._appliers}

    @cached_property
    def _own(self) -> OwnRepository:
        steps = [kustomization.transform for kustomization in self.kustomizations.values()]
        steps += [unit.transform for read in self._written.values() for unit in read.units]
        steps += [step.inserted for step in steps if step.inserted is not None]
        units: list[Unit] = []
        movers = Movers(steps)
        for applier in self._appliers:
            moved = movers.may_move(applier.manifest.value)
            # What another folder is written over says nothing about the repository.
            written = self._written[applier.key].units
            units += [replace(unit, folder=UNKNOWN_FOLDER) for unit in written] if moved else written
        return OwnRepository(self._files.folders, units, self._remotes)

    @cached_property
    def _walk(self) -> Walk:
        walk, patched = self._walked({})
        return self._walked(patched)[0] if patched else walk

    def _walked(self, by_hand: Mapping[Key, Sequence[Way]]) -> tuple[Walk, dict[Key, list[Way]]]:
        """A walk; also the appliers that kustomizations applied by hand bring and change, each way of theirs.

        In rounds, because a root can turn out to be applied by another, once paths are substituted. What they are
        substituted with can be in a ConfigMap, which is known once it is placed. `by_hand` are such appliers.
        """
        applied = self._covered
        left = _ROUNDS
        while True:
            self._applications = []
            self._unfilled = []
            self._unknown.clear()
            self._unread.clear()
            walk, children = self._followed(applied, by_hand)
            learned = self._sources.settle(walk.found, walk.made)
            left -= 1
            if not left or (children <= applied and not learned):
                break
            applied = applied | children
        by_people: dict[Key, list[Way]] = {}
        for folder in self._bare_roots(walk):
            brought = walk.folder(folder, (), f"{BARE}{folder}", recurse=False)
            ways: dict[str, list[Placement]] = {}
            for inner, placement in brought:
                ways.setdefault(inner, []).append(placement)
            for applier in self._appliers:
                found = by_people.setdefault(applier.key, [])
                for placement in ways.get(applier.inner, ()):
                    way = way_of(applier.manifest.value, placement.chain)
                    found += [way] if way not in found else []
        specs = {applier.key: applier.manifest.value.get("spec") for applier in self._appliers}
        return walk, {
            key: found
            for key, found in by_people.items()
            if any(way.changes or way.value.get("spec") != specs[key] for way in found)
        }

    def _followed(self, applied: frozenset[Key], by_hand: Mapping[Key, Sequence[Way]]) -> tuple[Walk, frozenset[Key]]:
        """One walk from the roots; also the appliers that others turned out to apply. `applied` are no roots."""
        walk = Walk(self._files, self.kustomizations)
        by_file: dict[str, list[Applier]] = {}
        for applier in self._appliers:
            by_file.setdefault(applier.inner, []).append(applier)
        done: set[tuple[Key, str, int, str]] = set()
        started: set[Key] = set()
        children: set[Key] = set()
        roots = [applier for applier in self._appliers if applier.key not in applied]
        cycles = sorted(self._appliers, key=lambda unit: unit.key not in self._covers_itself)
        for root in (*roots, *cycles):
            ways = by_hand.get(root.key, (Way(root.manifest.value),))
            queue = [] if root.key in started else [(root, way, root.inner, number) for number, way in enumerate(ways)]
            while queue and len(done) < _MOST_APPLIERS:
                applier, way, target, number = queue.pop(0)
                one = (applier.key, target, number, repr((way.value.get("spec"), way.changes)))
                if one in done:
                    continue
                done.add(one)
                started.add(applier.key)
                for inner, placement in self._apply(walk, applier, way, target):
                    for other in by_file.get(inner, ()):
                        if other.key != applier.key:
                            children.add(other.key)
                            queue.append(
                                (other, way_of(other.manifest.value, placement.chain), placement.target, number)
                            )
        return walk, frozenset(children)

    def _apply(self, walk: Walk, applier: Applier, way: Way, target: str) -> list[tuple[str, Placement]]:
        """Places what an applier applies; returns what is new."""
        value = way.value
        read = self._read(value, applier, target)
        for application in read.applications:
            where = argo.destination_of(application) or target
            changed = next((change.words for change in way.changes), "")
            self._applications.append(LocatedApplication(application, applier.manifest.source, where, changed))
        fresh: list[tuple[str, Placement]] = []
        for application in read.unfilled:
            steps = argo.steps_of(application, applier.manifest.source)
            patched = argo.template_patch(value, applier.manifest.source)
            self._unfilled += [(other, replace(step, unfollowed=(*step.unfollowed, *patched))) for other, step in steps]
        self._unfilled += unknown_folders(read.units, way)
        for text in read.unknown:
            self._tell(applier, text, _target_namespace(value))
        for unit in read.units:
            folder = folder_of(unit.folder)
            namespace = unit.transform.overriding_namespace
            if not self._own.holds(unit.repository):
                text = f"applies {unit.folder or '.'} of {unit.repository}, which is not this repository"
                self._tell(applier, text, namespace, makes_pods=not self._defines_kinds(unit))
            elif folder is None or folder not in self._files.folders:
                self._tell(applier, f"applies {unit.folder}, which is not there", namespace)
            else:
                components = tuple(joined(folder, one) for one in unit.components)
                unfollowed = (*unit.transform.unfollowed, *way.changes)
                transform = replace(unit.transform, components=components, unfollowed=unfollowed)
                chain = () if transform.changes_nothing else (transform,)
                where = unit.destination or target
                fresh += walk.folder(folder, chain, where, recurse=unit.recurse, components=unit.components)
        return fresh

    def _defines_kinds(self, unit: Unit) -> bool:
        """Whether what a unit brings from another repository is CustomResourceDefinitions alone."""
        namespace, _, name = unit.repository.name.rpartition("/")
        kept = self._git.kept(namespace, name)
        only = bool(kept) and all(folders and all(map(defines_kinds, folders)) for folders in kept)
        return only or defines_kinds(unit.folder)

    def _tell(self, applier: Applier, text: str, namespace: str | None, *, makes_pods: bool = True) -> None:
        manifest = applier.manifest
        self._unknown[Problem(manifest.source, f"{manifest.kind} {manifest.name}: {text}")] = None
        if not makes_pods:
            return
        known = namespace if namespace and "$" not in namespace and "{{" not in namespace else None
        self._unread[Unread(f"{manifest.kind} {manifest.name}, which {text}", manifest.source, known)] = None

    def _read(self, value: Mapping[str, Any], applier: Applier, target: str) -> Read:
        source = applier.manifest.source
        group = api_group(value)
        if group == flux.GROUP:
            at = text_at(applier, value, ("patches",))
            values_of = partial(self._sources.values_of, target)
            read = flux.read_flux_kustomization(value, source, self._git.url_of, values_of, at)
            return self._artifacts.in_repository(read, value)
        if group == flux.OPERATOR_GROUP:
            instance = mapping(value.get("spec"))
            return self._artifacts.of_instance(flux.read_flux_instance(instance, source), instance)
        if value.get("kind") == "Application":
            return argo.read_application(value, source, at=text_at(applier, value, argo.SOURCES))
        found = argo.read_application_set(value, self._files)
        unfollowed = argo.template_patch(value, source)
        reads = [argo.read_application(manifest, source, unfollowed) for manifest in found.made]
        unknown = (*found.unknown, *(text for read in reads for text in read.unknown))
        units = tuple(unit for read in reads for unit in read.units)
        return Read(units, tuple(dict.fromkeys(unknown)), found.made, found.unfilled)

    @cached_property
    def _reached(self) -> dict[Key, frozenset[str]]:
        """For each applier the files of appliers that it reaches, as written."""
        holding, found = {applier.inner for applier in self._appliers}, {}
        in_order = sorted(holding)
        memo: dict[str, frozenset[str]] = {}
        for applier in self._appliers:
            reached: set[str] = set()
            for unit in self._written[applier.key].units:
                folder = folder_of(unit.folder)
                if folder is None or not self._own.holds(unit.repository):
                    continue
                if folder in self.kustomizations:
                    reached |= reach(folder, self.kustomizations, memo) & holding
                else:
                    reached.update(names_below(in_order, folder))
            found[applier.key] = frozenset(reached)
        return found

    @cached_property
    def _covered(self) -> frozenset[Key]:
        """The appliers that another one reaches, as written."""
        by_file: dict[str, set[Key]] = {}
        for key, reached in self._reached.items():
            for inner in reached:
                by_file.setdefault(inner, set()).add(key)
        return frozenset(applier.key for applier in self._appliers if by_file.get(applier.inner, set()) - {applier.key})

    @cached_property
    def _covers_itself(self) -> frozenset[Key]:
        return frozenset(applier.key for applier in self._appliers if applier.inner in self._reached[applier.key])

    def _bare_roots(self, walk: Walk) -> list[str]:
        """Folders whose kustomization nothing in the tree applies or lists: applied by hand, or not at all."""
        memo: dict[str, frozenset[str]] = {}
        candidates = [folder for folder, kustomization in self.kustomizations.items() if not kustomization.is_component]
        taken = set(walk.built)
        for kustomization in self.kustomizations.values():
            taken.update(
                entry
                for entry in (*kustomization.resources, *kustomization.components)
                if entry != kustomization.folder
            )
        roots = []
        seen = set(walk.built)
        unlisted = [folder for folder in candidates if folder not in taken]
        for folder in (*unlisted, *candidates):  # After the unlisted ones, what is left lists itself.
            if folder not in seen:
                roots.append(folder)
                seen |= reach(folder, self.kustomizations, memo)
        return roots


def _target_namespace(value: Mapping[str, Any]) -> str | None:
    """The namespace that a Flux Kustomization puts everything into."""
    namespace = mapping(value.get("spec")).get("targetNamespace")
    return namespace if isinstance(namespace, str) else None


def is_applier(value: Mapping[str, Any]) -> bool:
    """Whether an object applies others: one of Flux or Argo CD."""
    kinds = {flux.GROUP: ("Kustomization",), flux.OPERATOR_GROUP: ("FluxInstance",), argo.GROUP: argo.KINDS}
    return value.get("kind") in kinds.get(api_group(value), ())
