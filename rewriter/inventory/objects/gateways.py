"""Gateways, routes and Ingresses as facts: of which class they are, and which Services stand behind them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any

from rewriter.inventory.facts.model import Source
from rewriter.inventory.objects.kubernetes import kept_annotations, load_balancer_ips, namespace_of
from rewriter.inventory.texts.manifests import Manifest, items, mapping, texts
from rewriter.records import dataclass

GATEWAY_GROUP = "gateway.networking.k8s.io"
ROUTE_KINDS = frozenset({"HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute"})
#: The controllers of Cilium (Cilium operator/pkg/gateway-api and operator/pkg/ingress).
CILIUM_GATEWAY_CONTROLLER = "io.cilium/gateway-controller"
CILIUM_INGRESS_CONTROLLER = "cilium.io/ingress-controller"
#: The class that Cilium's chart makes for each of them.
CILIUM_CLASS = "cilium"

_INGRESS_GROUPS = ("networking.k8s.io", "extensions")


@dataclass(frozen=True, slots=True)
class ControllerClass:
    """A GatewayClass or an IngressClass and its controller; `default` for an IngressClass that is the default."""

    kind: str
    name: str
    cluster: str | None
    controller: str
    source: Source
    default: bool = False


@dataclass(frozen=True, slots=True)
class Gateway:
    """A Gateway of the Gateway API. `addresses` are those that spec, status and annotations name."""

    name: str
    namespace: str
    cluster: str | None
    class_name: str
    source: Source
    listeners: tuple[int, ...] = ()
    hostnames: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"Gateway {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class RouteBackend:
    """A Service behind a route, and the port of it that is used: a number, a name, or None where none is written."""

    namespace: str
    name: str
    port: int | str | None


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the Gateway API. `parents` are the Gateways that it is attached to, as (namespace, name)."""

    kind: str
    name: str
    namespace: str
    cluster: str | None
    parents: tuple[tuple[str, str], ...]
    backends: tuple[RouteBackend, ...]
    source: Source
    hostnames: tuple[str, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Ingress:
    """An Ingress. `class_name` is None where neither the field nor the annotation names a class."""

    name: str
    namespace: str
    cluster: str | None
    class_name: str | None
    backends: tuple[RouteBackend, ...]
    source: Source
    hostnames: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"Ingress {self.namespace}/{self.name}"


def controller_class(manifest: Manifest, cluster: str | None) -> ControllerClass | None:
    """A GatewayClass or an IngressClass."""
    spec = mapping(manifest.value.get("spec"))
    field_name = {"GatewayClass": "controllerName", "IngressClass": "controller"}[manifest.kind]
    controller = spec.get(field_name)
    if not isinstance(controller, str) or not manifest.name:
        return None
    default = kept_annotations(manifest).get("ingressclass.kubernetes.io/is-default-class") == "true"
    return ControllerClass(manifest.kind, manifest.name, cluster, controller, manifest.source, default)


def gateway(manifest: Manifest, cluster: str | None) -> Gateway | None:
    """A Gateway of the Gateway API; Istio and others have kinds of that name too."""
    namespace, spec = namespace_of(manifest), mapping(manifest.value.get("spec"))
    class_name = spec.get("gatewayClassName")
    if _group(manifest) != GATEWAY_GROUP or namespace is None or not isinstance(class_name, str):
        return None
    listeners = items(spec.get("listeners"))
    status = mapping(manifest.value.get("status"))
    addresses = [*items(spec.get("addresses")), *items(status.get("addresses"))]
    asked = load_balancer_ips(texts(mapping(spec.get("infrastructure")).get("annotations")))
    return Gateway(
        name=manifest.name,
        namespace=namespace,
        cluster=cluster,
        class_name=class_name,
        source=manifest.source,
        listeners=tuple(dict.fromkeys(port for listener in listeners if isinstance(port := listener.get("port"), int))),
        hostnames=_texts(listener.get("hostname") for listener in listeners),
        addresses=_texts(
            [*(address.get("value") for address in addresses if address.get("type") in (None, "IPAddress")), *asked]
        ),
        annotations=kept_annotations(manifest),
    )


def route(manifest: Manifest, cluster: str | None) -> Route | None:
    """An HTTPRoute, GRPCRoute, TLSRoute, TCPRoute or UDPRoute with the Services that it leads to."""
    namespace, spec = namespace_of(manifest), mapping(manifest.value.get("spec"))
    if _group(manifest) != GATEWAY_GROUP or namespace is None:
        return None
    parents = [
        (str(item.get("namespace") or namespace), str(item.get("name")))
        for item in items(spec.get("parentRefs"))
        if item.get("kind", "Gateway") == "Gateway" and item.get("name")
    ]
    references = [
        reference
        for rule in items(spec.get("rules"))
        for reference in (*items(rule.get("backendRefs")), *_mirrors(rule))
    ]
    backends = [
        RouteBackend(
            str(reference.get("namespace") or namespace), str(reference.get("name")), _port(reference.get("port"))
        )
        for reference in references
        if reference.get("kind", "Service") == "Service" and not reference.get("group") and reference.get("name")
    ]
    hostnames = spec.get("hostnames")
    return Route(
        kind=manifest.kind,
        name=manifest.name,
        namespace=namespace,
        cluster=cluster,
        parents=tuple(dict.fromkeys(parents)),
        backends=tuple(dict.fromkeys(backends)),
        source=manifest.source,
        hostnames=_texts(hostnames if isinstance(hostnames, list) else ()),
        annotations=kept_annotations(manifest),
    )


def _mirrors(rule: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The Services that get a copy of each request."""
    for item in items(rule.get("filters")):
        reference = mapping(mapping(item.get("requestMirror")).get("backendRef"))
        if reference:
            yield reference


def ingress(manifest: Manifest, cluster: str | None) -> Ingress | None:
    """An Ingress with the Services that it leads to (also in the form of the API before v1)."""
    namespace, spec = namespace_of(manifest), mapping(manifest.value.get("spec"))
    if _group(manifest) not in _INGRESS_GROUPS or namespace is None:
        return None
    annotations = texts(manifest.metadata.get("annotations"))
    class_name = spec.get("ingressClassName") or annotations.get("kubernetes.io/ingress.class")
    rules = items(spec.get("rules"))
    paths = [path for rule in rules for path in items(mapping(rule.get("http")).get("paths"))]
    written = [spec.get("defaultBackend"), spec.get("backend"), *(path.get("backend") for path in paths)]
    backends = [found for backend in written if (found := _ingress_backend(mapping(backend), namespace)) is not None]
    balancer = mapping(mapping(manifest.value.get("status")).get("loadBalancer"))
    return Ingress(
        name=manifest.name,
        namespace=namespace,
        cluster=cluster,
        class_name=class_name if isinstance(class_name, str) else None,
        backends=tuple(dict.fromkeys(backends)),
        source=manifest.source,
        hostnames=_texts(rule.get("host") for rule in rules),
        addresses=_texts(item.get("ip") for item in items(balancer.get("ingress"))),
        annotations=kept_annotations(manifest),
    )


def _ingress_backend(backend: Mapping[str, Any], namespace: str) -> RouteBackend | None:
    service = mapping(backend.get("service"))
    if service:
        port = mapping(service.get("port"))
        name, number = service.get("name"), port.get("number", port.get("name"))
    else:
        name, number = backend.get("serviceName"), backend.get("servicePort")
    return RouteBackend(namespace, name, _port(number)) if isinstance(name, str) and name else None


def _port(value: Any) -> int | str | None:
    return value if isinstance(value, int | str) and not isinstance(value, bool) and value else None


def _group(manifest: Manifest) -> str:
    return str(manifest.value.get("apiVersion", "")).partition("/")[0]


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if isinstance(value, str) and value))
