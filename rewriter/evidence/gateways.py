"""The Gateways and Ingresses that Cilium itself serves: its Envoy, entity `ingress`, stands between client and pods."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from rewriter.cilium.identity import reserved_identity
from rewriter.cilium.selector import read_selector
from rewriter.evidence.context import Context, is_here
from rewriter.evidence.reachable import workload_key
from rewriter.evidence.target_ports import ends_of, is_behind, same_service
from rewriter.inventory.facts.model import Service, Workload
from rewriter.inventory.objects.gateways import (
    CILIUM_CLASS,
    CILIUM_GATEWAY_CONTROLLER,
    CILIUM_INGRESS_CONTROLLER,
    Gateway,
    Ingress,
    Route,
)
from rewriter.records import dataclass

ENVOY = reserved_identity("ingress")
_HTTP, _HTTPS = 80, 443

#: What Cilium calls the Services that it makes (Cilium operator/pkg/model/translation).
_GATEWAY_SERVICE = "cilium-gateway-"
_INGRESS_SERVICE = "cilium-ingress"
_GATEWAY_LABELS = ("gateway.networking.k8s.io/gateway-name", "io.cilium.gateway/owning-gateway")

_Front = TypeVar("_Front", Gateway, Ingress)


@dataclass(frozen=True, slots=True)
class Fronted:
    """A workload's port to which a route leads: `front` is the Gateway, or the Ingress itself, `way` the route."""

    front: Gateway | Ingress
    way: Route | Ingress
    service: Service
    workload: Workload
    port: int

    @property
    def evidence(self) -> tuple[str, ...]:
        """The route, its backend and its class, with their sources."""
        of_class = f"class {self.front.class_name or CILIUM_CLASS}"
        if self.front is self.way:
            way = f"{self.way} ({of_class}), {self.way.source}"
        else:
            way = f"{self.way}, {self.way.source}, of {self.front} ({of_class}), {self.front.source}"
        return (f"{way}: leads to {self.service}, {self.service.source}, port {self.port} of its pods",)


def cilium_gateways(context: Context) -> tuple[Gateway, ...]:
    """The Gateways of the policy's cluster whose class is Cilium's."""
    return _of_cilium(context, "gateways", context.inventory.gateways)


def cilium_ingresses(context: Context) -> tuple[Ingress, ...]:
    """The Ingresses of the policy's cluster whose class is Cilium's."""
    return _of_cilium(context, "ingresses", context.inventory.ingresses)


def _of_cilium(context: Context, kind: str, known: Callable[[], Iterable[_Front]]) -> tuple[_Front, ...]:
    key = ("of Cilium", kind, _own(context))
    if key not in context.answers:
        context.answers[key] = tuple(
            front for front in known() if is_here(context, front.cluster) and _is_cilium(context, front)
        )
    found: tuple[_Front, ...] = context.answers[key]
    return found


def front_ports(context: Context) -> tuple[int, ...]:
    """The ports on which Cilium's Gateways and Ingresses of the policy's cluster listen; empty where there are none."""
    gateways, ingresses = cilium_gateways(context), cilium_ingresses(context)
    found = [port for gateway in gateways for port in gateway.listeners or (_HTTPS,)]
    return tuple(dict.fromkeys((*found, *((_HTTPS, _HTTP) if ingresses else ()))))


def fronted(context: Context, workload: Workload) -> tuple[Fronted, ...]:
    """The ways through Cilium's Gateways and Ingresses that lead to the pods of a workload, one a port. Remembered."""
    key = ("fronted", _own(context), *workload_key(workload))
    if key not in context.answers:
        context.answers[key] = tuple(_fronted(context, workload))
    found: tuple[Fronted, ...] = context.answers[key]
    return found


def _fronted(context: Context, workload: Workload) -> Iterator[Fronted]:
    done: set[tuple[str, int]] = set()
    for front, way, service in _services(context):
        for number in ends_of(way.backends, service, workload):
            if (str(front), number) not in done:
                done.add((str(front), number))
                yield Fronted(front, way, service, workload, number)


