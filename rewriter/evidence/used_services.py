"""The Services that pods evidently use: what their settings name, with the port where it is written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rewriter import patterns as re
from rewriter.evidence.context import Context
from rewriter.evidence.operator_services import operator_services
from rewriter.evidence.reachable import workload_key
from rewriter.evidence.target_ports import is_behind
from rewriter.evidence.used_names import is_own_address, settings_of_pods
from rewriter.inventory.facts.model import Service, ServicePort, Workload

_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_NAME = rf"(?P<name>{_LABEL}(?:\.{_LABEL})*)\.?"
_URL = re.compile(
    rf"\b(?P<scheme>[a-z][a-z0-9+.-]*)://(?:[^/@\s]*@)?{_NAME}(?::(?P<port>\d{{2,5}}))?(?=[/?#\s]|$)", re.IGNORECASE
)
_HOST = re.compile(rf"{_NAME}(?::(?P<port>\d{{2,5}}))?(?:/\S*)?", re.IGNORECASE)
#: Settings whose value is the name of a host: `DB_HOST`, `--redis-host`, `databaseHost`.
_HOST_KEY = re.compile(r"(?:^|[_.-])(?:host|server|addr|address)$|[a-z](?:Host|Server|Addr|Address)$")
_SEPARATORS = re.compile(r"[\s,;\"'|<>()\[\]]+")
#: Where the programs behind URLs without a port listen.
_DEFAULT_PORTS = {"http": 80, "https": 443, "redis": 6379, "rediss": 6379, "postgres": 5432, "postgresql": 5432}
_DEFAULT_PORTS |= {"mysql": 3306, "amqp": 5672, "mongodb": 27017, "ldap": 389, "ldaps": 636, "nats": 4222}
#: Controllers of Flux, and the one that keeps the artifacts for them (fluxcd/flux2 manifests/bases, read at 2.7).
_FETCHING, _SOURCES = ("kustomize-controller", "helm-controller"), "source-controller"


class UsedService(NamedTuple):
    """A Service that pods use, its ports of which they use one, and where that is written.

    Of what programs use without a setting that names it `written` is False.
    """

    service: Service
    ports: tuple[ServicePort, ...]
    where: str
    written: bool = True


def used_services(context: Context, workload: Workload) -> tuple[UsedService, ...]:
    """The Services that the settings of a workload's containers name, with the namespace or of their own.

    A single word counts in an address (a URL, a name with a port), and where the setting is for a host (`DB_HOST`). Of
    an address without a port, each port of the Service may be the one. Read once for each workload of a run.
    """
    key = ("used services", *workload_key(workload))
    if key not in context.answers:
        context.answers[key] = _used_services(context, workload)
    used: tuple[UsedService, ...] = context.answers[key]
    return used


def _used_services(context: Context, workload: Workload) -> tuple[UsedService, ...]:
    found: dict[tuple[str, str, tuple[int, ...]], UsedService] = {}
    for key, text, where in settings_of_pods(context, workload):
        if len(text) > 20_000 or is_own_address(key):
            continue
        is_host = any(map(_HOST_KEY.search, (key, key.lower())))
        for name, port, address in _names(text):
            service = _service(context, workload, name, address=address or is_host)
            if service is None or (not address and is_behind(workload, service)):
                continue  # Also the own name that a program is told: `SERVER: web`.
            ports = tuple(
                exposed for exposed in service.ports if exposed.protocol == "TCP" and port in (None, exposed.port)
            )
            if ports:
                numbers = tuple(exposed.port for exposed in ports)
                found.setdefault((service.namespace, service.name, numbers), UsedService(service, ports, where))
    for service in _fetched_from(context, workload):
        where = f"{workload} of Flux fetches what it applies from {service.name}, {workload.source}"
        numbers = tuple(exposed.port for exposed in service.ports)
        found.setdefault(
            (service.namespace, service.name, numbers), UsedService(service, service.ports, where, written=False)
        )
    return tuple(found.values())


def _fetched_from(context: Context, workload: Workload) -> Iterator[Service]:
    """Flux's source-controller, for the controllers that get their artifacts there and say so in no setting."""
    if workload.name not in _FETCHING or workload.labels.get("app") != workload.name:
        return
    for service in context.inventory.services(_SOURCES, workload.namespace):
        if (service.selector or {}).get("app") == _SOURCES and workload.cluster in (None, service.cluster):
            yield service


def _names(text: str) -> Iterator[tuple[str, int | None, bool]]:
    """The names of a value, each with its port and whether it is a part of an address (a URL, or one with a port)."""
    tokens = _SEPARATORS.split(text)
    for token in tokens:
        if "$" in token or "{" in token:
            continue
        match = _URL.search(token)
        if match is not None:
            port = match["port"] or _DEFAULT_PORTS.get(match["scheme"].lower())
            yield match["name"].lower(), int(port) if port else None, True
            continue
        match = _HOST.fullmatch(token.rpartition("=")[2]) if "://" not in token else None
        if match is not None and (match["port"] or len(tokens) == 1):
            yield match["name"].lower(), int(match["port"]) if match["port"] else None, bool(match["port"])


def _service(context: Context, workload: Workload, name: str, *, address: bool) -> Service | None:
    """The one known Service that a name means for pods of a workload, in their own cluster.

    A name of two words, of a Service and its namespace, hardly means anything else.
    """
    labels = name.split(".")
    full = labels[2:3] == ["svc"] and labels[3:] in ([], ["cluster", "local"])
    if full or len(labels) == 2:
        namespace = labels[1]
    elif len(labels) == 1 and address:
        namespace = workload.namespace
    else:
        return None
    found = [
        service
        for service in context.inventory.services(labels[0], namespace)
        if workload.cluster is None or service.cluster in (None, workload.cluster)
    ] or list(operator_services(context, labels[0], namespace))
    return found[0] if len(found) == 1 and found[0].selector else None
