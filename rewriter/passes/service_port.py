"""## What it does

Finds `toEndpoints` together with a Service's port in `toPorts`, where the pods behind that Service listen on another;
the same in ingress rules, whose pods are those of the policy, and in NetworkPolicies.

## Why it matters

Policies are checked after load balancing, so ports in a policy are the backends' ports. A Service that forwards 80 to
8080 needs 8080: a rule with 80 allows none of the connections to it, and a deny rule denies none.

## Example

```diff
   egress:
   - toEndpoints:
     - matchLabels:
         app: web
     toPorts:
     - ports:
-      - port: "80"
+      - port: "8080"
         protocol: TCP
```

## Fix safety

The evidence is a known Service whose selector covers the known workloads that the rule selects, with the port in
question and another targetPort (a named one is written by name). The fix is evident where that holds for all of them
and every Service says the same; else the finding is manual, as it is where a fact is in doubt (stated twice,
from a snapshot that is stale or not whole, or in a file that nothing applies). It is unsafe in a deny rule.

There is nothing to find where a container has the port, where any Service forwards to it, or where the targetPort
stands in the rule already, or in another rule for the same peers.

Where something that is not read may make pods that the rule selects, or another Service before them (a file that does
not parse, a Helm release, a kind that is not understood), the port may be right for those: the finding is a note and
its fix unsafe. It names what hides and what makes it known.

## References

- Cilium documentation, "Layer 3 Policies", section "Services based"
- Kubernetes documentation, "Service", section "Port definitions"
"""

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
from rewriter.finding import Applicability, Finding, Fix, FlowClaim, Severity
from rewriter.inventory.completeness import Completeness, Hidden
from rewriter.inventory.facts import NamedPort, Service, Workload
from rewriter.passes.kit.backend_ports import Plan, backend_ports, plan_operations
from rewriter.passes.kit.claims import flow_claim
from rewriter.passes.kit.coverage import uncovered_rules
from rewriter.passes.kit.registry import EVERY_KIND, antipattern
from rewriter.passes.kit.service_port_sites import service_port_sites
from rewriter.text import join_names, port_text, selector_text, subject_text


@dataclass(frozen=True, slots=True)
class _PortsSite:
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
class _Port:
    """One port that is a Service's, by its place in toPorts: what it becomes, or why that is unknown."""

    item: int
    index: int
    written: Mapping[str, Any]
    targets: tuple[Mapping[str, Any], ...]
    services: tuple[Service, ...]
    doubt: str = ""


@antipattern(
    code="CNP013",
    id="service-port",
    title="the port of a Service where its backends listen on another",
    kinds=EVERY_KIND,
    drops=True,
)
def find(context: Context) -> Iterator[Finding]:
    yield from service_port_sites(context)
    for spec in context.policy.specs:
        for rule in spec.rules:
            site = _site(context, spec, rule)
            if site is not None:
                ports = list(_ports(site))
                yield from (_manual(site, port) for port in ports if port.doubt)
                wrong = [port for port in ports if not port.doubt]
                if wrong and (finding := _fixed(site, wrong)) is not None:
                    yield finding


def _site(context: Context, spec: Spec, rule: Rule) -> _PortsSite | None:
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
    return _PortsSite(context, spec, rule, field, to_ports, selected, services, complete, tuple(dict.fromkeys(hidden)))


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
    return bool(service.selector) and any(_is_before(service, workload) for workload in workloads)


def _is_before(service: Service, workload: Workload) -> bool:
    """Whether a workload's pods are backends of a Service."""
    selector = service.selector or {}
    return (
        service.namespace == workload.namespace
        and (None in (service.cluster, workload.cluster) or service.cluster == workload.cluster)
        and selector.items() <= workload.labels.items()
    )


def _ports(site: _PortsSite) -> Iterator[_Port]:
    for item, raw in enumerate(site.to_ports):
        ports = raw.get("ports") if isinstance(raw, dict) else None
        for index, written in enumerate(ports if isinstance(ports, list) else ()):
            port = _port(site, item, index, written)
            if port is not None:
                yield port


def _port(site: _PortsSite, item: int, index: int, written: Any) -> _Port | None:
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
    behind = [w for w in site.workloads if any(_is_before(service, w) for service in services)]
    doubts = doubts_about(site.context.inventory, (*services, *behind), "services", "workloads")
    all_news = [new for _, news in translated for new in news]
    targets = [new for number, new in enumerate(all_news) if new not in all_news[:number]]
    if any(news != targets for _, news in translated):
        doubt = "the Services forward it to different ports"
    elif not site.complete:
        doubt = "not all pods of the rule are known"
    elif not all(any(_is_before(service, workload) for service in services) for workload in site.workloads):
        doubt = "the rule selects pods that are not behind such a Service"
    elif doubts:
        doubt = f"{join_names(doubts)}. {REMEDY.removesuffix('.')}"
    return _Port(item, index, written, tuple(targets), services, doubt)


def _backends(site: _PortsSite, service: Service) -> Backends:
    containers = tuple(port for w in site.workloads if _is_before(service, w) for port in w.ports)
    return Backends(str(service), site.field.name, (), service.ports, containers)