def every_fronted(context: Context) -> Iterator[Fronted]:
    """Every way through Cilium's Gateways and Ingresses to known pods."""
    done: set[tuple[object, ...]] = set()
    for _, _, service in _services(context):
        for workload in context.inventory.workloads_with(service.selector or {}) if service.selector else ():
            key = workload_key(workload)
            if key not in done and is_behind(workload, service):
                done.add(key)
                yield from fronted(context, workload)


def _services(context: Context) -> tuple[tuple[Gateway | Ingress, Route | Ingress, Service], ...]:
    """The Services behind Cilium's Gateways and Ingresses. Found out once a cluster and run."""
    key = ("fronted services", _own(context))
    if key not in context.answers:
        ways: list[tuple[Gateway | Ingress, Route | Ingress]] = [
            (ingress, ingress) for ingress in cilium_ingresses(context)
        ]
        by_name = {(gateway.namespace, gateway.name): gateway for gateway in cilium_gateways(context)}
        for route in context.inventory.routes() if by_name else ():
            if is_here(context, route.cluster):
                ways += [(by_name[parent], route) for parent in route.parents if parent in by_name]
        # Of copies of a route or of a Service the first stands for all.
        every: dict[tuple[object, ...], tuple[Gateway | Ingress, Route | Ingress, Service]] = {}
        for front, way in ways:
            for backend in way.backends:
                for service in context.inventory.services(backend.name, backend.namespace):
                    if is_here(context, service.cluster):
                        alike = (str(front), way.backends, same_service(service))
                        every.setdefault(alike, (front, way, service))
        context.answers[key] = tuple(every.values())
    found: tuple[tuple[Gateway | Ingress, Route | Ingress, Service], ...] = context.answers[key]
    return found


def own_service_of(context: Context, entry: Any) -> Gateway | Ingress | None:
    """The Gateway or Ingress of Cilium whose own Service an entry of toServices means; None for any other."""
    named = entry.get("k8sService") if isinstance(entry, dict) else None
    selected = entry.get("k8sServiceSelector") if isinstance(entry, dict) else None
    if isinstance(named, dict):
        return _named(context, str(named.get("serviceName") or ""), named.get("namespace"))
    selector = read_selector(selected.get("selector"), "") if isinstance(selected, dict) else None
    if selector is None or not isinstance(selected, dict):
        return None
    for requirement in selector.requirements:
        if requirement.key in _GATEWAY_LABELS and requirement.operator == "In":
            for gateway in cilium_gateways(context):
                if gateway.name in requirement.values and selected.get("namespace") in (None, "", gateway.namespace):
                    return gateway
    return None


def _named(context: Context, name: str, namespace: Any) -> Gateway | Ingress | None:
    if name.startswith(_GATEWAY_SERVICE):
        for gateway in cilium_gateways(context):
            if name == _GATEWAY_SERVICE + gateway.name and namespace in (None, "", gateway.namespace):
                return gateway
    elif name.startswith(_INGRESS_SERVICE):
        shared = name == _INGRESS_SERVICE
        for ingress in cilium_ingresses(context):
            if shared or (name == f"{_INGRESS_SERVICE}-{ingress.name}" and namespace in (None, "", ingress.namespace)):
                return ingress
    return None


def is_made_by_cilium(name: str) -> bool:
    """Whether a Service has a name under which Cilium itself makes Services."""
    return name.startswith((_GATEWAY_SERVICE, _INGRESS_SERVICE))


def _is_cilium(context: Context, way: Gateway | Ingress) -> bool:
    kind, controller = "GatewayClass", CILIUM_GATEWAY_CONTROLLER
    if isinstance(way, Ingress):
        kind, controller = "IngressClass", CILIUM_INGRESS_CONTROLLER
    classes = [c for c in context.inventory.controller_classes() if c.kind == kind and is_here(context, c.cluster)]
    if way.class_name is None:
        return any(c.default and c.controller == controller for c in classes)
    known = [c for c in classes if c.name == way.class_name]
    return any(c.controller == controller for c in known) if known else way.class_name == CILIUM_CLASS


def _own(context: Context) -> str | None:
    return context.cluster.name if context.cluster else None
