"""The entities of a release and the identities they stand for (Cilium pkg/policy/api/entity.go)."""

from __future__ import annotations

from functools import cache

from rewriter.cilium.labels import CLUSTER_LABEL, K8S
from rewriter.cilium.terms import ANYTHING, Condition, LabelTerm, reserved_term
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


def entity_terms(name: str, local_cluster: str) -> tuple[LabelTerm, ...]:
    """The terms that an entity stands for; `local_cluster` is the cluster whose pods `cluster` covers."""
    match name:
        case "all":
            return (ANYTHING,)
        case "world":
            return (reserved_term("world"), reserved_term("world-ipv4"), reserved_term("world-ipv6"))
        case "cluster":
            pods = LabelTerm((Condition(K8S, CLUSTER_LABEL, "In", (local_cluster,)),))
            return (*map(reserved_term, CLUSTER_MEMBERS), pods)
        case "cluster-mesh":
            pods = LabelTerm((Condition(K8S, CLUSTER_LABEL, "Exists"),))
            return (*map(reserved_term, CLUSTER_MEMBERS), pods)
        case _:
            return (reserved_term(name),)
