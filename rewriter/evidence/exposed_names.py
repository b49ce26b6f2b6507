"""Names that lead back into the cluster: of its own Gateways, Ingresses, LoadBalancer Services and DNS records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from rewriter.evidence.context import Context, is_here
from rewriter.inventory.facts.model import Service
from rewriter.inventory.objects.dns_records import DnsRecord
from rewriter.inventory.objects.gateways import (
    CILIUM_CLASS,
    CILIUM_GATEWAY_CONTROLLER,
    CILIUM_INGRESS_CONTROLLER,
    Gateway,
    Ingress,
    Route,
)
from rewriter.records import dataclass

_ANNOTATIONS = ("external-dns.alpha.kubernetes.io/", "external-dns.kubernetes.io/")
#: How many names may lead to each other.
_MOST_NAMES = 5
_CLOUD_CLASSES = ("alb", "nlb", "gce", "azure", "amazon", "aws", "gke", "application-lb")

#: How classes of other well-known controllers are called.
_OTHER_CLASSES = (
    "envoy",
    "eg",
    "istio",
    "nginx",
    "traefik",
    "kong",
    "contour",
    "haproxy",
    "kgateway",
    "gloo",
    "linkerd",
)


@dataclass(frozen=True, slots=True)
class ExposedName:
    """A name that the cluster itself serves. `by` says who, `service` is set for a LoadBalancer Service.

    `by_cilium` says that it is Cilium's own Gateway or Ingress, which clients reach as the entity `ingress`; None where
    its class is not read, so that it may be. `certain` is False where the address may be one outside, as a cloud's load
    balancer has it. `records` are the DNS records that lead there, as evidence. `gateways` are those of a route.
    """

    by: str
    source: str
    by_cilium: bool | None = False
    service: Service | None = None
    certain: bool = False
    records: tuple[str, ...] = ()
    gateways: tuple[Gateway, ...] = ()


def exposed_name(context: Context, name: str) -> ExposedName | None:
    """Who in the cluster serves a name; None where no known one does, or its record evidently points elsewhere.

    Found out once a cluster and run.
    """
    key = ("exposed name", context.cluster.name if context.cluster else None, name)
    if key not in context.answers:
        context.answers[key] = None if _is_tunnelled(context) else _served(context, name, _MOST_NAMES)
    found: ExposedName | None = context.answers[key]
    return found


def _served(context: Context, name: str, most: int) -> ExposedName | None:
    found = [
        *_by_service(context, name),
        *_by_gateway(context, name),
        *_by_ingress(context, name),
        *_by_record(context, name, most),
    ]
    return found[0] if found and None not in found else None


def exposed_pattern(context: Context, pattern: str, used: Iterable[str]) -> ExposedName | None:
    """Who in the cluster serves the names that a pattern like `*.example.com` covers; None where others may have some.

    A route, an Ingress or a listener for all of them shows it, and so do the names that the pods use (`used`), if all
    of these are served here. The known hosts that it covers must all lead into the cluster.
    """
    base = pattern.removeprefix("*").removeprefix("*")
    if not base.startswith(".") or "*" in base or base == pattern:
        return None
    inventory = context.inventory
    named = [route.hostnames for route in inventory.routes() if is_here(context, route.cluster)]
    named += [ingress.hostnames for ingress in inventory.ingresses() if is_here(context, ingress.cluster)]
    named += [(record.host,) for record in inventory.dns_records() if is_here(context, record.cluster)]
    hosts = {host.lower().rstrip(".") for names in named for host in names}
    wide = [host for host in hosts if host.startswith("*.") and (base.endswith(host[1:]) or host[1:] == base)]
    # A name that no one else has stands for all that a wildcard covers.
    names = {host.replace("*", "any", 1) for host in hosts if host.endswith(base)} | {f"any{base}" for _ in wide[:1]}
    asked = {name for name in used if name.endswith(base)}
    found = {name: exposed_name(context, name) for name in sorted(names | asked)}
    gateways = [gateway for gateway in inventory.gateways() if is_here(context, gateway.cluster)]
    listening = any(f"*{base}" == host.lower() for gateway in gateways for host in gateway.hostnames)
    if not names or None in found.values() or not (wide or listening or asked):
        return None
    return found.get(f"any{base}") or next(iter(found.values()))


def _by_service(context: Context, name: str) -> Iterator[ExposedName | None]:
    key = ("hosts of Services",)
    if key not in context.answers:
        made: dict[str, list[Service]] = {}
        for service in context.inventory.all_services():
            if service.type == "LoadBalancer":
                for host in dict.fromkeys(map(str.strip, _annotation(service.annotations, "hostname").split(","))):
                    made.setdefault(host, []).append(service)
        context.answers[key] = made
    named: Mapping[str, list[Service]] = context.answers[key]
    for service in named.get(name, ()):
        if is_here(context, service.cluster):
            if _points_elsewhere(service.annotations, service.load_balancer_ips):
                yield None
            else:
                known = bool(service.load_balancer_ips)
                yield ExposedName(str(service), str(service.source), service=service, certain=known)


def _by_gateway(context: Context, name: str) -> Iterator[ExposedName | None]:
    gateways = {(gateway.namespace, gateway.name): gateway for gateway in context.inventory.gateways()}
    for route in context.inventory.routes():
        if route.kind in ("TCPRoute", "UDPRoute") or not is_here(context, route.cluster):
            continue
        parents = [gateways[parent] for parent in route.parents if parent in gateways]
        if (
            not parents
            or len(parents) < len(route.parents)
            or not any(covers_host(host, name) for host in route.hostnames)
        ):
            continue
        addresses = tuple(address for parent in parents for address in parent.addresses)
        annotations = [route.annotations, *(parent.annotations for parent in parents)]
        clouds = any(parent.class_name.startswith(_CLOUD_CLASSES) for parent in parents)
        if clouds or any(_points_elsewhere(annotation, addresses) for annotation in annotations):
            yield None
        else:
            yield _of_gateway(context, route, parents)


def _of_gateway(context: Context, route: Route, parents: list[Gateway]) -> ExposedName:
    first = parents[0]
    answers = {_is_cilium(context, "GatewayClass", parent.class_name, CILIUM_GATEWAY_CONTROLLER) for parent in parents}
    cilium = False if False in answers else None if None in answers else True
    known = bool(first.addresses)
    return ExposedName(
        f"{route} on {first}", f"{route.source}, {first.source}", cilium, certain=known, gateways=tuple(parents)
    )


def _by_ingress(context: Context, name: str) -> Iterator[ExposedName | None]:
    for ingress in context.inventory.ingresses():
        if not is_here(context, ingress.cluster) or not any(covers_host(host, name) for host in ingress.hostnames):
            continue
        class_name = ingress.class_name or ""
        if _points_elsewhere(ingress.annotations, ingress.addresses) or class_name.startswith(_CLOUD_CLASSES):
            yield None
        else:
            yield _of_ingress(context, ingress)


def _of_ingress(context: Context, ingress: Ingress) -> ExposedName:
    cilium = _is_cilium(context, "IngressClass", ingress.class_name or "", CILIUM_INGRESS_CONTROLLER)
    return ExposedName(str(ingress), str(ingress.source), cilium, certain=bool(ingress.addresses))


def _by_record(context: Context, name: str, most: int) -> Iterator[ExposedName | None]:
    """Who has the addresses that the records of a name give; None for a record that leads elsewhere."""
    for record in context.inventory.dns_records():
        if is_here(context, record.cluster) and covers_host(record.host, name):
            holders = [_holder(context, record, target, most) for target in record.targets]
            first = holders[0] if holders and None not in holders and not record.proxied else None
            stated = f"{record} leads {record.host} to {', '.join(record.targets)}, {record.source}"
            yield first and replace(first, records=(stated, *first.records))


def _holder(context: Context, record: DnsRecord, target: str, most: int) -> ExposedName | None:
    """Who in the cluster has the target of a record: an address, or a name that leads on."""
    if record.alias:
        return _served(context, target, most - 1) if most else None
    for service in context.inventory.all_services():
        if target in service.load_balancer_ips and is_here(context, service.cluster):
            return ExposedName(str(service), str(service.source), service=service, certain=True)
    for gateway in context.inventory.gateways():
        if target in gateway.addresses and is_here(context, gateway.cluster):
            cilium = _is_cilium(context, "GatewayClass", gateway.class_name, CILIUM_GATEWAY_CONTROLLER)
            return ExposedName(str(gateway), str(gateway.source), cilium, certain=True)
    return None


def _is_cilium(context: Context, kind: str, class_name: str, controller: str) -> bool | None:
    """Whether a class is Cilium's; None where it is not read, and its name is not that of a well-known controller."""
    classes = [
        controller_class
        for controller_class in context.inventory.controller_classes()
        if controller_class.kind == kind and controller_class.name == class_name
    ]
    if not classes:
        return True if class_name == CILIUM_CLASS else False if class_name.startswith(_OTHER_CLASSES) else None
    return any(controller_class.controller == controller for controller_class in classes)


def covers_host(host: str, name: str) -> bool:
    """Whether a host of a route covers a name; a leading `*` stands for one or more labels."""
    host = host.lower().rstrip(".")
    return name == host or (host.startswith("*.") and name.endswith(host[1:]))


def _annotation(annotations: Mapping[str, str], name: str) -> str:
    return next((annotations[prefix + name] for prefix in _ANNOTATIONS if prefix + name in annotations), "")


def _points_elsewhere(annotations: Mapping[str, str], addresses: tuple[str, ...]) -> bool:
    """Whether external-dns is asked for a record that does not lead to the object's own address."""
    target = _annotation(annotations, "target")
    return _annotation(annotations, "cloudflare-proxied").lower() == "true" or bool(target and target not in addresses)


def _is_tunnelled(context: Context) -> bool:
    """Whether the cluster is exposed through a tunnel of Cloudflare, so that its names lead there."""
    key = ("tunnelled",)
    if key not in context.answers:
        inventory = context.inventory
        known = any(
            "cloudflared" in (workload.name, *workload.labels.values()) for workload in inventory.all_workloads()
        )
        context.answers[key] = known or any("cloudflared" in words for words in inventory.completeness().reasons)
    tunnelled: bool = context.answers[key]
    return tunnelled
