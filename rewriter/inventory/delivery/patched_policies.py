"""The policies that patches or variables change on their way: each with its base, its patches, and how it is applied.

Patches are those of kustomizations, Flux and Argo CD; variables are those of a Flux Kustomization's postBuild. Those
that are put into several namespaces are among them: each is another policy there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from rewriter import yamltext
from rewriter.cilium.policy import is_policy
from rewriter.cilium.tiers import is_cluster_network_policy
from rewriter.inventory.delivery.kustomize import Kustomization
from rewriter.inventory.delivery.kustomize_walk import Placement
from rewriter.inventory.delivery.landing import Delivery
from rewriter.inventory.delivery.patches import Patch, TextAt
from rewriter.inventory.delivery.placements import Placements
from rewriter.inventory.delivery.substitution import is_disabled
from rewriter.inventory.delivery.transform import transformed
from rewriter.inventory.delivery.tree_policies import policy_files
from rewriter.inventory.facts.model import Cluster
from rewriter.inventory.files.offered import OfferedFile
from rewriter.inventory.files.tree_files import TreeFiles
from rewriter.inventory.texts.manifests import mapping
from rewriter.records import dataclass

_RULES = ("spec", "specs")


@dataclass(frozen=True, slots=True)
class PatchedPolicy:
    """A policy in one of the ways in which it is applied.

    `base` is the document that it stands in, at the route `item` of a List, `manifest` what stands there, `patches`
    those that are for it, in order. `applied` is what becomes of it.
    """

    base: TextAt
    manifest: Mapping[str, Any]
    patches: tuple[Patch, ...]
    placement: Placement
    applied: Mapping[str, Any]
    item: str = ""

    @property
    def variables(self) -> tuple[Mapping[str, str], bool] | None:
        """The variables that fill it in, and whether no others can be; None where nothing is filled in."""
        for step in self.placement.chain:
            if step.variables is not None and not is_disabled(mapping(self.applied.get("metadata"))):
                return step.variables, step.complete
        return None

    @property
    def is_changed(self) -> bool:
        """Whether patches or variables change its rules, or would; else it is only put somewhere."""
        return _has_variable(self.manifest) or any(patch.changes_rules for patch in self.patches)

    @property
    def is_deleted(self) -> bool:
        """Whether a patch takes it out: then nothing is applied."""
        return any(patch.deletes for patch in self.patches)

    @property
    def paths(self) -> frozenset[str]:
        """The files that it is made of."""
        return frozenset((self.base.path, *(patch.at.path for patch in self.patches if patch.at is not None)))


class PatchedPolicies:
    """Finds them in the files of a tree, once all files are offered. `is_wanted` says of what kinds."""

    def __init__(
        self,
        files: TreeFiles,
        placements: Placements,
        delivery: Delivery,
        is_wanted: Callable[[Any], bool] = is_policy,
    ) -> None:
        self._is_wanted = is_wanted
        self._files = files
        self._placements = placements
        self._delivery = delivery

    @cached_property
    def all(self) -> tuple[PatchedPolicy, ...]:
        """Every way in which a policy is applied whose rules a patch or a known variable changes, and nothing else."""
        return tuple(self._found())

    def of_tiers(self) -> PatchedPolicies:
        """The ClusterNetworkPolicies in their place."""
        return PatchedPolicies(self._files, self._placements, self._delivery, is_cluster_network_policy)

    @cached_property
    def moved(self) -> tuple[PatchedPolicy, ...]:
        """Every way in which a policy is applied that is put into several namespaces, and that nothing else changes."""
        return tuple(self._moved())

    @cached_property
    def paths(self) -> frozenset[str]:
        """The files that those which are changed are made of, as people know them."""
        return frozenset().union(*(patched.paths for patched in self.all))

    def of_path(self, path: str) -> Sequence[PatchedPolicy]:
        """Those that a file has a part in and that are judged in each way in which they are applied.

        Where a namespace is not known, what is only moved is not among them.
        """
        return self._by_path.get(path, ())

    @cached_property
    def _by_path(self) -> Mapping[str, Sequence[PatchedPolicy]]:
        found: dict[str, list[PatchedPolicy]] = {}
        unknown = {policy.base for policy in self.moved if not _is_settled(_namespace(policy.applied))}
        for patched in (*self.all, *(policy for policy in self.moved if policy.base not in unknown)):
            for path in patched.paths:
                found.setdefault(path, []).append(patched)
        return found

    @property
    def kustomizations(self) -> Mapping[str, Kustomization]:
        """The kustomizations of the tree by their inner folders."""
        return self._placements.kustomizations

    @property
    def names(self) -> Mapping[str, str]:
        """The files of the tree by their inner paths, as people know them."""
        return self._files.names

    @cached_property
    def linked_folders(self) -> Mapping[str, str]:
        """The symlinks of the tree to folders of it: inner paths, each with that of its folder."""
        targets = {self._files.inner(path): target for path, target in self._files.link_targets}
        return {
            path: target
            for path, target in targets.items()
            if target in self._files.folders and not path.startswith("../")
        }

    def placed_alike(self, placement: Placement) -> list[str]:
        """The inner paths of the files that are applied as this placement is, in order."""
        return [inner for inner in self._files.names if placement in self._placements.of(inner)]

    def offered(self) -> Iterator[tuple[str, bytes | None]]:
        """Every file of the tree, and its bytes as they are now; None where they cannot be read."""
        return self._files.read_anew()

    def bytes_of_path(self, path: str) -> bytes | None:
        """The bytes that a file has now; None where it cannot be read."""
        inner = self._files.inner(path)
        return self._files.bytes_now(inner) or self._files.bytes_of(inner)

    def cluster_of(self, policy: PatchedPolicy) -> Cluster | None:
        """The cluster that a policy is applied to; None where it is not known."""
        root = policy.placement.root
        there = self._delivery.cluster_of(f"{root}/kustomization.yaml") if root else None
        return there or self._delivery.cluster_at(policy.base.path, policy.placement)

    def _found(self) -> Iterator[PatchedPolicy]:
        for file in policy_files(self._files):
            inner = self._files.inner(file.path)
            own = self._placements.of(inner)
            if inner in self._placements.patch_files or not any(map(_changes, own)):
                continue
            for document in _documents(file, self._is_wanted):
                found = [_applied(*policy, way) for policy in document for way in own]
                if any(policy.is_changed for policy in found) and self._is_known(file.path, found):
                    yield from found

    def _is_known(self, path: str, found: Sequence[PatchedPolicy]) -> bool:
        """Whether nothing but patches that are read and variables changes policies of a document."""
        return not any(
            self._delivery.changed_on_the_way(path, patched.manifest, but_for_patches=True) for patched in found
        )

    def _moved(self) -> Iterator[PatchedPolicy]:
        changed = {policy.base for policy in self.all}
        for file in policy_files(self._files):
            inner = self._files.inner(file.path)
            own = self._placements.of(inner)
            if len(own) < 2 or inner in self._placements.patch_files or not any(map(_may_move, own)):
                continue
            for document in _documents(file, self._is_wanted):
                found = [_applied(*policy, way) for policy in document for way in own]
                namespaces = {_namespace(patched.applied) for patched in found}
                apart = len(namespaces) > 1 and document[0][0] not in changed
                if apart and self._is_known(file.path, found):
                    yield from found


def _changes(placement: Placement) -> bool:
    return any(
        step.variables is not None or any(patch.changes_rules for patch in (*step.patches, *step.late_patches))
        for step in placement.chain
    )


def _may_move(placement: Placement) -> bool:
    return any(
        step.namespace or step.default_namespace or step.patches or step.late_patches or step.variables is not None
        for step in placement.chain
    )


def _has_variable(manifest: Mapping[str, Any]) -> bool:
    """Whether the rules of a policy have something to fill in."""
    return any("${" in str(manifest.get(name)) for name in _RULES)


def _namespace(manifest: Mapping[str, Any]) -> str:
    return str(mapping(manifest.get("metadata")).get("namespace") or "")


def _is_settled(namespace: str) -> bool:
    return bool(namespace) and not yamltext.has_substitution(namespace) and "{{" not in namespace


def _documents(
    file: OfferedFile, is_wanted: Callable[[Any], bool]
) -> Iterator[list[tuple[TextAt, str, Mapping[str, Any]]]]:
    """The policies of each document of a file that is no template: itself, or the items of a List."""
    try:
        documents = yamltext.parse(yamltext.decode(file.data))
    except yamltext.YamlTextError:
        return
    for document in documents:
        found = list(_items(document.value, is_wanted)) if "{{" not in str(document.value) else []
        if found:
            yield [(TextAt(file.path, document.index), route, manifest) for route, manifest in found]


def _items(value: Any, is_wanted: Callable[[Any], bool]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """A policy, or those of a List of whole manifests, with their routes; kustomize takes such a List apart."""
    if is_wanted(value):
        yield "", value
    elif isinstance(value, dict) and str(value.get("kind")).endswith("List") and isinstance(value.get("items"), list):
        for index, item in enumerate(value["items"]):
            if is_wanted(item):
                yield f"/items/{index}", item


def _applied(at: TextAt, item: str, manifest: Mapping[str, Any], placement: Placement) -> PatchedPolicy:
    made: list[Patch] = []
    applied = transformed(manifest, placement.chain, made)
    return PatchedPolicy(at, manifest, tuple(made), placement, applied, item)
