"""Addresses behind which Services stand. Load balancing turns them into backends before policy sees a connection.

ClusterIPs always; external and load balancer addresses where Cilium replaces kube-proxy, and from 1.19 on everywhere
(Cilium docs, "Kubernetes Without kube-proxy"; pkg/loadbalancer).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rewriter.cilium.addresses import AddressSet, address_set
from rewriter.cilium.cidr import Prefix
from rewriter.cilium.selector import read_selector, selects_object
from rewriter.cilium.version import LOAD_BALANCED_IN_POD
from rewriter.evidence.clusters import bare, parse, parsed
from rewriter.evidence.context import Context, is_here
from rewriter.evidence.gateways import cilium_gateways
from rewriter.evidence.workloads import hidden_services
from rewriter.inventory.facts.model import Service
from rewriter.inventory.objects.gateways import Gateway
from rewriter.inventory.objects.load_balancers import CILIUM_POOL, AddressPool
from rewriter.inventory.questions.address_index import pool_addresses
from rewriter.inventory.texts.manifests import mapping
from rewriter.records import dataclass

_POOL_KEYS = ("io.kubernetes.service.name", "io.kubernetes.service.namespace")


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has an address: a Service, or a Gateway of Cilium; `words` say how, with the source.

    `hidden` is what may make other Services that have it instead, in words.
    """

    who: Service | Gateway
    words: str
    hidden: tuple[str, ...] = ()


def holders(context: Context, address: Prefix) -> tuple[Holder, ...]:
    """The Services, and Cilium's Gateways, of the policy's cluster that have a single address."""
    gateways = [
        Holder(gateway, f"{gateway}, {gateway.source}: has the address {bare(address)}")
        for gateway in cilium_gateways(context)
        if address in map(parse, gateway.addresses)
    ]
    services = [
        Holder(service, words)
        for service in context.inventory.addresses.services(address)
        if is_here(context, service.cluster) and (words := _how(context, service, address))
    ]
    return tuple(gateways or services or _of_pools(context, address))


def _how(context: Context, service: Service, address: Prefix) -> str:
    """By what a Service has an address, in words; empty where policy sees the address itself."""
    if address in map(parse, service.cluster_ips):
        return f"{service}, {service.source}: ClusterIP {bare(address)}"
    if not balances(context):
        return ""
    what = "external address" if address in map(parse, service.external_ips) else "load balancer address"
    return f"{service}, {service.source}: {what} {bare(address)}"


def balances(context: Context) -> bool:
    """Whether Cilium turns external and load balancer addresses into backends for pods on the target release."""
    replaced = context.cluster.kube_proxy_replacement if context.cluster else None
    return replaced is not False or context.to_version >= LOAD_BALANCED_IN_POD


def _of_pools(context: Context, address: Prefix) -> Iterator[Holder]:
    """The one Service that gets its address from the pool that holds it."""
    if not balances(context):
        return
    for pool in context.inventory.address_pools():
        # MetalLB gives addresses by rules of its own: which Service has one is not known from the pool.
        if pool.disabled or pool.kind != CILIUM_POOL or not is_here(context, pool.cluster):
            continue
        if not address_set([address]) <= pool_addresses(pool):
            continue
        served = [service for service in _load_balancers(context) if _is_served(pool, service)]
        names = {(service.namespace, service.name) for service in served}
        if len(names) == 1 and not served[0].load_balancer_ips:
            service = served[0]
            words = (
                f"{service}, {service.source}: the only Service of {pool}, {pool.source}, which holds {bare(address)}"
            )
            named = pool.selector is not None and _POOL_KEYS[0] in mapping(pool.selector.get("matchLabels"))
            hidden = () if named else tuple(map(str, hidden_services(context, None)))
            yield Holder(service, words, hidden)


def _load_balancers(context: Context) -> list[Service]:
    return [
        service
        for service in context.inventory.all_services()
        if service.type == "LoadBalancer" and is_here(context, service.cluster)
    ]


def _is_served(pool: AddressPool, service: Service) -> bool:
    if pool.selector is None:
        return True
    labels = {**service.labels, **dict(zip(_POOL_KEYS, (service.name, service.namespace), strict=True))}
    return _selects(pool.selector, labels)


def _selects(raw: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    selector = read_selector(dict(raw), "")
    return selector is not None and selects_object(selector, labels)


def service_range(context: Context, addresses: AddressSet) -> str:
    """The Service range in which all of these addresses lie, in words with its source; empty for none."""
    cluster = context.cluster
    if cluster is None or not cluster.service_cidrs or not addresses <= parsed(cluster.service_cidrs):
        return ""
    return f"Service range {', '.join(cluster.service_cidrs)} of {cluster.name}, {cluster.source_of('service_cidrs')}"
