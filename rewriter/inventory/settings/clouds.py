"""Clusters that kOps and eksctl make in a cloud.

- kOps' Cluster: `spec.podCIDR` and `serviceClusterIPRange`, and `nonMasqueradeCIDR`, of which kOps refuses a podCIDR
  that is no part (pkg/apis/kops/validation, "must be a subnet of nonMasqueradeCIDR"). Its `spec.subnets` hold the
  machines. From v1alpha3 on all of them are below `spec.networking`.
- eksctl's ClusterConfig: `kubernetesNetworkConfig.serviceIPv4CIDR`, and `vpc.cidr`, which holds the machines unless the
  VPC has further ranges or subnets of its own making.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rewriter import yamltext
from rewriter.inventory.facts.model import Source
from rewriter.inventory.settings.stated import (
    KUBERNETES_PODS,
    KUBERNETES_PODS_WITHIN,
    NODES_WITHIN,
    SERVICES,
    StatedSetting,
    networks,
    ranges,
)
from rewriter.inventory.texts.manifests import items, mapping

_OF_KOPS = (
    ("podCIDR", KUBERNETES_PODS),
    ("nonMasqueradeCIDR", KUBERNETES_PODS_WITHIN),
    ("serviceClusterIPRange", SERVICES),
)
#: What kOps writes where no pod has an IPv4 address of its own.
_ANYWHERE = frozenset({"::/0", "0.0.0.0/0"})

Place = Callable[[str], Source]
"""Where a route of the document stands."""


def read_kops(value: Mapping[str, Any], at: Place) -> Iterator[StatedSetting]:
    """What a Cluster of kOps says."""
    name = _metadata_name(value)
    spec = mapping(value.get("spec"))
    for own, route in ((spec, "/spec"), (mapping(spec.get("networking")), "/spec/networking")):
        for key, field in _OF_KOPS:
            if key in own and own[key] not in _ANYWHERE:
                yield from networks(field, own[key], at(f"{route}/{key}"), name)
        if found := _subnets(own):
            yield StatedSetting(NODES_WITHIN, found, at(f"{route}/subnets"), name)


def _subnets(own: Mapping[str, Any]) -> tuple[str, ...]:
    """The ranges of all subnets; none where one of them is not written in full."""
    each = [ranges(subnet.get("cidr")) for subnet in items(own.get("subnets"))]
    return tuple(dict.fromkeys(cidr for cidrs in each for cidr in cidrs)) if all(each) else ()


def read_eksctl(value: Mapping[str, Any], at: Place) -> Iterator[StatedSetting]:
    """What a ClusterConfig of eksctl says."""
    name = _metadata_name(value)
    network = mapping(value.get("kubernetesNetworkConfig"))
    if "serviceIPv4CIDR" in network:
        where = at("/kubernetesNetworkConfig/serviceIPv4CIDR")
        yield from networks(SERVICES, network["serviceIPv4CIDR"], where, name)
    vpc = mapping(value.get("vpc"))
    if "cidr" in vpc and not any(vpc.get(key) for key in ("extraCIDRs", "subnets", "id")):
        yield from networks(NODES_WITHIN, vpc["cidr"], at("/vpc/cidr"), name)


def _metadata_name(value: Mapping[str, Any]) -> str | None:
    name = mapping(value.get("metadata")).get("name")
    return name if isinstance(name, str) and name and not yamltext.has_substitution(name) else None
