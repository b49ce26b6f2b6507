"""The Ingresses and routes of the Gateway API that app-template makes of its values: hosts, and the Services behind.

A backend is named by the identifier of one of the release's own Services or by the Service's name; where none is
written, it is the only Service of the release, on its only port. Up to version 2 a name is an identifier too.
Source: bjw-s-labs/helm-charts, `charts/library/common/templates/classes` (`_ingress.tpl`, `_route.tpl`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rewriter.inventory.charts.naming import NotKnownError, rendered
from rewriter.inventory.releases.model import Release
from rewriter.inventory.texts.manifests import items, mapping, texts

_GROUP = "gateway.networking.k8s.io/v1"


def ingress_spec(release: Release, values: Mapping[str, Any], services: Mapping[str, Any]) -> dict[str, Any]:
    """The `spec` of an Ingress of these values; `services` are the release's own manifests, by identifier."""
    rules = [
        {
            "host": host,
            "http": {
                "paths": [
                    {"backend": {"service": ingress_backend}}
                    for ingress_backend in _ingress_backends(release, entry, services)
                ]
            },
        }
        for entry in items(values.get("hosts"))
        for host in _known(release, [entry.get("host")])
    ]
    spec: dict[str, Any] = {"rules": rules}
    for field, name in (("className", "ingressClassName"), ("defaultBackend", "defaultBackend")):
        if values.get(field):
            spec[name] = values[field]
    return spec


def route_manifest(release: Release, values: Mapping[str, Any], services: Mapping[str, Any]) -> dict[str, Any]:
    """Kind and `spec` of a route of these values."""
    rules = [
        {**rule, "backendRefs": list(_references(release, _or_one(rule.get("backendRefs")), services))}
        for rule in _or_one(values.get("rules"))
    ]
    hostnames = values.get("hostnames")
    spec = {
        "parentRefs": list(items(values.get("parentRefs"))),
        "hostnames": _known(release, hostnames if isinstance(hostnames, list) else ()),
        "rules": rules,
    }
    return {"apiVersion": _GROUP, "kind": str(values.get("kind") or "HTTPRoute"), "spec": spec}


def known_annotations(release: Release, values: Mapping[str, Any]) -> dict[str, str]:
    """The annotations whose text is known without rendering."""
    written = texts(values.get("annotations"))
    return {key: text[0] for key, value in written.items() if (text := _known(release, [value]))}


def _or_one(written: Any) -> Sequence[Mapping[str, Any]]:
    """The items of a list; one without members, which stands for the default, where there are none."""
    found: list[Mapping[str, Any]] = [*items(written)]
    return found or [{}]


def _known(release: Release, written: Any) -> list[str]:
    found = []
    for text in written:
        try:
            found.append(rendered(text, release) if isinstance(text, str) else "")
        except NotKnownError:
            continue  # One host that only rendering fills in does not hide the others.
    return [text for text in found if text]


def _ingress_backends(
    release: Release, host: Mapping[str, Any], services: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    for reference in _references(
        release, [mapping(path.get("service")) for path in items(host.get("paths"))], services
    ):
        port = reference.get("port")
        key = "number" if isinstance(port, int) else "name"
        yield {"name": reference["name"], "port": {} if port is None else {key: port}}


def _references(
    release: Release, written: Sequence[Mapping[str, Any]], services: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """The Services that are meant, with name and port; none for a reference that is not followed."""
    for reference in written:
        if reference.get("kind", "Service") != "Service":
            yield dict(reference)
            continue
        service = _own(release, reference, services)
        given = _known(release, [reference.get("name")])
        name = mapping(service.get("metadata")).get("name") if service else next(iter(given), None)
        if name is None:
            continue
        port = reference.get("port") or _only_port(service)
        namespace = reference.get("namespace")
        yield {
            "name": name,
            **({} if port is None else {"port": port}),
            **({"namespace": namespace} if isinstance(namespace, str) else {}),
        }


def _own(release: Release, reference: Mapping[str, Any], services: Mapping[str, Any]) -> Mapping[str, Any]:
    """The Service of the release that a reference means; empty for another."""
    name, identifier = reference.get("name"), reference.get("identifier")
    if not name and not identifier:
        return next(iter(services.values())) if len(services) == 1 else {}
    if name and (release.chart.major or 1) > 2:
        return {}
    return mapping(services.get(str(name or identifier)))


def _only_port(service: Mapping[str, Any]) -> Any:
    ports = items(mapping(service.get("spec")).get("ports"))
    return ports[0].get("port") if len(ports) == 1 else None
