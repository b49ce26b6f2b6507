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
from typing import Any

from rewriter.evidence.context import Context
from rewriter.finding import Applicability, Finding, Fix, FlowClaim, Severity
from rewriter.inventory.completeness import Completeness
from rewriter.passes.kit.backend_ports import Plan, plan_operations
from rewriter.passes.kit.claims import flow_claim
from rewriter.passes.kit.coverage import uncovered_rules
from rewriter.passes.kit.registry import EVERY_KIND, antipattern
from rewriter.passes.kit.service_port_sites import service_port_sites
from rewriter.passes.kit.service_ports import PortsSite, ServicePort, is_before, ports_of, ports_site
from rewriter.text import join_names, port_text, selector_text, subject_text


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
            site = ports_site(context, spec, rule)
            if site is not None:
                ports = list(ports_of(site))
                yield from (_manual(site, port) for port in ports if port.doubt)
                wrong = [port for port in ports if not port.doubt]
                if wrong and (finding := _fixed(site, wrong)) is not None:
                    yield finding


def _fixed(site: PortsSite, wrong: Sequence[ServicePort]) -> Finding | None:
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


def _gap(site: PortsSite) -> str:
    """What may make other pods, or Services, for which the port is right, and what makes it known; empty for none."""
    if not site.hidden:
        return ""
    own = {workload.namespace for workload in site.workloads}
    near = sorted(site.hidden, key=lambda each: each.namespaces is None or not own & each.namespaces)
    words = join_names(Completeness(tuple(near)).reasons, most=3)
    return f"{words} may make pods or Services for which the port is right: {near[0].lift}"


def _plan(site: PortsSite, wrong: Sequence[ServicePort]) -> Plan:
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


def _flow(site: PortsSite, ports: Sequence[tuple[int, Mapping[str, Any]]]) -> FlowClaim:
    """The flows of the rule on these ports, each with the item of toPorts that it is in."""
    peers = join_names(f"pods {text}" if (text := selector_text(s)) else "every pod" for s in site.field.selectors)
    on = join_names(port_text(port) for _, port in ports)
    words = f"from {subject_text(site.context.policy, site.spec)} to {peers} on {on}"
    only = {**site.rule.raw, "toPorts": [{**site.to_ports[item], "ports": [dict(port)]} for item, port in ports]}
    return flow_claim(words, site.spec, site.rule, only)


def _manual(site: PortsSite, port: ServicePort) -> Finding:
    known = join_names(f"{p.port}/{p.protocol} → {p.target} ({s})" for s in port.services for p in s.ports)
    advice = f"write the ports on which the backends listen: {known}"
    return _make(site, [port], Applicability.MANUAL, advice=f"{port.doubt}; {advice}")


def _make(
    site: PortsSite,
    ports: Sequence[ServicePort],
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


def _evidence(site: PortsSite, ports: Sequence[ServicePort]) -> Iterator[str]:
    services = {str(service): service for port in ports for service in port.services}
    for service in services.values():
        known = join_names(f"{p.port}/{p.protocol} → {p.target}" for p in service.ports)
        yield f"{service}, {service.source}: port {known}"
    behind = [w for w in site.workloads if any(is_before(service, w) for service in services.values())]
    yield f"behind it: {join_names((f'{workload} ({workload.source})' for workload in behind), most=4)}"
