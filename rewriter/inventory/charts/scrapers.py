"""What charts write into the scrapers that they make: which monitors these take up, and the network of their pods.

Source: prometheus-community/helm-charts, kube-prometheus-stack, `templates/prometheus/prometheus.yaml`;
VictoriaMetrics/helm-charts, victoria-metrics-k8s-stack, `values.yaml` (the spec of its VMAgent).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rewriter.inventory.releases.model import Release
from rewriter.inventory.texts.manifests import mapping

_MONITORS = ("serviceMonitor", "podMonitor")
#: What pods are known by, and what beside the selectors decides what is scraped (`objects.monitors`).
_OTHER_FIELDS = (
    *("hostNetwork", "podMetadata", "paused", "replicas", "replicaCount", "scrapeClasses", "ignoreNamespaceSelectors"),
)


def scraper_spec(release: Release, kind: str) -> dict[str, Any]:
    """The `spec` of a scraper of a release, as far as passes ask for it; without selectors where a value is unread."""
    if kind == "Prometheus":
        stack = mapping(release.values.get("prometheus"))
        own = mapping(stack.get("prometheusSpec"))
        is_agent = stack.get("agentMode") is True
        found = {} if release.unread or is_agent else _of_prometheus(release, own)
    else:
        own = mapping(mapping(release.values.get("vmagent")).get("spec"))
        found = {} if release.unread else {"selectAllByDefault": True, **own}
    return {**found, **{name: own[name] for name in _OTHER_FIELDS if name in own}}


def _of_prometheus(release: Release, own: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for monitor in _MONITORS:
        helm = own.get(f"{monitor}SelectorNilUsesHelmValues") is not False
        default = {"matchLabels": {"release": release.name}} if helm else {}
        found[f"{monitor}Selector"] = own.get(f"{monitor}Selector") or default
        found[f"{monitor}NamespaceSelector"] = own.get(f"{monitor}NamespaceSelector") or {}
    return found
