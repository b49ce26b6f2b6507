"""Addresses that a custom resource gives to the pods of a controller, or to the pods that are made of it.

Sources: External Secrets, API reference, `SecretStoreProvider`; Velero, `BackupStorageLocation`; Flux, notification
`Provider`; prometheus-operator, `RemoteWriteSpec`; VictoriaMetrics operator, `VMAgentRemoteWriteSpec`, `VMAlertSpec`.
"""

from __future__ import annotations

from collections.abc import Mapping

from rewriter.inventory.facts.model import Source
from rewriter.inventory.objects.kubernetes import namespace_of
from rewriter.inventory.texts.manifests import Manifest, leaves, mapping
from rewriter.inventory.texts.understood import group_of
from rewriter.records import dataclass

#: By API group and kind: the members of `spec` that hold addresses, and the label of the controller that reads them
#: (none: the pods that are made of the resource).
_FIELDS: Mapping[tuple[str, str], tuple[tuple[str, ...], tuple[str, str] | None]] = {
    ("external-secrets.io", "SecretStore"): (("provider",), ("app.kubernetes.io/name", "external-secrets")),
    ("external-secrets.io", "ClusterSecretStore"): (("provider",), ("app.kubernetes.io/name", "external-secrets")),
    ("velero.io", "BackupStorageLocation"): (("config",), ("app.kubernetes.io/name", "velero")),
    ("notification.toolkit.fluxcd.io", "Provider"): (("address",), ("app", "notification-controller")),
    ("monitoring.coreos.com", "Prometheus"): (("remoteWrite", "remoteRead"), None),
    ("monitoring.coreos.com", "PrometheusAgent"): (("remoteWrite",), None),
    ("operator.victoriametrics.com", "VMAgent"): (("remoteWrite",), None),
    ("operator.victoriametrics.com", "VMAlert"): (
        ("datasource", "remoteWrite", "remoteRead", "notifier", "notifiers"),
        None,
    ),
}
ADDRESS_KINDS = frozenset(kind for _, kind in _FIELDS)


@dataclass(frozen=True, slots=True)
class ResourceAddresses:
    """The texts of a resource that may be addresses, each with its path. `reader` is a label of the pods that use them.

    Without `reader` these are the pods made of the resource. `namespace` is empty where the resource is cluster-wide.
    """

    kind: str
    name: str
    namespace: str
    cluster: str | None
    reader: tuple[str, str] | None
    texts: tuple[tuple[str, str], ...]
    source: Source

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


def resource_addresses(manifest: Manifest, cluster: str | None) -> ResourceAddresses | None:
    """The addresses of a resource; None for other manifests, and where it has none."""
    known = _FIELDS.get((group_of(manifest.value), manifest.kind))
    if known is None:
        return None
    fields, reader = known
    spec = mapping(manifest.value.get("spec"))
    texts = tuple(leaf for field in fields for leaf in leaves(field, spec.get(field)))
    if not texts:
        return None
    namespace = namespace_of(manifest) or ""
    return ResourceAddresses(manifest.kind, manifest.name, namespace, cluster, reader, texts, manifest.source)
