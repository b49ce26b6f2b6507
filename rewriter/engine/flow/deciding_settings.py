"""The settings of a cluster's agents that a verdict may rest on, and what each would be without."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rewriter.cilium.labels import K8S
from rewriter.cilium.settings import EnforcementMode, Settings
from rewriter.cilium.version import CLUSTER_NETWORK_POLICIES, DEFAULT_LOCAL_CLUSTER
from rewriter.evidence.possible_settings import VALUE_NAMES, shown
from rewriter.evidence.settings import settings_of
from rewriter.inventory.cilium.cilium_values import CiliumSettings
from rewriter.inventory.facts.model import Cluster

_FLAG = (True, False)
#: What the fields may be where that can be listed.
_POSSIBLE: Mapping[str, tuple[Any, ...]] = {
    "enforcement": tuple(EnforcementMode),
    **dict.fromkeys(
        ("audit", "node_selector_labels", "extended_ip_protocols", "cluster_network_policies", "mutual_authentication"),
        _FLAG,
    ),
    **dict.fromkeys(("default_local_cluster", "host_firewall", "cidr_match_nodes", "cidr_match_pods"), _FLAG),
}


def alternatives(
    cluster: Cluster | None, settings: Settings, *, target: bool, host_sources: frozenset[str]
) -> Iterator[tuple[str, Settings]]:
    """Each setting that may decide, in words with its source, and the settings without it.

    `host_sources` has the sources of the subject's labels with the key `host`: with any, the host firewall counts.
    """
    for field, value in VALUE_NAMES.items():
        written = getattr(cluster, field) if cluster else None
        if cluster is None or written is None:
            continue
        without: dict[str, Any] = {field: None}
        other = settings_of(replace(cluster, **without), settings.version, target=target)
        if field == "host_firewall":
            other = replace(other, host_firewall=not written)
        elif field == "default_local_cluster":  # As the release has it by default, it decides all the same.
            other = replace(other, default_local_cluster=not written)
        other = replace(other, single_cluster=settings.single_cluster)
        if other != settings:
            yield f"{value}: {shown(field, written)}, {cluster.source_of(field)}", other
    written = cluster.host_firewall if cluster else None
    if host_sources and written is None and not settings.host_firewall:
        whose = "a pod with a label `host`" if K8S in host_sources else "the node, with every pod on the host network,"
        words = f"hostFirewall.enabled, off by default: {whose} is out of enforcement"
        yield words, replace(settings, host_firewall=True)
    read = cluster is not None and cluster.cluster_network_policies is not None
    if settings.version >= CLUSTER_NETWORK_POLICIES and not read:
        words = "k8sClusterNetworkPolicy.enabled, off by default: no ClusterNetworkPolicy is read"
        yield words, replace(settings, cluster_network_policies=True)
    configured = cluster is not None and cluster.default_local_cluster is not None
    if settings.adds_local_cluster and not settings.single_cluster and not configured:
        words = f"clustermesh.policyDefaultLocalCluster, on by default from {DEFAULT_LOCAL_CLUSTER}"
        yield words, replace(settings, default_local_cluster=False)
    if settings.patch is not None:
        running = cluster.source_of("version") if cluster and settings.version.patch is None else None
        words = f"a fault of Cilium {settings.version}.{settings.patch}, {running or 'given by --to or the config'}"
        yield words, replace(settings, patch=None, first_patch=False)
    if not (cluster and cluster.identity_labels):
        yield "the agent's label filter, which leaves labels out of identities", replace(settings, pod_labels=None)


def left_open(
    cluster: Cluster | None, install: CiliumSettings, settings: Settings, *, target: bool
) -> Iterator[tuple[str, Sequence[Settings]]]:
    """Each setting of an installation whose value is a placeholder, in words, and the settings with what it may be.

    No settings where what it may be cannot be listed. What another source says of the cluster goes before.
    """
    known = cluster or Cluster(settings.local_cluster, install.source)
    for field, text in install.open:
        place = install.source_of(field)
        if field == "name":
            yield f"which cluster has Cilium as installed at {place} (cluster.name: {text}): judged without it", ()
        elif field in VALUE_NAMES and getattr(known, field) is None:
            others = [
                replace(
                    settings_of(replace(known, **{field: value}), settings.version, target=target),
                    single_cluster=settings.single_cluster,
                )
                for value in _POSSIBLE.get(field, ())
            ]
            if field == "host_firewall":
                others = [replace(settings, host_firewall=value) for value in (True, False)]
            yield f"what {VALUE_NAMES[field]} is: {text}, {place}; judged as if it were not set", others


def host_firewall_of(cluster: Cluster | None) -> bool | None:
    """Whether the host firewall is on: as configured, or off where the values of the installation are all known."""
    if cluster is None or cluster.host_firewall is not None or cluster.datapath is None:
        return cluster.host_firewall if cluster else None
    return cluster.datapath.host_firewall
