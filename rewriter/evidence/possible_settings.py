"""How the agents of a cluster may be set where not all that sets them is read, or where it is not known which it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from rewriter.cilium.settings import EnforcementMode
from rewriter.cilium.version import Version
from rewriter.evidence.settings import DEFAULT_NAME, settings_of
from rewriter.inventory.facts.model import Cluster, Source
from rewriter.inventory.facts.unread_settings import UnreadSettings
from rewriter.inventory.questions.inventory import Inventory
from rewriter.records import dataclass

#: The fields of a cluster that change what policies do, by the names of the chart's values.
VALUE_NAMES: Mapping[str, str] = {
    "enforcement": "policyEnforcementMode",
    "audit": "policyAuditMode",
    "host_firewall": "hostFirewall.enabled",
    "identity_labels": "labels",
    "node_labels": "nodeLabels",
    "node_selector_labels": "nodeSelectorLabels",
    "extended_ip_protocols": "enable-extended-ip-protocols",
    "cluster_network_policies": "k8sClusterNetworkPolicy.enabled",
    "mutual_authentication": "authentication.enabled",
    "default_local_cluster": "clustermesh.policyDefaultLocalCluster",
    "cidr_match_nodes": "policyCIDRMatchMode",
    "cidr_match_pods": "policyCIDRMatchMode",
}

#: What a field may be. In the modes `never` and audit nothing is enforced today, which makes no finding wrong and opens
#: nothing; of the other fields passes know where they are unknown.
_POSSIBLE: Mapping[str, tuple[Any, ...]] = {
    "enforcement": (EnforcementMode.DEFAULT.value, EnforcementMode.ALWAYS.value),
    "cidr_match_nodes": (True, False),
    "cidr_match_pods": (True, False),
    "extended_ip_protocols": (True, False),
    "default_local_cluster": (False, True),
    "identity_labels": ((".*",), ()),
}


@dataclass(frozen=True, slots=True)
class PossibleSetting:
    """A setting that the agents may have, such as "policyEnforcementMode: always", and the places that say so.

    `usual` is the cluster without it and `cluster` with it.
    """

    setting: str
    places: tuple[str, ...]
    usual: Cluster
    cluster: Cluster


def possible_settings(
    inventory: Inventory, path: str, cluster: Cluster | None, versions: tuple[Version, Version]
) -> Iterator[PossibleSetting]:
    """Every single setting that changes how policies of a file are read, and that may hold in its cluster; each once.

    Where the cluster is not known (None), those of every cluster that the file may be for count too.
    """
    usual = cluster or Cluster(DEFAULT_NAME, Source(""), meshed=any(known.meshed for known in inventory.clusters))
    found = [*_unread(inventory, cluster, usual), *(_of_each(inventory, path, usual) if cluster is None else ())]
    places: dict[PossibleSetting, dict[str, None]] = {}
    for setting in found:
        places.setdefault(replace(setting, places=()), {}).update(dict.fromkeys(setting.places))
    for setting, named in places.items():
        if any(settings_of(usual, version) != settings_of(setting.cluster, version) for version in versions):
            yield replace(setting, places=tuple(named))


def shown(field: str, value: Any) -> str:
    """The value of a field as people write it under its name in `VALUE_NAMES`."""
    if field in ("cidr_match_nodes", "cidr_match_pods"):
        mode = field.rpartition("_")[2]
        return mode if value else f"without {mode}"
    if isinstance(value, tuple):
        return " ".join(value) or "the default"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _unread(inventory: Inventory, cluster: Cluster | None, usual: Cluster) -> Iterator[PossibleSetting]:
    for unread in inventory.unread_settings(cluster):
        for field, values in _POSSIBLE.items():
            if _is_known(usual, field, unread) or (unread.fields is not None and field not in unread.fields):
                continue
            for value in values:
                setting = f"{VALUE_NAMES[field]}: {shown(field, value)}"
                yield PossibleSetting(setting, (str(unread),), usual, _with(usual, field, value))


def _is_known(cluster: Cluster, field: str, unread: UnreadSettings) -> bool:
    """Whether a field is set by what an unread source does not override; one option sets both modes of CIDRs."""
    names = (field, "cidr_match_nodes") if field == "cidr_match_pods" else (field,)
    stated = [name for name in names if getattr(cluster, name) is not None]
    return any((name, cluster.source_of(name)) not in unread.overrides for name in stated)


def _of_each(inventory: Inventory, path: str, usual: Cluster) -> Iterator[PossibleSetting]:
    """What the clusters are set to that a file may be for."""
    for cluster in inventory.clusters_of(path) or inventory.clusters:
        for field in _POSSIBLE:
            value = getattr(cluster, field)
            if value is not None:
                setting = f"{VALUE_NAMES[field]}: {shown(field, value)}"
                place = f"as in {cluster.name}, {cluster.source_of(field)}"
                yield PossibleSetting(setting, (place,), usual, _with(usual, field, value))


def _with(cluster: Cluster, field: str, value: Any) -> Cluster:
    changed: dict[str, Any] = {field: value}
    return replace(cluster, **changed)
