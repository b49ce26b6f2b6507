"""Ports of rules that are a Service's: what each becomes, or why that is unknown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rewriter.cilium.digits import is_number
from rewriter.cilium.nodes import PortProtocol, PortRule
from rewriter.cilium.peers import endpoint_term
from rewriter.cilium.policy import CNP, EGRESS, PeerField, Rule, Spec
from rewriter.cilium.selector import Selector
from rewriter.cilium.settings import Settings
from rewriter.evidence.backends import Backends
from rewriter.evidence.context import Context
from rewriter.evidence.doubts import REMEDY, doubts_about
from rewriter.evidence.target_ports import no_container_has
from rewriter.evidence.workloads import Matches, hidden_services, matches
from rewriter.inventory.facts.completeness import Hidden
from rewriter.inventory.facts.model import NamedPort, Service, Workload
from rewriter.passes.kit.changes.forms import Form, changed, copied
from rewriter.passes.kit.ports.backend_ports import Plan, Translations, translations
from rewriter.records import dataclass
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
    workloads: tuple[Workload, ...]
    services: tuple[Service, ...]
    complete: bool
    hidden: tuple[Hidden, ...] = ()

    @property
    def to_ports(self) -> list[Form]:
        """The items of `toPorts` as written."""
        return [dict(item.written) for item in self.rule.port_rules]

    def rule_on(self, ports: Iterable[tuple[PortRule, Form]]) -> Form:
        """The rule with these ports only, each with the L7 rules of an item."""
        return changed(self.rule, toPorts=[copied(item.written, ports=[dict(port)]) for item, port in ports])


@dataclass(frozen=True, slots=True)
class TranslatedPort:
    """One port that is a Service's, and its item of toPorts: what it becomes, or why that is unknown.

    `nameless` says that the Service forwards it to a name that no container has.
    """

    item: PortRule
    entry: PortProtocol
    targets: tuple[Form, ...]
    services: tuple[Service, ...]
    doubt: str = ""
    nameless: str = ""

    @property
    def target_names(self) -> list[str]:
        """The numbers or names of the ports that it becomes."""
        return [str(target["port"]) for target in self.targets]


def ports_site(context: Context, spec: Spec, rule: Rule) -> PortsSite | None:
    """A rule with known workloads behind it, and Services before them; None for any other."""
    field = rule.peer("toEndpoints")
    if rule.direction != EGRESS or field is None or rule.selects_nobody:
        return None
    if not rule.port_rules or any(other.entries for other in rule.peers if other is not field):
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
    hidden = [gap for pods in selections for gap in pods.hidden]
    hidden += hidden_services(context, (workload.namespace for workload in selected))
    return PortsSite(context, spec, rule, field, selected, services, complete, tuple(dict.fromkeys(hidden)))


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


def ports_of(site: PortsSite) -> Iterator[TranslatedPort]:
    """The ports of the rule that are a Service's."""
    for item in site.rule.port_rules:
        for entry in item.ports if isinstance(item, PortRule) else ():
            port = _port(site, item, entry) if isinstance(item, PortRule) and isinstance(entry, PortProtocol) else None
            if port is not None:
                yield port


def plan_of(site: PortsSite, wrong: Iterable[TranslatedPort]) -> Plan:
    """The ports of the rule with the backends' in place of the Services', each once in its item."""
    targets = {id(port.entry): port.targets for port in wrong}
    plan: Plan = []
    for item in site.rule.port_rules:
        seen: list[object] = []
        news: dict[int, list[Form]] = {}
        for index, entry in enumerate(item.ports if isinstance(item, PortRule) else ()):
            wanted = targets.get(id(entry), (entry.written,))
            news[index] = [dict(new) for new in wanted if new not in seen or id(entry) not in targets]
            seen += wanted
        plan.append(news)
    return plan


def _port(site: PortsSite, item: PortRule, entry: PortProtocol) -> TranslatedPort | None:
    """What one port becomes; None where it is right, or no Service's."""
    if not isinstance(entry.written.get("port"), str):
        return None
    if any(_is_container_port(entry, port) for workload in site.workloads for port in workload.ports):
        return None
    found = translations(entry.written, site.services, lambda service: _backends(site, service))
    if found is None or any(_is_written(site, new) for new in _forwarded(found)):
        return None
    services, doubt = found.services, found.doubt
    behind = [w for w in site.workloads if any(is_before(service, w) for service in services)]
    doubts = doubts_about(site.context.inventory, (*services, *behind), "services", "workloads")
    targets = [new for number, new in enumerate(found.ports) if new not in found.ports[:number]]
    if any(news != targets for _, news in found.by_service):
        doubt = "the Services forward it to different ports"
    elif not site.complete:
        doubt = "not all pods of the rule are known"
    elif not all(any(is_before(service, workload) for service in services) for workload in site.workloads):
        doubt = "the rule selects pods that are not behind such a Service"
    elif doubts:
        doubt = f"{join_names(doubts)}; {REMEDY}"
    nameless = "" if doubt else no_container_has((str(new["port"]) for new in targets), behind)
    return TranslatedPort(item, entry, tuple(targets), services, doubt, nameless)


def _backends(site: PortsSite, service: Service) -> Backends:
    containers = tuple(port for w in site.workloads if is_before(service, w) for port in w.ports)
    return Backends(str(service), site.field.name, (), service.ports, containers)


def _is_container_port(entry: PortProtocol, port: NamedPort) -> bool:
    """Whether a container is known to have a port, by number or by name."""
    protocol = entry.protocol or "ANY"
    return protocol in ("ANY", port.protocol) and entry.port.lower() in (str(port.number), port.name.lower())


def _forwarded(found: Translations) -> Iterator[Form]:
    """The backend ports with the protocols that the Services forward to them, whatever protocol the rule writes."""
    for service, news in found.by_service:
        for new in news:
            protocols = {port.protocol for port in service.ports if str(port.target) == new["port"]}
            if "protocol" in new or len(protocols) != 1:
                yield new
            else:
                yield {**new, "protocol": protocols.pop()}


def _is_written(site: PortsSite, new: Form) -> bool:
    """Whether a backend port stands in the rule already, by number, by name or in a range."""
    names = {str(new["port"])}
    names |= {str(port.number) for workload in site.workloads for port in workload.ports if port.name == new["port"]}
    items = [item for item in site.rule.port_rules if isinstance(item, PortRule)]
    written = [port for item in items for port in item.ports if isinstance(port, PortProtocol)]
    return any(_covers(port, name, new) for port in written for name in names)


def _covers(port: PortProtocol, name: str, new: Form) -> bool:
    if (port.protocol or "ANY") not in ("ANY", str(new.get("protocol") or "ANY").upper()):
        return False
    if port.port in (name, "0", ""):
        return True
    return is_number(port.port) and is_number(name) and int(port.port) <= int(name) <= port.end
