"""The ports of pods that monitors name, and the pods that ask for metrics there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from rewriter.cilium.selector import read_selector, selects_object
from rewriter.evidence.context import Context, is_here
from rewriter.evidence.reachable import workload_key
from rewriter.evidence.target_ports import is_behind, target_numbers
from rewriter.inventory.facts.model import Service, Workload
from rewriter.inventory.objects.monitors import Monitor, MonitoredPort, Scraper

_NAME = "app.kubernetes.io/name"
_INSTANCE = "app.kubernetes.io/instance"
#: The port of the kubelets, and what the Service before them calls it, which Prometheus' operator makes.
_KUBELET, _KUBELET_NAME = 10250, "https-metrics"
#: What the operators give the pods of each kind as app.kubernetes.io/name.
_APPS = {"Prometheus": "prometheus", "PrometheusAgent": "prometheus-agent", "VMAgent": "vmagent"}


class Monitored(NamedTuple):
    """A port of a workload's pods that a monitor names, behind a Service or (None) by the pods' own labels."""

    workload: Workload
    monitor: Monitor
    port: int
    service: Service | None

    @property
    def evidence(self) -> str:
        through = f" behind {self.service}, {self.service.source}" if self.service else ""
        return f"{self.monitor}, {self.monitor.source}: names port {self.port} of {self.workload}{through}"


class Taker(NamedTuple):
    """A scraper that takes a monitor up, its pods, and the labels by which a rule means these."""

    scraper: Scraper
    pods: Workload
    labels: Mapping[str, str]

    @property
    def evidence(self) -> str:
        return f"{self.scraper}, {self.scraper.source}: takes it up"


class Target(NamedTuple):
    """What a scraper asks for metrics: a port of pods, or (without a workload) of the kubelets of all nodes."""

    port: int
    monitor: Monitor
    workload: Workload | None

    @property
    def is_node(self) -> bool:
        return self.workload is None or self.workload.host_network

    @property
    def evidence(self) -> str:
        return f"{self.monitor}, {self.monitor.source}: names port {self.port} of {self.workload or 'the kubelets'}"


def targets(context: Context, workload: Workload) -> tuple[Target, ...]:
    """What the pods of a scraper ask for metrics, as far as it is certain. Remembered."""
    key = ("targets", *workload_key(workload))
    if key not in context.answers:
        own = [s for s in _known(context)[0] if s.kind == workload.kind and s.namespace == workload.namespace]
        own = [s for s in own if workload.labels.get(_INSTANCE) == s.name]
        named = (monitor for s in own for monitor in _known(context)[1] if _takes_up(context, s, monitor))
        context.answers[key] = tuple(target for monitor in named for target in _targets(context, monitor))
    found: tuple[Target, ...] = context.answers[key]
    return found


def may_scrape(workload: Workload) -> bool:
    """Whether a workload is of a kind that scrapes."""
    return workload.kind in _APPS


def _targets(context: Context, monitor: Monitor) -> Iterator[Target]:
    labels = monitor.selector.get("matchLabels")
    if isinstance(labels, dict) and "kubelet" in (labels.get("k8s-app"), labels.get("app.kubernetes.io/name")):
        if any(port.name == _KUBELET_NAME for port in monitor.ports):
            yield Target(_KUBELET, monitor, None)
        return
    if monitor.is_of_pods:
        places = monitor.namespaces
        pods = context.inventory.all_workloads() if places is None else context.inventory.workloads_in(places)
        for workload in pods:
            if is_here(context, workload.cluster) and _selects(monitor.selector, workload.labels):
                yield from (Target(port, monitor, workload) for port in _of_container(workload, monitor.ports))
        return
    for service in _services(context, monitor):
        for workload in context.inventory.workloads_with(service.selector) if service.selector else ():
            if workload.namespace == service.namespace and is_here(context, workload.cluster):
                yield from (Target(n, monitor, workload) for n in _of_service(service, workload, monitor.ports))


def has_monitors(context: Context) -> bool:
    """Whether any monitor of the policy's cluster is known that names ports."""
    return bool(_known(context)[1])


def names_scrapers(context: Context) -> bool:
    """Whether any scraper of the policy's cluster is known."""
    return bool(_known(context)[0])


def monitored(context: Context, workload: Workload) -> tuple[Monitored, ...]:
    """The ports of a workload's pods that monitors name. Remembered."""
    key = ("monitored", *workload_key(workload))
    if key not in context.answers:
        context.answers[key] = tuple(_monitored(context, workload))
    found: tuple[Monitored, ...] = context.answers[key]
    return found


