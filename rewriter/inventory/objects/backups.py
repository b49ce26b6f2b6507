"""Where CloudNativePG keeps the backups of a Cluster: by itself, or through the plugin Barman Cloud.

Sources: CloudNativePG, API reference, "BarmanObjectStoreConfiguration"; plugin-barman-cloud, "Object Store Providers".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rewriter.inventory.facts.model import Source
from rewriter.inventory.objects.kubernetes import namespace_of
from rewriter.inventory.texts.manifests import Manifest, items, mapping
from rewriter.inventory.texts.understood import group_of
from rewriter.records import dataclass

BACKUP_KINDS = frozenset({"Cluster", "ObjectStore"})
_CLUSTERS, _STORES = "postgresql.cnpg.io", "barmancloud.cnpg.io"
_PLUGIN = "barman-cloud.cloudnative-pg.io"


@dataclass(frozen=True, slots=True)
class BackupStore:
    """The URL of an object store, and the object that has it; `stores` are the ObjectStores that a Cluster names."""

    kind: str
    name: str
    namespace: str
    cluster: str | None
    url: str
    source: Source
    stores: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


def backup_store(manifest: Manifest, cluster: str | None) -> BackupStore | None:
    """The store of a Cluster's backups, or an ObjectStore; None for other manifests, and where there is none."""
    namespace, spec = namespace_of(manifest), mapping(manifest.value.get("spec"))
    if namespace is None or (group_of(manifest.value), manifest.kind) not in (
        (_CLUSTERS, "Cluster"),
        (_STORES, "ObjectStore"),
    ):
        return None
    of_cluster = manifest.kind == "Cluster"
    written = mapping(mapping(spec.get("backup")).get("barmanObjectStore") if of_cluster else spec.get("configuration"))
    stores = tuple(_named(spec)) if of_cluster else ()
    url = written.get("endpointURL")
    found = url if isinstance(url, str) else ""
    if not found and not stores:
        return None
    return BackupStore(manifest.kind, manifest.name, namespace, cluster, found, manifest.source, stores)


def _named(spec: Mapping[str, Any]) -> Iterator[str]:
    for plugin in items(spec.get("plugins")):
        name = mapping(plugin.get("parameters")).get("barmanObjectName")
        if plugin.get("name") == _PLUGIN and plugin.get("enabled") is not False and isinstance(name, str):
            yield name
