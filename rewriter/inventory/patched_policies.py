"""The policies that patches or variables change on their way: each with its base, its patches, and how it is applied.

Patches are those of kustomizations, Flux and Argo CD; variables are those of a Flux Kustomization's postBuild.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rewriter import yamltext
from rewriter.cilium.policy import is_policy
from rewriter.inventory.delivery import Delivery
from rewriter.inventory.facts import Cluster
from rewriter.inventory.kustomize import Kustomization
from rewriter.inventory.kustomize_walk import Placement
from rewriter.inventory.manifests import mapping
from rewriter.inventory.patches import Patch, TextAt
from rewriter.inventory.placements import Placements
from rewriter.inventory.substitution import is_disabled
from rewriter.inventory.transform import transformed
from rewriter.inventory.tree_files import OfferedFile, TreeFiles
from rewriter.inventory.tree_policies import policy_files

_RULES = ("spec", "specs")


@dataclass(frozen=True, slots=True)
class PatchedPolicy:
    """A policy in one of the ways in which it is applied.

    `base` is where it stands, `manifest` what stands there, `patches` those that are for it, in order. `applied` is
    what becomes of it.
    """

    base: TextAt
    manifest: Mapping[str, Any]
    patches: tuple[Patch, ...]
    placement: Placement
    applied: Mapping[str, Any]

    @property
    def variables(self) -> tuple[Mapping[str, str], bool] | None:
        """The variables that fill it in, and whether no others can be; None where nothing is filled in."""
        for step in self.placement.chain:
            if step.variables is not None and not is_disabled(mapping(self.applied.get("metadata"))):
                return step.variables, step.complete
        return None

    @property
    def is_deleted(self) -> bool:
        """Whether a patch takes it out: then nothing is applied."""
        return any(each.deletes for each in self.patches)

    @property
    def paths(self) -> frozenset[str]:
        """The files that it is made of."""
        return frozenset((self.base.path, *(each.at.path for each in self.patches if each.at is not None)))


class PatchedPolicies:
    """Finds them in the files of a tree, once all files are offered."""

    def __init__(self, files: TreeFiles, placements: Placements, delivery: Delivery) -> None:
        self._files = files
        self._placements = placements
        self._delivery = delivery

    @cached_property
    def all(self) -> tuple[PatchedPolicy, ...]:
        """Every way in which a policy is applied whose rules a patch or a known variable changes, and nothing else."""
        return tuple(self._found())

    @cached_property
    def paths(self) -> frozenset[str]:
        """The files that they are made of, as people know them."""
        return frozenset().union(*(each.paths for each in self.all))

    @property
    def kustomizations(self) -> Mapping[str, Kustomization]:
        """The kustomizations of the tree by their inner folders."""
        return self._placements.kustomizations

    @property
    def names(self) -> Mapping[str, str]:
        """The files of the tree by their inner paths, as people know them."""
        return self._files.names

    def placed_alike(self, placement: Placement) -> list[str]:
        """The inner paths of the files that are applied as this placement is, in order."""
        return [inner for inner in self._files.names if placement in self._placements.of(inner)]

    def bytes_of_path(self, path: str) -> bytes | None:
        """The bytes of a file; None where it cannot be read."""
        return self._files.bytes_of(self._files.inner(path))

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
            for at, manifest in _policies(file):
                found = [_applied(at, manifest, each) for each in own]
                changed = _has_variable(manifest) or any(
                    patch.changes_rules for each in found for patch in each.patches
                )
                known = not any(_has_variable(each.applied) for each in found)
                if (
                    changed
                    and known
                    and not self._delivery.changed_on_the_way(file.path, manifest, but_for_patches=True)
                ):
                    yield from found


def _changes(placement: Placement) -> bool:
    return any(
        step.variables is not None or any(patch.changes_rules for patch in (*step.patches, *step.late_patches))
        for step in placement.chain
    )


def _has_variable(manifest: Mapping[str, Any]) -> bool:
    """Whether the rules of a policy have something to fill in."""
    return any("${" in str(manifest.get(name)) for name in _RULES)


def _policies(file: OfferedFile) -> Iterator[tuple[TextAt, Mapping[str, Any]]]:
    """The policies of a file that are documents of their own and no templates."""
    try:
        documents = yamltext.parse(yamltext.decode(file.data))
    except yamltext.YamlTextError:
        return
    for document in documents:
        if is_policy(document.value) and "{{" not in str(document.value):
            yield TextAt(file.path, document.index), document.value


def _applied(at: TextAt, manifest: Mapping[str, Any], placement: Placement) -> PatchedPolicy:
    made: list[Patch] = []
    applied = transformed(manifest, placement.chain, made)
    return PatchedPolicy(at, manifest, tuple(made), placement, applied)
