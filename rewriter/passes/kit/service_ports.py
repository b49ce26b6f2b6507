"""Ports of rules that are a Service's: what each becomes, or why that is unknown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rewriter.cilium.peers import endpoint_term
from rewriter.cilium.policy import CNP, EGRESS, PeerField, Rule, Spec
from rewriter.cilium.selector import Selector
from rewriter.cilium.settings import Settings
from rewriter.evidence.backends import Backends, UndecidedError
from rewriter.evidence.context import Context
from rewriter.evidence.doubts import REMEDY, doubts_about
from rewriter.evidence.workloads import Matches, hidden_services, matches
from rewriter.inventory.completeness import Hidden
from rewriter.inventory.facts import NamedPort, Service, Workload
from rewriter.passes.kit.backend_ports import backend_ports
from rewriter.text import join_names


@dataclass(frozen=True, slots=True)
class PortsSite:
    """A rule with toEndpoints and toPorts, the known workloads that it selects, and the Services before them.

    `complete` is False where an entry selects no workload that is known. `hidden` is what may make pods that the rule
    selects, or Services before them, beside the known ones.
    """

    context: Context
    spec: Spec
    rule: Rule
    field: PeerField
    to_ports: list[Any]
    workloads: tuple[Workload, ...]
    services: tuple[Service, ...]
    complete: bool
    hidden: tuple[Hidden, ...] = ()


@dataclass(frozen=True, slots=True)
class ServicePort:
    """One port that is a Service's, by its place in toPorts: what it becomes, or why that is unknown."""

    item: int
    index: int
    written: Mapping[str, Any]
    targets: tuple[Mapping[str, Any], ...]
    services: tuple[Service, ...]
    doubt: str = ""


def ports_site(context: Context, spec: Spec, rule: Rule) -> PortsSite | None:
    """A rule with known workloads behind it, and Services before them; None for any other."""
    field, to_ports = rule.peer("toEndpoints"), rule.raw.get("toPorts")
    if rule.direction != EGRESS or field is None or not isinstance(to_ports, list) or rule.selects_nobody:
        return None
    if not to_ports or any(other.entries for other in rule.peers if other is not field):
        return None
    found: dict[int, Workload] = {}
    complete = True
    selections: list[Matches] = []
    for selector in field.selectors:
        if selector is None or not _namespace_decides(context, selector):
            return None
        term = endpoint_term(selector, context.policy, spec.subject, _settings(context))
        pods = matches(context, term) if term is not None else None
        if pods is None or pods.undecided:
            return None
        complete = complete and bool(pods.workloads)
        selections.append(pods)
        found |= {id(workload): workload for workload in pods.workloads}
    if not found:
        return None
    selected = tuple(found.values())
    services = tuple(service for service in context.inventory.all_services() if _is_before_any(service, selected))
    if not services:
        return None
    hidden = [each for pods in selections for each in pods.hidden]
    hidden += hidden_services(context, (workload.namespace for workload in selected))
    return PortsSite(context, spec, rule, field, to_ports, selected, services, complete, tuple(dict.fromkeys(hidden)))


def _namespace_decides(context: Context, selector: Selector) -> bool:
    """Whether it is known in which namespaces a selector selects."""
    return context.policy.kind != CNP or context.namespace_known or selector.names_namespace


def _settings(context: Context) -> Settings:
    """How the selectors are read today."""
    if context.cluster is None:
        return Settings(context.from_version)
    return Settings(
        context.from_version,
        local_cluster=context.cluster.name,
        default_local_cluster=context.default_local_cluster(context.from_version),
    )


def _is_before_any(service: Service, workloads: Sequence[Workload]) -> bool:
    return bool(service.selector) and any(is_before(service, workload) for workload in workloads)


def is_before(service: Service, workload: Workload) -> bool:
    """Whether a workload's pods are backends of a Service."""
    selector = service.selector or {}
    return (
        service.namespace == workload.namespace
        and (None in (service.cluster, workload.cluster) or service.cluster == workload.cluster)
        and selector.items() <= workload.labels.items()
    )


def ports_of(site: PortsSite) -> Iterator[ServicePort]:
    for item, raw in enumerate(site.to_ports):
        ports = raw.get("ports") if isinstance(raw, dict) else None
        for index, written in enumerate(ports if isinstance(ports, list) else ()):
            port = _port(site, item, index, written)
            if port is not None:
                yield port


def _port(site: PortsSite, item: int, index: int, written: Any) -> ServicePort | None:
    """What one port becomes; None where it is right, or no Service's."""
    if not isinstance(written, dict) or not isinstance(written.get("port"), str):
        return None
    if any(_is_container_port(written, port) for workload in site.workloads for port in workload.ports):
        return None
    translated: list[tuple[Service, list[dict[str, Any]]]] = []
    doubt = ""
    for service in site.services:
        try:
            news = backend_ports(written, _backends(site, service))
        except UndecidedError as error:
            doubt = error.reason
            continue
        if news == [written]:
            return None
        if news:
            translated.append((service, news))
    if not translated or any(_is_written(site, new) for _, news in translated for new in news):
        return None
    services = tuple(service for service, _ in translated)
    behind = [w for w in site.workloads if any(is_before(service, w) for service in services)]
    doubts = doubts_about(site.context.inventory, (*services, *behind), "services", "workloads")
    all_news = [new for _, news in translated for new in news]
    targets = [new for number, new in enumerate(all_news) if new not in all_news[:number]]
    if any(news != targets for _, news in translated):
        doubt = "the Services forward it to different ports"
    elif not site.complete:
        doubt = "not all pods of the rule are known"
    elif not all(any(is_before(service, workload) for service in services) for workload in site.workloads):
        doubt = "the rule selects pods that are not behind such a Service"
    elif doubts:
        doubt = f"{join_names(doubts)}. {REMEDY.removesuffix('.')}"
    return ServicePort(item, index, written, tuple(targets), services, doubt)


def _backends(site: PortsSite, service: Service) -> Backends:
    containers = tuple(port for w in site.workloads if is_before(service, w) for port in w.ports)
    return Backends(str(service), site.field.name, (), service.ports, containers)


def _is_container_port(written: Mapping[str, Any], port: NamedPort) -> bool:
    """Whether a container is known to have a port, by number or by name."""
    protocol = str(written.get("protocol") or "ANY").upper()
    return protocol in ("ANY", port.protocol) and written["port"].lower() in (str(port.number), port.name.lower())


def _is_written(site: PortsSite, new: Mapping[str, Any]) -> bool:
    """Whether a backend port stands in the rule already, by number, by name or in a range."""
    names = {new["port"]}
    names |= {str(port.number) for workload in site.workloads for port in workload.ports if port.name == new["port"]}
    written = [
        port
        for item in site.to_ports
        if isinstance(item, dict) and isinstance(item.get("ports"), list)
        for port in item["ports"]
        if isinstance(port, dict)
    ]
    return any(_covers(port, name, new) for port in written for name in names)


def _covers(port: Mapping[str, Any], name: str, new: Mapping[str, Any]) -> bool:
    ours, theirs = (str(each.get("protocol") or "ANY").upper() for each in (port, new))
    if ours not in ("ANY", theirs):
        return False
    first, last = port.get("port"), port.get("endPort")
    if first in (name, "0", None):
        return True
    return (
        isinstance(first, str)
        and first.isdigit()
        and name.isdigit()
        and isinstance(last, int)
        and int(first) <= int(name) <= last
    )
