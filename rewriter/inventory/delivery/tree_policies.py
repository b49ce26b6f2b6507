"""The policies of the tree as clusters get them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rewriter.cilium.policy import CCNP, CNP, KNP, is_policy
from rewriter.cilium.tiers import KIND as CLUSTER_NETWORK_POLICY
from rewriter.cilium.tiers import is_cluster_network_policy
from rewriter.inventory.delivery.archives import holds_no_objects
from rewriter.inventory.delivery.kustomize_walk import Placement
from rewriter.inventory.delivery.landing import Delivery, namespace_in
from rewriter.inventory.delivery.patches import Patch, meant
from rewriter.inventory.delivery.placements import Placements
from rewriter.inventory.delivery.transform import transformed
from rewriter.inventory.facts.model import AppliedPolicy
from rewriter.inventory.files.offered import OfferedFile
from rewriter.inventory.files.tree_files import TreeFiles
from rewriter.inventory.texts.embedded import embedded, home_of, plain_namespace
from rewriter.inventory.texts.manifests import Manifest, mapping

#: The kinds of policy, as files name them.
POLICY_KINDS = frozenset({CNP.encode(), CCNP.encode(), KNP.encode(), CLUSTER_NETWORK_POLICY.encode()})

#: Groups of manifests that apply what they hold.
_APPLIERS = frozenset({"helm.toolkit.fluxcd.io", "helm.cattle.io", "argoproj.io"})


def applied_policies(files: TreeFiles, placements: Placements, delivery: Delivery) -> Iterator[AppliedPolicy]:
    """The policies of the files that can be read, each once for each different way in which it is applied.

    Those in archives are left out.
    """
    for file in policy_files(files):
        inner = files.inner(file.path)
        if holds_no_objects(placements, inner):
            continue
        manifests = files.manifests(file)
        for manifest in manifests:
            if not is_policy(manifest.value) and not is_cluster_network_policy(manifest.value):
                yield from _held(manifest, file.path, delivery)
                continue
            seen: list[AppliedPolicy] = []
            for placement in placements.of(inner) or (Placement((), ""),):
                if _is_deleted(placement, manifest.value):
                    continue
                cluster = delivery.cluster_at(file.path, placement)
                value = placement.apply(manifest.value) if placement.chain else manifest.value
                doubt = _unread_patch(placement, manifest)
                applied = AppliedPolicy(value, cluster.name if cluster else None, manifest.source, doubt)
                if applied not in seen:
                    seen.append(applied)
            yield from seen


def _held(manifest: Manifest, path: str, delivery: Delivery) -> Iterator[AppliedPolicy]:
    """The policies that a manifest of another kind holds, as far as it says where they land."""
    for value in read_inside(manifest):
        cluster = delivery.cluster_of(path)
        doubt = f"it stands inside {manifest.kind} {manifest.name}"
        yield AppliedPolicy(value, cluster.name if cluster else None, manifest.source, doubt)


def read_inside(manifest: Manifest) -> Iterator[Mapping[str, Any]]:
    """Those inside a manifest that land where it says, with their namespace, and of which nothing is filled in."""
    for inner in embedded(manifest.value):
        namespace = namespace_in(inner.manifest) or home_of(manifest.value, namespace_in)
        placed = inner.manifest.get("kind") == CCNP or plain_namespace(namespace) is not None
        group = str(manifest.value.get("apiVersion")).partition("/")[0]
        if placed and inner.whole and not inner.patched and group in _APPLIERS and not _filled_in(inner.manifest):
            metadata = {**mapping(inner.manifest.get("metadata")), "namespace": namespace}
            yield {**inner.manifest, "metadata": metadata}


def _filled_in(manifest: Mapping[str, Any]) -> bool:
    text = str(manifest)
    return "{{" in text or "${" in text


def with_others(policies: Iterable[AppliedPolicy], others: Iterable[AppliedPolicy]) -> tuple[AppliedPolicy, ...]:
    """The policies of the tree, and of those that releases make or snapshots list the ones that it does not hold."""
    found = list(policies)
    known: dict[tuple[str, str, str], set[str | None]] = {}
    for policy in found:
        known.setdefault(_named(policy.manifest), set()).add(policy.cluster)
    for applied in others:
        clusters = known.get(_named(applied.manifest), ())
        if applied.cluster not in clusters and None not in clusters:
            found.append(applied)
    return tuple(found)


def _named(manifest: Mapping[str, Any]) -> tuple[str, str, str]:
    metadata = mapping(manifest.get("metadata"))
    return str(manifest.get("kind")), str(metadata.get("namespace")), str(metadata.get("name"))


def policy_files(files: TreeFiles) -> Iterator[OfferedFile]:
    """The files that may hold a policy."""
    found = files.files.where(lambda file: bool(file.kinds & POLICY_KINDS) or file.holds_list)
    return (file for file in found if file.kinds & POLICY_KINDS or b"Policy" in file.data)


def _is_deleted(placement: Placement, manifest: Mapping[str, Any]) -> bool:
    """Whether a patch takes a manifest out on its way."""
    if not any(patch.deletes for step in placement.chain for patch in step.patches):
        return False
    made: list[Patch] = []
    transformed(manifest, placement.chain, made)
    return any(patch.deletes for patch in made)


def _unread_patch(placement: Placement, manifest: Manifest) -> str:
    """What on the way changes a policy in a way that is not known, in words; empty for nothing."""
    for step in placement.chain:
        for patch in (*step.patches, *step.late_patches):
            if patch.unread and meant(patch, manifest.value, manifest.name):
                return f"a patch of {step.source} that cannot be read changes it"
        for unfollowed in step.unfollowed:
            if unfollowed.may_touch(manifest.value, manifest.value):
                return f"{unfollowed.words} may change it"
    return ""
