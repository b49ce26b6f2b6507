"""What people fill into onedr0p's cluster-template, where they keep it beside what it makes.

- `cluster.yaml`: `node_cidr`, `cluster_api_addr`, `cluster_pod_cidr`, `cluster_svc_cidr`; `nodes.yaml`: `nodes`.
- `config.yaml` before it, below `cluster`: `pod_network`, `service_network`, `endpoint_vip`, and `nodes` with
  `host_network` and `inventory`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rewriter import yamltext
from rewriter.inventory.facts.model import Source
from rewriter.inventory.settings.stated import (
    API_HOST,
    KUBERNETES_PODS,
    NODES_WITHIN,
    SERVICES,
    Reading,
    StatedNode,
    StatedSetting,
    address,
    networks,
)
from rewriter.inventory.texts.manifests import items, mapping

#: What `cluster.yaml` must have, and what `config.yaml` had below `cluster`.
_REQUIRED = frozenset({"node_cidr", "cluster_api_addr"})
_OLDER = frozenset({"pod_network", "service_network", "endpoint_vip"})
_RANGES = {
    "node_cidr": NODES_WITHIN,
    "cluster_pod_cidr": KUBERNETES_PODS,
    "cluster_svc_cidr": SERVICES,
    "pod_network": KUBERNETES_PODS,
    "service_network": SERVICES,
    "host_network": NODES_WITHIN,
}
_API = ("cluster_api_addr", "endpoint_vip")
#: What each machine of `nodes.yaml` has beside its address.
_OF_NODE = frozenset({"name", "address", "controller"})
_HARDWARE = frozenset({"disk", "mac_addr", "schematic_id", "talos_disk_device", "ssh_username"})


def is_filled_in(value: Mapping[str, Any]) -> bool:
    """Whether a document is one of the template."""
    return value.keys() >= _REQUIRED or bool(_machines(value)) or bool(_older(value))


def read_filled_in(path: str, document: yamltext.Document) -> Iterator[Reading]:
    """What a document of the template says."""
    value = mapping(document.value)

    def at(route: str) -> Source:
        return Source(path, yamltext.locate(document, route).line)

    cluster = _older(value)
    nodes = mapping(cluster.get("nodes"))
    for own, route in ((value, ""), (cluster, "/cluster"), (nodes, "/cluster/nodes")):
        if own is value and cluster:
            continue
        for key, field in _RANGES.items():
            if key in own:
                yield from networks(field, own[key], at(f"{route}/{key}"))
        for key in _API:
            if host := address(own.get(key)):
                yield StatedSetting(API_HOST, host, at(f"{route}/{key}"))
    machines = [("/nodes", _machines(value)), ("/cluster/nodes/inventory", items(nodes.get("inventory")))]
    for route, listed in machines:
        for index, node in enumerate(listed):
            own_address = address(node.get("address"))
            if own_address:
                where = at(f"{route}/{index}/address")
                yield StatedNode(str(node.get("name")), (own_address,), node.get("controller") is True, where)


def _older(value: Mapping[str, Any]) -> Mapping[str, Any]:
    cluster = mapping(value.get("cluster"))
    return cluster if cluster.keys() >= _OLDER else {}


def _machines(value: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The machines of `nodes.yaml`; none where one of the list is something else."""
    listed = [mapping(node) for node in items(value.get("nodes"))]
    alike = all(node.keys() >= _OF_NODE and not _HARDWARE.isdisjoint(node) for node in listed)
    return listed if alike else []