def _is_container_port(written: Mapping[str, Any], port: NamedPort) -> bool:
    """Whether a container is known to have a port, by number or by name."""
    protocol = str(written.get("protocol") or "ANY").upper()
    return protocol in ("ANY", port.protocol) and written["port"].lower() in (str(port.number), port.name.lower())


def _is_written(site: _PortsSite, new: Mapping[str, Any]) -> bool:
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


def _fixed(site: _PortsSite, wrong: Sequence[_Port]) -> Finding | None:
    """The finding with the fix; None where another rule allows the backend ports already."""
    plan = _plan(site, wrong)
    only = {**site.rule.raw, "toPorts": [{"ports": [dict(target) for port in wrong for target in port.targets]}]}
    if not uncovered_rules(site.context, site.rule, [only]):
        return None
    fix = Fix(tuple(plan_operations(f"{site.rule.route}/toPorts", site.to_ports, plan)))
    trust = Applicability.UNSAFE if site.rule.deny or site.hidden else Applicability.EVIDENT
    come = _flow(site, [(port.item, target) for port in wrong for target in port.targets])
    go = _flow(site, [(port.item, port.written) for port in wrong])
    return _make(site, wrong, trust, advice=_gap(site), fix=fix, opens=(come,), closes=(go,))


def _gap(site: _PortsSite) -> str:
    """What may make other pods, or Services, for which the port is right, and what makes it known; empty for none."""
    if not site.hidden:
        return ""
    own = {workload.namespace for workload in site.workloads}
    near = sorted(site.hidden, key=lambda each: each.namespaces is None or not own & each.namespaces)
    words = join_names(Completeness(tuple(near)).reasons, most=3)
    return f"{words} may make pods or Services for which the port is right: {near[0].lift}"


def _plan(site: _PortsSite, wrong: Sequence[_Port]) -> Plan:
    """The ports of the rule with the backends' in place of the Services', each once in its item."""
    targets = {(port.item, port.index): port.targets for port in wrong}
    plan: Plan = []
    for item, raw in enumerate(site.to_ports):
        ports = raw.get("ports") if isinstance(raw, dict) else None
        seen: list[Mapping[str, Any]] = []
        news: dict[int, list[dict[str, Any]]] = {}
        for index, written in enumerate(ports if isinstance(ports, list) else ()):
            wanted = targets.get((item, index), (written,))
            news[index] = [dict(new) for new in wanted if new not in seen] if (item, index) in targets else [written]
            seen += wanted
        plan.append(news)
    return plan


def _flow(site: _PortsSite, ports: Sequence[tuple[int, Mapping[str, Any]]]) -> FlowClaim:
    """The flows of the rule on these ports, each with the item of toPorts that it is in."""
    peers = join_names(f"pods {text}" if (text := selector_text(s)) else "every pod" for s in site.field.selectors)
    on = join_names(port_text(port) for _, port in ports)
    words = f"from {subject_text(site.context.policy, site.spec)} to {peers} on {on}"
    only = {**site.rule.raw, "toPorts": [{**site.to_ports[item], "ports": [dict(port)]} for item, port in ports]}
    return flow_claim(words, site.spec, site.rule, only)


def _manual(site: _PortsSite, port: _Port) -> Finding:
    known = join_names(f"{p.port}/{p.protocol} → {p.target} ({s})" for s in port.services for p in s.ports)
    advice = f"write the ports on which the backends listen: {known}"
    return _make(site, [port], Applicability.MANUAL, advice=f"{port.doubt}; {advice}")


def _make(
    site: _PortsSite,
    ports: Sequence[_Port],
    applicability: Applicability,
    *,
    advice: str = "",
    fix: Fix | None = None,
    opens: tuple[FlowClaim, ...] = (),
    closes: tuple[FlowClaim, ...] = (),
) -> Finding:
    deny = site.rule.deny
    services = list(dict.fromkeys(str(service) for port in ports for service in port.services))
    old = join_names(port_text(port.written) for port in ports)
    new = join_names(target["port"] for port in ports for target in port.targets)
    route = f"{site.rule.route}/toPorts"
    if len(ports) == 1:
        route += f"/{ports[0].item}/ports/{ports[0].index}"
    verb, noun = "denies" if deny else "allows", "ports" if len(ports) > 1 else "port"
    return Finding(
        severity=Severity.NOTE if site.hidden else Severity.ERROR if deny else Severity.WARNING,
        applicability=applicability,
        route=route,
        message=f"`toPorts` names {noun} {old} of {join_names(services)}, whose backends listen on {new}",
        why=f"policies are checked on the backends' ports, so the rule {verb} no connection to the Service",
        evidence=tuple(_evidence(site, ports)),
        advice=advice,
        fix=fix,
        opens=closes if deny else opens,
        closes=opens if deny else closes,
        at_key=len(ports) > 1,
    )


def _evidence(site: _PortsSite, ports: Sequence[_Port]) -> Iterator[str]:
    services = {str(service): service for port in ports for service in port.services}
    for service in services.values():
        known = join_names(f"{p.port}/{p.protocol} → {p.target}" for p in service.ports)
        yield f"{service}, {service.source}: port {known}"
    behind = [w for w in site.workloads if any(_is_before(service, w) for service in services.values())]
    yield f"behind it: {join_names((f'{workload} ({workload.source})' for workload in behind), most=4)}"
