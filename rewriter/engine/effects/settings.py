"""Cilium's settings as a comparison needs them, and what of the mesh is known to be inside."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rewriter.cilium.by_identity import ByIdentity
from rewriter.cilium.cidr import Prefix
from rewriter.cilium.policy import Policy
from rewriter.cilium.settings import Settings
from rewriter.cilium.version import Version
from rewriter.evidence.clusters import parse
from rewriter.evidence.settings import settings_of
from rewriter.inventory.facts.model import Cluster
from rewriter.inventory.questions.inventory import Inventory
from rewriter.passes.kit.enforced.enforcement import rests_on_node_labels

_MADE: ByIdentity[Settings, Settings] = ByIdentity(1000)


def node_labels_unsaid(cluster: Cluster | None, policy: Policy, version: Version) -> bool:
    """Whether a policy counts as rejected only because enable-node-selector-labels of its agents is unknown."""
    unsaid = cluster is None or cluster.node_selector_labels is None
    return unsaid and rests_on_node_labels(policy, version)


def compared_settings(cluster: Cluster | None, version: Version, *, mesh: bool, target: bool = False) -> Settings:
    """As `settings_of`; without a mesh every pod and node is of the local cluster. Made once, as those are."""
    own = settings_of(cluster, version, target=target)
    answers = _MADE.to(mesh)
    if id(own) not in answers:
        answers[id(own)] = own, replace(own, single_cluster=not mesh)
    return answers[id(own)][1]


def both_settings(
    cluster: Cluster | None, versions: tuple[Version, Version], *, mesh: bool
) -> tuple[Settings, Settings]:
    """The settings today and after the upgrade; one release twice is no upgrade."""
    source, target = versions
    return (
        compared_settings(cluster, source, mesh=mesh),
        compared_settings(cluster, target, mesh=mesh, target=target > source),
    )


def reached(own: Cluster, clusters: Iterable[Cluster], *, mesh: bool) -> list[Cluster]:
    """The clusters whose pods are pods to a cluster: itself and, in a mesh, those meshed with it."""
    return [cluster for cluster in clusters if cluster == own or (mesh and own.meshed and cluster.meshed)]


def mesh_addresses(inventory: Inventory, own: Cluster | None) -> tuple[Prefix, ...]:
    """The addresses of pods, nodes and Services that are known: what is there is never outside the mesh.

    `own` is the cluster whose policies are looked at, which may be in no mesh. What Node objects say counts too.
    """
    local = own.name if own is not None else None
    clusters = {cluster.name: cluster for cluster in inventory.clusters if cluster.meshed or cluster.name == local}
    known = [
        cidrs
        for cluster in clusters.values()
        for cidrs in (cluster.pod_cidrs, cluster.node_cidrs, cluster.service_cidrs)
    ]
    known += [(*node.pod_cidrs, *node.addresses) for node in inventory.nodes() if node.cluster in clusters]
    found = (parse(text) for cidrs in known for text in cidrs or ())
    return tuple(dict.fromkeys(prefix for prefix in found if prefix is not None))
