"""The databases of which an operator makes the pods: how many, and whether it may make a policy for them as well.

Sources: CloudNativePG, API reference, `ClusterSpec.instances`; dragonfly-operator, `DragonflySpec.replicas`, which
counts the master too, and `networkPolicyEnabled`, which some of its releases take for true where it is left out.
"""

from __future__ import annotations

from rewriter.inventory.facts.model import Source
from rewriter.inventory.objects.kubernetes import namespace_of
from rewriter.inventory.texts.manifests import Manifest, mapping
from rewriter.inventory.texts.understood import group_of
from rewriter.records import dataclass

_COUNTS = {("postgresql.cnpg.io", "Cluster"): "instances", ("dragonflydb.io", "Dragonfly"): "replicas"}
DATABASE_KINDS = frozenset(kind for _, kind in _COUNTS)


@dataclass(frozen=True, slots=True)
class Instances:
    """The pods of a database. `guarded`: its operator may make a NetworkPolicy for them, which no manifest shows."""

    kind: str
    name: str
    namespace: str
    cluster: str | None
    count: int
    guarded: bool
    source: Source


def instances(manifest: Manifest, cluster: str | None) -> Instances | None:
    """The pods of a database; None for other manifests."""
    field = _COUNTS.get((group_of(manifest.value), manifest.kind))
    namespace = namespace_of(manifest)
    if field is None or namespace is None:
        return None
    spec = mapping(manifest.value.get("spec"))
    written = spec.get(field)
    count = written if isinstance(written, int) else 1
    guarded = manifest.kind == "Dragonfly" and spec.get("networkPolicyEnabled") is not False
    return Instances(manifest.kind, manifest.name, namespace, cluster, count, guarded, manifest.source)