def takers(context: Context, monitor: Monitor) -> tuple[Taker, ...]:
    """The scrapers that take a monitor up for certain, but for those on the host network. Found out once a cluster."""
    key = ("takers", context.cluster.name if context.cluster else None, *_key(monitor))
    if key not in context.answers:
        scrapers = (scraper for scraper in _known(context)[0] if _takes_up(context, scraper, monitor))
        context.answers[key] = tuple(taker for s in scrapers if (taker := _taker(context, s)) is not None)
    found: tuple[Taker, ...] = context.answers[key]
    return found


def _key(monitor: Monitor) -> tuple[object, ...]:
    return monitor.kind, monitor.namespace, monitor.name, monitor.cluster, monitor.source


def _known(context: Context) -> tuple[tuple[Scraper, ...], tuple[Monitor, ...]]:
    key = ("monitoring", context.cluster.name if context.cluster else None)
    if key not in context.answers:
        known = context.inventory.monitoring()
        context.answers[key] = (
            tuple(scraper for scraper in known.scrapers if is_here(context, scraper.cluster)),
            tuple(monitor for monitor in known.monitors if is_here(context, monitor.cluster) and monitor.ports),
        )
    found: tuple[tuple[Scraper, ...], tuple[Monitor, ...]] = context.answers[key]
    return found


def _monitored(context: Context, workload: Workload) -> Iterator[Monitored]:
    for monitor in _known(context)[1]:
        if monitor.namespaces is not None and workload.namespace not in monitor.namespaces:
            continue
        if monitor.is_of_pods:
            if _selects(monitor.selector, workload.labels):
                for port in _of_container(workload, monitor.ports):
                    yield Monitored(workload, monitor, port, None)
            continue
        for service in _services(context, monitor):
            if is_behind(workload, service):
                for port in _of_service(service, workload, monitor.ports):
                    yield Monitored(workload, monitor, port, service)


def _of_container(workload: Workload, ports: Iterable[MonitoredPort]) -> Iterator[int]:
    for port in ports:
        wanted = port.name or port.target
        if isinstance(wanted, int):
            yield wanted
        else:
            yield from (own.number for own in workload.ports if own.name == wanted and own.protocol == "TCP")


def _of_service(service: Service, workload: Workload, ports: Iterable[MonitoredPort]) -> Iterator[int]:
    for port in ports:
        if port.name:
            yield from (n for n, protocol in target_numbers(service, port.name, workload) if protocol == "TCP")
        else:
            yield from _of_container(workload, (port,))


def _services(context: Context, monitor: Monitor) -> tuple[Service, ...]:
    """The Services that a monitor selects. Found out once a cluster."""
    key = ("monitored services", context.cluster.name if context.cluster else None, *_key(monitor))
    if key not in context.answers:
        places = monitor.namespaces
        services = context.inventory.all_services() if places is None else context.inventory.services_in(places)
        context.answers[key] = tuple(
            service
            for service in services
            if is_here(context, service.cluster) and _selects(monitor.selector, service.labels)
        )
    found: tuple[Service, ...] = context.answers[key]
    return found


def _taker(context: Context, scraper: Scraper) -> Taker | None:
    """A scraper with its pods, and the labels that mean them alone in their namespace; None on the host network."""
    app = {_NAME: _APPS[scraper.kind]}
    alike = [w for w in context.inventory.workloads_with(app) if w.namespace == scraper.namespace]
    own = [w for w in alike if w.kind == scraper.kind and w.labels.get(_INSTANCE) == scraper.name]
    own = [w for w in own if is_here(context, w.cluster)]
    if len(own) != 1 or own[0].host_network:
        return None
    return Taker(scraper, own[0], app if len(alike) == 1 else {**app, _INSTANCE: scraper.name})


def _takes_up(context: Context, scraper: Scraper, monitor: Monitor) -> bool:
    selector, within = scraper.selectors.get(monitor.kind, (None, None))
    if selector is None or not _selects(selector, monitor.labels):
        return False
    if within is None:
        return monitor.namespace == scraper.namespace
    if not within:
        return True
    known = [n for n in context.inventory.namespaces(monitor.namespace) if is_here(context, n.cluster)]
    name = {"kubernetes.io/metadata.name": monitor.namespace}
    if not known:
        return _keys(within) <= set(name) and _selects(within, name)
    return all(_selects(within, {**namespace.labels, **name}) for namespace in known)


def _keys(raw: Mapping[str, Any]) -> set[str]:
    """The keys that a label selector asks for."""
    selector = read_selector(raw, "")
    return set() if selector is None else {requirement.written_key for requirement in selector.requirements}


def _selects(raw: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector of Kubernetes selects labels; not where it is malformed."""
    selector = read_selector(raw, "")
    return selector is not None and selects_object(selector, labels)
