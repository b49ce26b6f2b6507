"""Which kinds of object the lists of facts are read from, and how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rewriter.inventory.objects import (
    access,
    backups,
    dns_records,
    gateways,
    instances,
    kubernetes,
    load_balancers,
    monitors,
    pods,
    replicas,
    resource_addresses,
    webhooks,
)
from rewriter.inventory.texts.manifests import Manifest

_Reader = Callable[[Manifest, str | None], Any]


def _each(read: _Reader) -> _Reader:
    """A reader of one fact as one that gives several, or none."""

    def several(manifest: Manifest, cluster: str | None) -> tuple[Any, ...]:
        fact = read(manifest, cluster)
        return () if fact is None else (fact,)

    return several


#: The lists of facts, each with the kinds that it is read from and how; the last argument is the cluster's name.
READERS: Mapping[str, tuple[frozenset[str], _Reader]] = {
    **{name: (kinds, _each(read)) for name, (kinds, read) in kubernetes.READERS.items()},
    "controller_classes": (frozenset({"GatewayClass", "IngressClass"}), _each(gateways.controller_class)),
    "gateways": (frozenset({"Gateway"}), _each(gateways.gateway)),
    "routes": (gateways.ROUTE_KINDS, _each(gateways.route)),
    "ingresses": (frozenset({"Ingress"}), _each(gateways.ingress)),
    "dns_records": (frozenset({dns_records.DNS_ENDPOINT}), dns_records.dns_records),
    "api_server_calls": (webhooks.WEBHOOK_KINDS, webhooks.api_server_calls),
    "scrapers": (monitors.SCRAPER_KINDS, _each(monitors.scraper)),
    "monitors": (monitors.MONITOR_KINDS, _each(monitors.monitor)),
    "address_pools": (
        frozenset({load_balancers.CILIUM_POOL, load_balancers.METALLB_POOL}),
        _each(load_balancers.address_pool),
    ),
    "redirect_policies": (frozenset({"CiliumLocalRedirectPolicy"}), _each(load_balancers.redirect_policy)),
    "pod_templates": (kubernetes.WORKLOAD_KINDS, _each(pods.pod_template)),
    "config_maps": (frozenset({"ConfigMap"}), _each(pods.config_map)),
    "repositories": (pods.REPOSITORY_KINDS, _each(pods.repository)),
    "backup_stores": (backups.BACKUP_KINDS, _each(backups.backup_store)),
    "instances": (instances.DATABASE_KINDS, _each(instances.instances)),
    "without_pods": (replicas.COUNTED_KINDS, _each(replicas.without_pods)),
    "scaled": (replicas.SCALER_KINDS, _each(replicas.scaled)),
    "resource_addresses": (resource_addresses.ADDRESS_KINDS, _each(resource_addresses.resource_addresses)),
    "kubelets": (frozenset({"KubeletConfiguration"}), _each(pods.kubelet_settings)),
    "account_bindings": (frozenset({"RoleBinding", "ClusterRoleBinding"}), access.account_bindings),
}

#: The kinds of each list, as bytes in a file.
KINDS: Mapping[str, frozenset[bytes]] = {
    name: frozenset(kind.encode() for kind in kinds) for name, (kinds, _read) in READERS.items()
}
