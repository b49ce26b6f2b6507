"""What monitors name, and which of them a Prometheus or VMAgent takes up."""

from __future__ import annotations

from typing import Any

import pytest

from rewriter.inventory.facts.model import Source
from rewriter.inventory.objects.monitors import MonitoredPort, monitor, scraper
from rewriter.inventory.texts.manifests import Manifest


def _manifest(kind: str, spec: dict[str, Any], **metadata: Any) -> Manifest:
    return Manifest(
        Source("a.yaml", 1), {"kind": kind, "metadata": {"name": "a", "namespace": "shop"} | metadata, "spec": spec}
    )


@pytest.mark.parametrize(
    ("kind", "endpoint", "ports"),
    [
        ("ServiceMonitor", {"port": "metrics"}, (MonitoredPort("metrics", None),)),
        ("ServiceMonitor", {"targetPort": 9102}, (MonitoredPort("", 9102),)),
        ("ServiceMonitor", {"targetPort": "metrics"}, (MonitoredPort("", "metrics"),)),
        ("ServiceMonitor", {"path": "/metrics"}, ()),
        ("ServiceMonitor", {"port": "metrics", "proxyUrl": "http://proxy"}, ()),
        ("ServiceMonitor", {"port": "metrics", "relabelings": [{"action": "Drop"}]}, ()),
        ("ServiceMonitor", {"port": "metrics", "relabelings": [{"targetLabel": "__address__"}]}, ()),
        (
            "ServiceMonitor",
            {"port": "metrics", "relabelings": [{"targetLabel": "node"}]},
            (MonitoredPort("metrics", None),),
        ),
        (
            "ServiceMonitor",
            {"port": "metrics", "metricRelabelings": [{"action": "drop"}]},
            (MonitoredPort("metrics", None),),
        ),
        ("VMServiceScrape", {"port": "metrics", "relabelConfigs": [{"action": "keep_if_equal"}]}, ()),
        ("PodMonitor", {"portNumber": 9102}, (MonitoredPort("", 9102),)),
        ("VMPodScrape", {"port": "metrics"}, (MonitoredPort("metrics", None),)),
    ],
)
def test_ports(kind: str, endpoint: dict[str, Any], ports: tuple[MonitoredPort, ...]) -> None:
    field = "podMetricsEndpoints" if "Pod" in kind else "endpoints"
    made = monitor(_manifest(kind, {"selector": {}, field: [endpoint]}), None)
    assert made is not None
    assert made.ports == ports


@pytest.mark.parametrize(
    ("written", "namespaces"),
    [
        (None, ("shop",)),
        ({}, ("shop",)),
        ({"matchNames": ["a", "b"]}, ("a", "b")),
        ({"any": True}, None),
        ({"any": True, "matchNames": ["a"]}, None),
    ],
)
def test_namespaces(written: Any, namespaces: tuple[str, ...] | None) -> None:
    made = monitor(_manifest("ServiceMonitor", {"selector": {}, "namespaceSelector": written}), None)
    assert made is not None
    assert made.namespaces == namespaces


def test_a_monitor_without_a_selector_or_a_namespace_is_none() -> None:
    assert monitor(_manifest("ServiceMonitor", {"endpoints": [{"port": "metrics"}]}), None) is None
    assert monitor(_manifest("PodMonitor", {"selector": {}}, namespace=None), None) is None


@pytest.mark.parametrize(
    ("kind", "spec", "monitors", "selectors"),
    [
        ("Prometheus", {}, "ServiceMonitor", (None, None)),
        ("Prometheus", {"serviceMonitorSelector": {}}, "ServiceMonitor", ({}, None)),
        ("Prometheus", {"serviceMonitorNamespaceSelector": {}}, "ServiceMonitor", (None, {})),
        ("Prometheus", {"podMonitorSelector": {}, "podMonitorNamespaceSelector": {}}, "PodMonitor", ({}, {})),
        ("VMAgent", {}, "VMServiceScrape", (None, None)),
        ("VMAgent", {"selectAllByDefault": True}, "VMPodScrape", ({}, {})),
        ("VMAgent", {"selectAllByDefault": True}, "ServiceMonitor", ({}, {})),
        ("VMAgent", {"serviceScrapeNamespaceSelector": {}}, "VMServiceScrape", ({}, {})),
        ("VMAgent", {"serviceScrapeSelector": {}}, "ServiceMonitor", ({}, None)),
    ],
)
def test_selectors(kind: str, spec: dict[str, Any], monitors: str, selectors: tuple[Any, Any]) -> None:
    made = scraper(_manifest(kind, spec), None)
    assert made is not None
    assert made.selectors[monitors] == selectors


@pytest.mark.parametrize(
    "spec",
    [
        {"paused": True},
        {"replicas": 0},
        {"ignoreNamespaceSelectors": True},
        {"scrapeClasses": [{"name": "all", "default": True, "relabelings": [{"action": "drop"}]}]},
    ],
)
@pytest.mark.parametrize("kind", ["Prometheus", "VMAgent"])
def test_a_scraper_of_which_more_than_selectors_decides_takes_nothing_up(kind: str, spec: dict[str, Any]) -> None:
    made = scraper(_manifest(kind, {"serviceMonitorSelector": {}, "selectAllByDefault": True, **spec}), None)
    assert made is not None
    assert made.selectors == {}


def test_classes_that_only_say_how_to_connect_change_nothing() -> None:
    spec = {"serviceMonitorSelector": {}, "scrapeClasses": [{"name": "tls", "tlsConfig": {}}]}
    made = scraper(_manifest("Prometheus", spec), None)
    assert made is not None
    assert made.selectors["ServiceMonitor"] == ({}, None)
