"""The ServiceMonitors that app-template makes of its values: which Service they name, and its ports.

Source: bjw-s-labs/helm-charts, `charts/library/common/templates/classes/_serviceMonitor.tpl`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewriter.inventory.charts.naming import NotKnownError, rendered
from rewriter.inventory.releases.model import Release
from rewriter.inventory.texts.manifests import items, mapping


def monitor_spec(
    release: Release, values: Mapping[str, Any], services: Mapping[str, Any], labels: Mapping[str, str]
) -> dict[str, Any]:
    """The `spec` of a ServiceMonitor of these values; `services` are the release's own manifests, by identifier.

    Raises NotKnownError where the Service that it names, or one of its ports, is a template that is not followed.
    """
    selector = values.get("selector")
    if not selector:
        selector = {"matchLabels": {"app.kubernetes.io/service": _service(release, values, services), **labels}}
    endpoints = [_filled(endpoint, release) for endpoint in items(values.get("endpoints"))]
    return {"namespaceSelector": {}, "selector": _filled(selector, release), "endpoints": endpoints}


def _service(release: Release, values: Mapping[str, Any], services: Mapping[str, Any]) -> str:
    reference = mapping(values.get("service"))
    written = values.get("serviceName") or reference.get("name")
    if isinstance(written, str):
        return rendered(written, release)
    own = mapping(services.get(str(reference.get("identifier"))))
    if not reference and len(services) == 1:
        own = mapping(next(iter(services.values())))
    name = mapping(own.get("metadata")).get("name")
    if not isinstance(name, str):
        raise NotKnownError("the Service of a ServiceMonitor")
    return name


def _filled(value: Any, release: Release) -> Any:
    """A value with its texts rendered. Raises NotKnownError."""
    if isinstance(value, dict):
        return {key: _filled(item, release) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, release) for item in value]
    return rendered(value, release) if isinstance(value, str) else value
