"""The pods through which routes lead to others: proxies that controllers make for Gateways, and Ingress controllers.

Cilium's own Gateways and Ingresses have no pods: see `evidence.gateways`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from rewriter.evidence.context import Context, is_here
from rewriter.evidence.reachable import workload_key
from rewriter.evidence.target_ports import ends_of
from rewriter.inventory.facts.model import Service, Workload
from rewriter.inventory.objects.gateways import Gateway, Ingress, Route

_OWNER = "gateway.envoyproxy.io/owning-gateway"
_NAME = "gateway.networking.k8s.io/gateway-name"
#: What the pods of Ingress controllers carry, by the class that their charts give them.
_CONTROLLERS = {
    "nginx": {"app.kubernetes.io/name": "ingress-nginx", "app.kubernetes.io/component": "controller"},
    "traefik": {"app.kubernetes.io/name": "traefik"},
}


class RouteClient(NamedTuple):
    """Pods that a route sends to a port of others. `labels` are those by which a rule means them."""

    proxy: Workload
    labels: Mapping[str, str]
    way: Route | Ingress
    service: Service
    port: int

    @property
    def evidence(self) -> tuple[str, ...]:
        return (
            f"{self.way}, {self.way.source}: leads to {self.service}, {self.service.source}, port {self.port} of its "
            f"pods, through {self.proxy}, {self.proxy.source}",
        )


def route_clients(context: Context, workload: Workload) -> tuple[RouteClient, ...]:
    """The proxies that send requests to the pods of a workload, each with the port there. Remembered."""
    key = ("route clients", *workload_key(workload))
    if key not in context.answers:
        context.answers[key] = tuple(_clients(context, workload))
    found: tuple[RouteClient, ...] = context.answers[key]
    return found


def has_routes(context: Context) -> bool:
    """Whether any proxy is known that sends requests to pods of the policy's cluster."""
    return bool(_services(context))


def _clients(context: Context, workload: Workload) -> Iterator[RouteClient]:
    for proxy, labels, way, service in _services(context):
        for number in ends_of(way.backends, service, workload):
            yield RouteClient(proxy, labels, way, service, number)


def _services(context: Context) -> tuple[tuple[Workload, Mapping[str, str], Route | Ingress, Service], ...]:
    """The Services behind routes, with the proxies before them. Found out once a cluster and run."""
    key = ("routed services", context.cluster.name if context.cluster else None)
    if key not in context.answers:
        ways: list[tuple[Workload, Mapping[str, str], Route | Ingress]] = [*_routes(context), *_ingresses(context)]
        context.answers[key] = tuple(
            (proxy, labels, way, service)
            for proxy, labels, way in ways
            for backend in way.backends
            for service in context.inventory.services(backend.name, backend.namespace)
            if is_here(context, service.cluster)
        )
    found: tuple[tuple[Workload, Mapping[str, str], Route | Ingress, Service], ...] = context.answers[key]
    return found


def _routes(context: Context) -> Iterator[tuple[Workload, Mapping[str, str], Route]]:
    gateways = {(g.namespace, g.name): g for g in context.inventory.gateways() if is_here(context, g.cluster)}
    for route in context.inventory.routes() if gateways else ():
        for parent in route.parents if is_here(context, route.cluster) else ():
            gateway = gateways.get(parent)
            found = _proxy(context, gateway) if gateway is not None else None
            if found is not None:
                yield (*found, route)


def _proxy(context: Context, gateway: Gateway) -> tuple[Workload, Mapping[str, str]] | None:
    """The pods that a controller makes for a Gateway, where the controller is known."""
    ways: tuple[dict[str, str], ...] = (
        {f"{_OWNER}-name": gateway.name, f"{_OWNER}-namespace": gateway.namespace},
        {_NAME: gateway.name},
    )
    for labels in ways:
        found = [w for w in context.inventory.workloads_with(labels) if is_here(context, w.cluster)]
        found = [w for w in found if _NAME not in labels or w.namespace == gateway.namespace]
        match found:
            case [proxy]:
                return proxy, labels
    return None


def _ingresses(context: Context) -> Iterator[tuple[Workload, Mapping[str, str], Ingress]]:
    for ingress in context.inventory.ingresses():
        labels = _CONTROLLERS.get(ingress.class_name or "")
        if labels is not None and is_here(context, ingress.cluster):
            found = [w for w in context.inventory.workloads_with(labels) if is_here(context, w.cluster)]
            if len(found) == 1:
                yield found[0], labels, ingress
