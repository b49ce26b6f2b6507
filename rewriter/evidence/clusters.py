"""The addresses of clusters: where their pods, nodes and Services are, as far as they are known."""

from __future__ import annotations

from collections.abc import Iterable

from rewriter.cilium.addresses import AddressSet, address_set
from rewriter.cilium.cidr import AddressError, Prefix, parse_prefix_or_address
from rewriter.inventory.facts.model import Cluster, Node
from rewriter.inventory.questions.inventory import Inventory
from rewriter.records import dataclass


@dataclass(frozen=True, slots=True)
class ClusterRanges:
    """The addresses of a cluster's pods, nodes and Services; None where they are not known.

    `within` are ranges that hold every pod of their address family and maybe other machines, `nodes_within` the same
    for nodes. `nodes_listed` says that nodes are known one by one, and not by a range that is theirs.
    """

    pods: AddressSet | None
    nodes: AddressSet | None
    services: AddressSet | None
    within: AddressSet | None = None
    nodes_listed: bool = False
    nodes_within: AddressSet | None = None

    @property
    def any_pods(self) -> AddressSet | None:
        """Where the pods are, as narrow as it is known."""
        return self.within if self.pods is None else self.pods

    def holds_pods(self, addresses: AddressSet) -> bool:
        """Whether pods may be at some of the addresses, as far as is known, where their exact ranges are not."""
        if self.pods is not None:
            return False
        if self.within is None:
            return True
        families = [width for width in (32, 128) if addresses.only(width)]
        return any(not self.within.only(width) or addresses & self.within.only(width) for width in families)


def ranges_of(inventory: Inventory, cluster: Cluster) -> ClusterRanges:
    """The ranges of a cluster: as configured, else those of its known Node objects."""
    nodes = [node for node in inventory.nodes() if node.cluster == cluster.name]
    return ClusterRanges(
        _known(cluster.pod_cidrs, nodes, "pod_cidrs"),
        _known(cluster.node_cidrs, nodes, "addresses"),
        None if cluster.service_cidrs is None else parsed(cluster.service_cidrs),
        None if cluster.pods_within is None else parsed(cluster.pods_within),
        cluster.node_cidrs is None,
        None if cluster.node_cidrs is not None or cluster.nodes_within is None else parsed(cluster.nodes_within),
    )


def parsed(texts: Iterable[str]) -> AddressSet:
    """The addresses of prefixes and bare addresses; what is neither is left out."""
    return address_set(prefix for text in texts if (prefix := parse(text)) is not None)


def parse(text: object) -> Prefix | None:
    """The prefix of a CIDR or of a bare address; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        return parse_prefix_or_address(text)
    except AddressError:
        return None


def _known(configured: tuple[str, ...] | None, nodes: Iterable[Node], field: str) -> AddressSet | None:
    if configured is not None:
        return parsed(configured)
    stated = parsed(text for node in nodes for text in getattr(node, field))
    return stated or None


def bare(address: Prefix) -> str:
    """A single address without its prefix length."""
    return str(address).rpartition("/")[0]
