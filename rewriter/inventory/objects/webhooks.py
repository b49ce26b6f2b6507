"""Services that the API server calls: admission webhooks, extension APIs, conversion webhooks of CRDs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rewriter.inventory.facts.model import Source
from rewriter.inventory.texts.manifests import Manifest, items, mapping
from rewriter.records import dataclass

WEBHOOK_KINDS = frozenset(
    {"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "APIService", "CustomResourceDefinition"}
)

#: What the text of every CRD with a conversion webhook holds.
CONVERSION = "conversionReviewVersions"

_HTTPS = 443


@dataclass(frozen=True, slots=True)
class ApiServerCall:
    """A Service that the API server calls on a port, and the object that says so."""

    kind: str
    name: str
    cluster: str | None
    service: str
    namespace: str
    port: int
    source: Source

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def api_server_calls(manifest: Manifest, cluster: str | None) -> tuple[ApiServerCall, ...]:
    """The Services that one webhook configuration, APIService or CRD has the API server call.

    The port is 443 where none is written (Kubernetes API, WebhookClientConfig and ServiceReference).
    """
    found: dict[ApiServerCall, None] = {}
    for reference in _references(manifest):
        name, namespace = reference.get("name"), reference.get("namespace")
        port = reference.get("port", _HTTPS)
        if isinstance(name, str) and isinstance(namespace, str) and isinstance(port, int):
            found[ApiServerCall(manifest.kind, manifest.name, cluster, name, namespace, port, manifest.source)] = None
    return tuple(found)


def _references(manifest: Manifest) -> Iterator[Mapping[str, Any]]:
    spec = mapping(manifest.value.get("spec"))
    if manifest.kind == "APIService":
        yield mapping(spec.get("service"))
    elif manifest.kind == "CustomResourceDefinition":
        conversion = mapping(spec.get("conversion"))
        if conversion.get("strategy") == "Webhook":
            config = mapping(mapping(conversion.get("webhook")).get("clientConfig"))
            yield mapping((config or mapping(conversion.get("webhookClientConfig"))).get("service"))
    else:
        for webhook in items(manifest.value.get("webhooks")):
            yield mapping(mapping(webhook.get("clientConfig")).get("service"))
