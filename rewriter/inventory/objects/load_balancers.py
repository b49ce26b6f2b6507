"""Addresses that Services get: pools of Cilium's LB IPAM and of MetalLB, and Services that a redirect takes over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from rewriter.cilium.digits import is_number
from rewriter.inventory.facts.model import NamedPort, Source
from rewriter.inventory.objects.kubernetes import namespace_of
from rewriter.inventory.texts.manifests import Manifest, items, mapping, texts
from rewriter.records import dataclass

CILIUM_POOL = "CiliumLoadBalancerIPPool"
METALLB_POOL = "IPAddressPool"


@dataclass(frozen=True, slots=True)
class AddressPool:
    """A CiliumLoadBalancerIPPool, or an IPAddressPool of MetalLB.

    `cidrs` and `ranges` (first and last address) are as written.

    `selector` is the label selector that says which Services may have its addresses; None where every one may.
    """

    name: str
    cluster: str | None
    source: Source
    cidrs: tuple[str, ...] = ()
    ranges: tuple[tuple[str, str], ...] = ()
    selector: Mapping[str, Any] | None = None
    disabled: bool = False
    kind: str = CILIUM_POOL

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class RedirectPolicy:
    """A CiliumLocalRedirectPolicy: traffic to a Service (or an address) goes to the chosen pods of the own node.

    `service` is (namespace, name), None for one that names an `address`. `frontend_ports` are empty where every port
    of the Service is meant. `backend` is the label selector of the pods (of the policy's namespace).
    """

    name: str
    namespace: str
    cluster: str | None
    source: Source
    service: tuple[str, str] | None = None
    address: str | None = None
    frontend_ports: tuple[NamedPort, ...] = ()
    backend: Mapping[str, Any] = field(default_factory=dict)
    backend_ports: tuple[NamedPort, ...] = ()

    def __str__(self) -> str:
        return f"CiliumLocalRedirectPolicy {self.namespace}/{self.name}"

    @property
    def backend_labels(self) -> Mapping[str, str]:
        """The labels of the pods that get the traffic."""
        return texts(self.backend.get("matchLabels"))


def address_pool(manifest: Manifest, cluster: str | None) -> AddressPool | None:
    """A CiliumLoadBalancerIPPool (`cidrs` of the first API version is what `blocks` is now), or one of MetalLB."""
    spec = mapping(manifest.value.get("spec"))
    if manifest.kind == METALLB_POOL:
        return _of_metallb(manifest, spec, cluster)
    blocks = [*items(spec.get("blocks")), *items(spec.get("cidrs"))]
    selector = spec.get("serviceSelector")
    ranges = [(block.get("start"), block.get("stop") or block.get("start")) for block in blocks]
    return AddressPool(
        name=manifest.name,
        cluster=cluster,
        source=manifest.source,
        cidrs=tuple(cidr for block in blocks if isinstance(cidr := block.get("cidr"), str)),
        ranges=tuple((first, last) for first, last in ranges if isinstance(first, str) and isinstance(last, str)),
        selector=selector if isinstance(selector, dict) and selector else None,
        disabled=spec.get("disabled") is True,
    )


def _of_metallb(manifest: Manifest, spec: Mapping[str, Any], cluster: str | None) -> AddressPool | None:
    """A pool of MetalLB, whose addresses are ranges with a hyphen or prefixes; None for another API's."""
    listed = spec.get("addresses")
    if not str(manifest.value.get("apiVersion", "")).startswith("metallb.io/") or not isinstance(listed, list):
        return None
    written = [text.replace(" ", "") for text in listed if isinstance(text, str)]
    ends = [text.partition("-") for text in written if "-" in text]
    return AddressPool(
        name=manifest.name,
        cluster=cluster,
        source=manifest.source,
        cidrs=tuple(text for text in written if "-" not in text),
        ranges=tuple((first, last) for first, _, last in ends),
        kind=METALLB_POOL,
    )


def redirect_policy(manifest: Manifest, cluster: str | None) -> RedirectPolicy | None:
    """A CiliumLocalRedirectPolicy; None where its namespace is not known."""
    namespace, spec = namespace_of(manifest), mapping(manifest.value.get("spec"))
    if namespace is None:
        return None
    frontend, backend = mapping(spec.get("redirectFrontend")), mapping(spec.get("redirectBackend"))
    matcher, address = mapping(frontend.get("serviceMatcher")), mapping(frontend.get("addressMatcher"))
    name = matcher.get("serviceName")
    ip = address.get("ip")
    return RedirectPolicy(
        name=manifest.name,
        namespace=namespace,
        cluster=cluster,
        source=manifest.source,
        service=(str(matcher.get("namespace") or namespace), name) if isinstance(name, str) else None,
        address=ip if isinstance(ip, str) else None,
        frontend_ports=_ports(matcher.get("toPorts") or address.get("toPorts")),
        backend=mapping(backend.get("localEndpointSelector")),
        backend_ports=_ports(backend.get("toPorts")),
    )


def _ports(value: Any) -> tuple[NamedPort, ...]:
    found = []
    for item in items(value):
        number = str(item.get("port", ""))
        if is_number(number):
            found.append(NamedPort(str(item.get("name") or ""), int(number), str(item.get("protocol") or "TCP")))
    return tuple(found)
