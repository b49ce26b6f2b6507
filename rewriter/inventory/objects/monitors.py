"""Who reads metrics of which pods: monitors, and the Prometheus or VMAgent whose selectors take them up.

Source: prometheus-operator, `Documentation/api-reference/api.md`; VictoriaMetrics operator, `docs/api.md`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from rewriter.inventory.facts.model import Source
from rewriter.inventory.objects.kubernetes import namespace_of
from rewriter.inventory.texts.manifests import Manifest, items, mapping, texts
from rewriter.records import dataclass

#: The kinds of monitor, each with the field of its endpoints. One is of Services, or of pods.
_ENDPOINTS = {
    "ServiceMonitor": "endpoints",
    "PodMonitor": "podMetricsEndpoints",
    "VMServiceScrape": "endpoints",
    "VMPodScrape": "podMetricsEndpoints",
}
#: What CloudNativePG makes a PodMonitor for, with the label by which it means the pods.
_DATABASES = {"Cluster": "cnpg.io/cluster", "Pooler": "cnpg.io/poolerName"}
_OF_DATABASES = "postgresql.cnpg.io/"
MONITOR_KINDS = frozenset({*_ENDPOINTS, *_DATABASES})
#: The kinds that scrape, each with the fields of its selectors by the kind of monitor; the namespace's come second.
_OF_PROMETHEUS = {
    "ServiceMonitor": ("serviceMonitorSelector", "serviceMonitorNamespaceSelector"),
    "PodMonitor": ("podMonitorSelector", "podMonitorNamespaceSelector"),
}
_OF_VICTORIA = {
    "VMServiceScrape": ("serviceScrapeSelector", "serviceScrapeNamespaceSelector"),
    "VMPodScrape": ("podScrapeSelector", "podScrapeNamespaceSelector"),
}
#: What the operator makes of Prometheus' own monitors, with their labels.
_CONVERTED = {"ServiceMonitor": "VMServiceScrape", "PodMonitor": "VMPodScrape"}
_SELECTORS = {"Prometheus": _OF_PROMETHEUS, "PrometheusAgent": _OF_PROMETHEUS, "VMAgent": _OF_VICTORIA}
SCRAPER_KINDS = frozenset(_SELECTORS)
#: Actions of relabelling by which a target may be left out.
_DROPPING = frozenset({"keep", "drop", "keepequal", "dropequal", "hashmod", "keep_if_equal", "drop_if_equal"})


class MonitoredPort(NamedTuple):
    """A port that is scraped: of the Service by `name`, or of the container by `target`, a number or a name."""

    name: str
    target: int | str | None


@dataclass(frozen=True, slots=True)
class Monitor:
    """A monitor of Services (by their labels) or of pods. `namespaces` is None where it is for every one."""

    kind: str
    name: str
    namespace: str
    cluster: str | None
    labels: Mapping[str, str]
    selector: Mapping[str, Any]
    namespaces: tuple[str, ...] | None
    ports: tuple[MonitoredPort, ...]
    source: Source

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"

    @property
    def is_of_pods(self) -> bool:
        return "Pod" in self.kind


@dataclass(frozen=True, slots=True)
class Scraper:
    """A Prometheus or VMAgent. `selectors` are those of monitors and of their namespaces, by the kind of monitor.

    A selector that is None takes none up, one of namespaces that is None those of the scraper's own.
    """

    kind: str
    name: str
    namespace: str
    cluster: str | None
    selectors: Mapping[str, tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]]
    source: Source

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Monitoring:
    """The scrapers of a place, and the monitors that they may take up."""

    scrapers: tuple[Scraper, ...] = ()
    monitors: tuple[Monitor, ...] = ()


def monitor(manifest: Manifest, cluster: str | None) -> Monitor | None:
    """A monitor; None for one whose pods or ports something decides that is not read."""
    namespace, spec = namespace_of(manifest), mapping(manifest.value.get("spec"))
    if manifest.kind in _DATABASES:
        return _of_database(manifest, namespace, cluster)
    selector = spec.get("selector")
    if namespace is None or not isinstance(selector, dict):
        return None
    within = mapping(spec.get("namespaceSelector"))
    named = within.get("matchNames")
    ports = tuple(
        MonitoredPort(name, target)
        for endpoint in items(spec.get(_ENDPOINTS[manifest.kind]))
        if _is_plain(endpoint)
        for name, target in _ports(endpoint)
    )
    return Monitor(
        kind=manifest.kind,
        name=manifest.name,
        namespace=namespace,
        cluster=cluster,
        labels=texts(manifest.metadata.get("labels")),
        selector=selector,
        namespaces=None
        if within.get("any") is True
        else tuple(name for name in named if isinstance(name, str))
        if isinstance(named, list) and named
        else (namespace,),
        ports=ports,
        source=manifest.source,
    )


def _of_database(manifest: Manifest, namespace: str | None, cluster: str | None) -> Monitor | None:
    """The PodMonitor that CloudNativePG makes for a Cluster or a Pooler which asks for one; None for any other.

    It inherits labels of the Cluster as the operator is set up, which is not known.
    """
    asked = mapping(mapping(manifest.value.get("spec")).get("monitoring")).get("enablePodMonitor")
    of_operator = str(manifest.value.get("apiVersion")).startswith(_OF_DATABASES)
    if namespace is None or asked is not True or not of_operator:
        return None
    selector = {"matchLabels": {_DATABASES[manifest.kind]: manifest.name}}
    ports = (MonitoredPort("metrics", None),)
    return Monitor("PodMonitor", manifest.name, namespace, cluster, {}, selector, (namespace,), ports, manifest.source)


def scraper(manifest: Manifest, cluster: str | None) -> Scraper | None:
    """A Prometheus, PrometheusAgent or VMAgent."""
    namespace, spec = namespace_of(manifest), mapping(manifest.value.get("spec"))
    if namespace is None:
        return None
    fields = {} if _is_otherwise(spec) else _SELECTORS[manifest.kind]
    found = {kind: _selected(spec, *names) for kind, names in fields.items()}
    if manifest.kind == "VMAgent" and found:
        found |= {kind: found[made] for kind, made in _CONVERTED.items()}
    return Scraper(manifest.kind, manifest.name, namespace, cluster, found, manifest.source)


def _is_otherwise(spec: Mapping[str, Any]) -> bool:
    """Whether a scraper does not run, or something beside its selectors decides what it scrapes."""
    off = spec.get("paused") is True or spec.get("replicas") == 0 or spec.get("replicaCount") == 0
    relabels = any(item.get("relabelings") for item in items(spec.get("scrapeClasses")))
    return off or relabels or spec.get("ignoreNamespaceSelectors") is True


def _selected(
    spec: Mapping[str, Any], selector: str, within: str
) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
    """The selectors of monitors and of namespaces; a VMAgent's are everything where it is to take up all."""
    own, place = spec.get(selector), spec.get(within)
    if own is None and place is None and spec.get("selectAllByDefault") is True:
        return {}, {}
    if own is None and place is not None and selector.endswith("ScrapeSelector"):
        own = {}  # A VMAgent that names namespaces takes up all of theirs.
    return own if isinstance(own, dict) else None, place if isinstance(place, dict) else None


def _is_plain(endpoint: Mapping[str, Any]) -> bool:
    """Whether every target of an endpoint is scraped, by the scraper itself, at the port that is written."""
    steps = [*items(endpoint.get("relabelings")), *items(endpoint.get("relabelConfigs"))]
    changed = any(
        str(step.get("action", "")).lower() in _DROPPING
        or "__address__" in (step.get("targetLabel"), step.get("target_label"))
        for step in steps
    )
    return not changed and not any(endpoint.get(name) for name in ("proxyUrl", "proxyURL"))


def _ports(endpoint: Mapping[str, Any]) -> Iterator[tuple[str, int | str | None]]:
    name, number = endpoint.get("port"), endpoint.get("portNumber")
    target = endpoint.get("targetPort") if number is None else number
    if isinstance(name, str) and name:
        yield name, None
    elif isinstance(target, int | str) and not isinstance(target, bool) and target:
        yield "", target
