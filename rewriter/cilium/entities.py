"""The entities of a release and the identities they stand for (Cilium pkg/policy/api/entity.go)."""

from __future__ import annotations

from functools import cache

from rewriter.cilium.version import CLUSTER_MESH_ENTITY, Version

#: What `cluster` covers besides the pods of the local cluster.
CLUSTER_MEMBERS = ("host", "remote-node", "init", "ingress", "health", "unmanaged", "kube-apiserver")

_NAMES = frozenset(
    {
        "all",
        "world",
        "world-ipv4",
        "world-ipv6",
        "cluster",
        "host",
        "init",
        "ingress",
        "unmanaged",
        "remote-node",
        "health",
        "none",
        "kube-apiserver",
    }
)


@cache
def entity_names(version: Version) -> frozenset[str]:
    """The names that a release accepts in fromEntities and toEntities."""
    return _NAMES | {"cluster-mesh"} if version >= CLUSTER_MESH_ENTITY else _NAMES
