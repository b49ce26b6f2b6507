"""One thing that a file says of a cluster."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from rewriter import patterns as re
from rewriter.inventory.facts.model import Source
from rewriter.records import dataclass

#: Ranges that kube-controller-manager gives to nodes. Pods get their addresses there with `ipam.mode: kubernetes` only.
KUBERNETES_PODS = "kubernetes_pod_cidrs"
#: Ranges that hold all of those, and may hold more.
KUBERNETES_PODS_WITHIN = "kubernetes_pods_within"
SERVICES = "service_cidrs"
#: Ranges that hold every node, and may hold other machines.
NODES_WITHIN = "nodes_within"
API_HOST, API_PORT = "api_server_host", "api_server_port"
#: Where API servers of Talos, kubeadm, k3s and RKE2 listen unless their configuration says otherwise.
USUAL_PORT = 6443

#: Words before the name of a range by which modules of Terraform say that it is one of the cluster.
_OF = "(?:cluster_|k8s_|kubernetes_|talos_|network_)?"
#: How variables of Terraform and Ansible are called that hold ranges.
_FIELDS = {
    KUBERNETES_PODS: "pod_cidrs? pods_cidrs? pod_subnets? pods_subnets? cluster_cidr cluster_pods?_cidrs? podSubnets?"
    " cluster_pod_nets? pod_network_cidr pod_cidr_block cluster_ipv4_cidr_block cluster_pod_subnets?"
    f" {_OF}pods?_(?:ipv4_)?cidrs?",
    SERVICES: "service_cidrs? services_cidrs? service_subnets? services_subnets? cluster_(?:service|svc)s?_cidrs?"
    " svc_cidrs? service_ipv4_cidr services_ipv4_cidr_block service_cidr_block cluster_service_subnets?"
    f" serviceSubnets? {_OF}(?:service|svc)s?_(?:ipv4_)?cidrs?",
    NODES_WITHIN: f"{_OF}nodes?_(?:ipv4_)?(?:cidrs?|subnets?) nodes?_(?:network_cidr|cidr_block)",
}
_NAMES = {field: re.compile("|".join(names.split())) for field, names in _FIELDS.items()}
_ENDPOINT = re.compile(r"(?:https?://)?(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?/?")


@dataclass(frozen=True, slots=True)
class StatedSetting:
    """A field of `Cluster` (or KUBERNETES_PODS) with its value.

    `cluster` is the name that the file gives the cluster; with `by_name` it is about no cluster of another name. A
    `default` counts only where nothing else is stated.
    """

    field: str
    value: Any
    source: Source
    cluster: str | None = None
    by_name: bool = False
    default: bool = False


@dataclass(frozen=True, slots=True)
class StatedNode:
    """A machine of the cluster with its addresses; `control_plane` says that the API server runs there."""

    name: str
    addresses: tuple[str, ...]
    control_plane: bool
    source: Source
    cluster: str | None = None


@dataclass(frozen=True, slots=True)
class StatedDistribution:
    """The distribution of Kubernetes that a cluster runs; `dns` says that it brings the cluster's DNS."""

    name: str
    source: Source
    cluster: str | None = None
    dns: bool = True
    by_name: bool = False


Reading = StatedSetting | StatedNode | StatedDistribution


def field_of_name(name: str) -> str | None:
    """The field that a variable of Terraform or Ansible holds, by the names that people give such variables."""
    return next((field for field, names in _NAMES.items() if names.fullmatch(name)), None)


def moved(readings: Iterable[Reading], lines: int) -> Iterator[Reading]:
    """What a text within a file says, at the file's own lines: `lines` stand above the text."""
    for reading in readings:
        yield replace(reading, source=replace(reading.source, line=(reading.source.line or 1) + lines))


def ranges(value: Any) -> tuple[str, ...]:
    """The CIDRs of a list or of a text with commas; none where one of them is no plain CIDR."""
    listed = re.split(r"[\s,]+", value) if isinstance(value, str) else value
    if not isinstance(listed, list) or not listed:
        return ()
    found = []
    for text in listed:
        try:
            found.append(str(ipaddress.ip_network(text if isinstance(text, str) and "/" in text else "", strict=False)))
        except ValueError:
            return ()
    return tuple(found)


def address(value: Any) -> str | None:
    """An IP address, with or without the length of a prefix."""
    try:
        return str(ipaddress.ip_interface(value).ip) if isinstance(value, str) else None
    except ValueError:
        return None


def endpoint(value: Any, source: Source, cluster: str | None = None, distribution: str = "") -> Iterator[StatedSetting]:
    """The host of an API server's URL, and its port where that is the usual one.

    Another port may be that of a load balancer before the API servers: then they listen where the distribution has it.
    """
    match = _ENDPOINT.fullmatch(value) if isinstance(value, str) else None
    if match is None or is_loopback(match[1]):
        return
    yield StatedSetting(API_HOST, match[1].strip("[]"), source, cluster)
    if match[2] == str(USUAL_PORT):
        yield StatedSetting(API_PORT, USUAL_PORT, source, cluster)
    elif distribution:
        yield usual_port(distribution, source, cluster)


def usual_port(distribution: str, source: Source, cluster: str | None = None) -> StatedSetting:
    """The port on which API servers of a distribution listen where its configuration names no other."""
    return StatedSetting(
        API_PORT, USUAL_PORT, replace(source, via=f"the default of {distribution}"), cluster, default=True
    )


def is_loopback(host: str) -> bool:
    """Whether a host is the machine itself: a proxy listens there, not the API server."""
    return host == "localhost" or host.startswith("127.") or host.strip("[]") == "::1"


def networks(field: str, value: Any, source: Source, cluster: str | None = None) -> Iterable[StatedSetting]:
    """A field of ranges, if they are written in full."""
    found = ranges(value)
    return (StatedSetting(field, found, source, cluster),) if found else ()
