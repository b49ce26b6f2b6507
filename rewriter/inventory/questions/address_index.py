"""Who has an address: Services, nodes, Gateways, and pools of which Services get theirs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from rewriter.cilium.addresses import AddressSet, address_set
from rewriter.cilium.cidr import AddressError, Prefix, parse_prefix_or_address, parsed_prefixes
from rewriter.inventory.facts.model import Node, Service
from rewriter.inventory.objects.gateways import Gateway
from rewriter.inventory.objects.load_balancers import AddressPool

Fact = TypeVar("Fact", Service, Node)


class AddressIndex:
    """Services by their ClusterIPs, external and load balancer addresses, and nodes by all of theirs."""

    def __init__(
        self,
        services: Iterable[Service],
        nodes: Iterable[Node],
        pools: Iterable[AddressPool] = (),
        gateways: Iterable[Gateway] = (),
    ) -> None:
        self._services = _indexed(
            (text, service)
            for service in services
            for text in (*service.cluster_ips, *service.external_ips, *service.load_balancer_ips)
        )
        self._nodes = _indexed((text, node) for node in nodes for text in node.addresses)
        self._balanced = address_set(parsed_prefixes(text for gateway in gateways for text in gateway.addresses))
        for pool in pools:
            self._balanced |= pool_addresses(pool)

    def services(self, address: Prefix) -> Sequence[Service]:
        """The Services that have this single address, of any cluster."""
        return self._services.get(address, ())

    def nodes(self, address: Prefix) -> Sequence[Node]:
        """The nodes that have this single address, of any cluster."""
        return self._nodes.get(address, ())

    def is_balanced(self, address: Prefix) -> bool:
        """Whether a Gateway has this address, or a pool from which Services get theirs holds it."""
        return address_set([address]) <= self._balanced


def pool_addresses(pool: AddressPool) -> AddressSet:
    """The addresses of a pool."""
    whole = address_set(parsed_prefixes(pool.cidrs))
    for first, last in pool.ranges:
        ends = parsed_prefixes((first, last))
        if len(ends) == 2 and ends[0].width == ends[1].width and ends[0].network <= ends[1].network:
            interval = ((ends[0].network, ends[1].network),)
            whole |= AddressSet(ipv4=interval) if ends[0].width == 32 else AddressSet(ipv6=interval)
    return whole


def _indexed(pairs: Iterable[tuple[str, Fact]]) -> Mapping[Prefix, list[Fact]]:
    found: dict[Prefix, list[Fact]] = {}
    for text, fact in pairs:
        try:
            address = parse_prefix_or_address(text)
        except AddressError:
            continue
        if address.bits == address.width:
            facts = found.setdefault(address, [])
            if fact not in facts:
                facts.append(fact)
    return found
