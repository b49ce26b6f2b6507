"""The facts of a repository as a partial snapshot, for runs in other repositories."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rewriter.inventory.facts.model import Cluster, Source
from rewriter.inventory.snapshots.write import fact_as_json, snapshot_as_json
from rewriter.inventory.tree.repository import TreeInventory


def repository_as_json(inventory: TreeInventory, repository: str, created: datetime) -> dict[str, Any]:
    """The content of a partial snapshot; `repository` is the URL that it is known by.

    What belongs to a cluster that has no name here is left out: another repository could not know whose it is. A fact
    that something speaks against is left out, too, and so is a policy that the cluster may get with another text.
    """
    meshed = [cluster for cluster in inventory.clusters if cluster.meshed]
    entries = []
    for cluster in inventory.clusters:
        entry = {**fact_as_json(cluster), "name": cluster.name, "repository": repository}
        entry["found"] = _place(inventory, cluster.source)
        cited = {name: _place(inventory, cluster.source_of(name)) for name, _source in cluster.cited}
        if cited:
            entry["cited"] = cited
        # Alone in its repository, a cluster is meshed by default only, which says nothing of the others.
        alone = len(meshed) == 1 and cluster.name not in inventory.tree_clusters.clusters
        entry["meshed"] = cluster.meshed and not alone
        entries.append({**entry, **_lists(inventory, cluster)})
    return snapshot_as_json(entries, created, partial=True)


def merged(contents: Iterable[Mapping[str, Any]], created: datetime) -> dict[str, Any]:
    """The content of several partial snapshots in one."""
    return snapshot_as_json([entry for content in contents for entry in content["clusters"]], created, partial=True)


def _lists(inventory: TreeInventory, cluster: Cluster) -> dict[str, list[dict[str, Any]]]:
    workloads = [workload for workload in inventory.all_workloads() if not inventory.doubts(workload)]
    services = [service for service in inventory.all_services() if not inventory.doubts(service)]
    facts: Mapping[str, Sequence[Any]] = {
        "namespaces": inventory.namespaces(),
        "workloads": workloads,
        "services": services,
        "endpoint_slices": [
            endpoint_slice for service in services for endpoint_slice in inventory.endpoint_slices(service)
        ],
        "nodes": inventory.nodes(),
        "cidr_groups": inventory.cidr_groups(),
    }
    found = {
        name: [
            {**fact_as_json(fact), "found": _place(inventory, fact.source)}
            for fact in of
            if fact.cluster == cluster.name
        ]
        for name, of in facts.items()
    }
    found["policies"] = [
        {**policy.manifest, "found": _place(inventory, policy.source)}
        for policy in inventory.policies
        if policy.cluster == cluster.name and not policy.doubt and _has_place(policy.manifest)
    ]
    return found


def _has_place(manifest: Mapping[str, Any]) -> bool:
    """Whether a policy says itself where it is: a run elsewhere sees nothing that would place it."""
    metadata = manifest.get("metadata")
    return isinstance(metadata, dict) and (
        isinstance(metadata.get("namespace"), str) or manifest.get("kind") == "CiliumClusterwideNetworkPolicy"
    )


def _place(inventory: TreeInventory, source: Source) -> str:
    """The place of a fact, by its path in the repository."""
    path = inventory.inner(source.path) if source.line is not None else source.path
    return f"{path}:{source.line}" if source.line else path
