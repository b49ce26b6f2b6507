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
from a snapshot that is stale or not whole, or in a file that nothing applies). It is unsafe in a deny rule, and where
the targetPort is a name that no container has: then the Service leads nowhere.

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

from collections.abc import Iterator, Sequence

from rewriter.cilium.nodes import PortRule
from rewriter.evidence.context import Context
from rewriter.finding import Applicability, Finding, FlowClaim, Severity
from rewriter.inventory.facts.completeness import Completeness
from rewriter.passes.kit.changes.change import Change
from rewriter.passes.kit.changes.claims import flow_claim
from rewriter.passes.kit.changes.coverage import uncovered_rules
from rewriter.passes.kit.changes.forms import Form, changed
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.ports.backend_ports import plan_operations
from rewriter.passes.kit.ports.service_port_sites import service_port_sites
from rewriter.passes.kit.ports.service_ports import PortsSite, TranslatedPort, is_before, plan_of, ports_of, ports_site
from rewriter.passes.kit.registry import EVERY_KIND, antipattern
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


def _fixed(site: PortsSite, wrong: Sequence[TranslatedPort]) -> Finding | None:
    """The finding with the fix; None where another rule allows the backend ports already."""
    come = [(port.item, target) for port in wrong for target in port.targets]
    only = changed(site.rule, toPorts=[{"ports": [target for _, target in come]}])
    if not uncovered_rules(site.context, site.rule, [only]):
        return None
    operations = plan_operations(f"{site.rule.route}/toPorts", site.to_ports, plan_of(site, wrong))
    go = [(port.item, dict(port.entry.written)) for port in wrong]
    change = Change(tuple(operations), (_flow(site, come),), (_flow(site, go),))
    nameless = tuple(dict.fromkeys(port.nameless for port in wrong if port.nameless))
    trust = Applicability.UNSAFE if site.rule.deny or site.hidden or nameless else Applicability.EVIDENT
    return _report(site, wrong, trust, "; ".join(filter(None, (*nameless, _gap(site)))), change)


def _gap(site: PortsSite) -> str:
    """What may make other pods, or Services, for which the port is right, and what makes it known; empty for none."""
    if not site.hidden:
        return ""
    own = {workload.namespace for workload in site.workloads}
    near = sorted(site.hidden, key=lambda gap: gap.namespaces is None or not own & gap.namespaces)
    words = join_names(Completeness(tuple(near)).reasons, most=3)
    return f"{words} may make pods or Services for which the port is right: {near[0].lift}"


def _flow(site: PortsSite, ports: Sequence[tuple[PortRule, Form]]) -> FlowClaim:
    """The flows of the rule on these ports, each with the item of toPorts that it is in."""
    peers = join_names(f"pods {text}" if (text := selector_text(s)) else "every pod" for s in site.field.selectors)
    on = join_names(port_text(port) for _, port in ports)
    words = f"from {subject_text(site.context.policy, site.spec)} to {peers} on {on}"
    return flow_claim(words, site.spec, site.rule, site.rule_on(ports))


def _manual(site: PortsSite, port: TranslatedPort) -> Finding:
    known = join_names(f"{p.port}/{p.protocol} → {p.target} ({s})" for s in port.services for p in s.ports)
    advice = f"write the ports on which the backends listen: {known}"
    return _report(site, [port], Applicability.MANUAL, f"{port.doubt}; {advice}")


def _report(
    site: PortsSite,
    ports: Sequence[TranslatedPort],
    applicability: Applicability,
    advice: str,
    change: Change | None = None,
) -> Finding:
    deny = site.rule.deny
    services = list(dict.fromkeys(str(service) for port in ports for service in port.services))
    old = join_names(port_text(port.entry) for port in ports)
    new = join_names(name for port in ports for name in port.target_names)
    verb, noun = "denies" if deny else "allows", "ports" if len(ports) > 1 else "port"
    leads = "which forwards to" if any(port.nameless for port in ports) else "whose backends listen on"
    return report(
        site.context,
        ports[0].entry if len(ports) == 1 else f"{site.rule.route}/toPorts",
        applicability,
        f"`toPorts` names {noun} {old} of {join_names(services)}, {leads} {new}",
        f"Cilium checks policy on the backends' ports, so the rule {verb} no connection to the Service",
        change=change,
        rule=site.rule,
        severity=Severity.NOTE if site.hidden else Severity.ERROR if deny else Severity.WARNING,
        evidence=_evidence(site, ports),
        advice=advice,
        at_key=len(ports) > 1,
    )


def _evidence(site: PortsSite, ports: Sequence[TranslatedPort]) -> Iterator[str]:
    services = {str(service): service for port in ports for service in port.services}
    for service in services.values():
        known = join_names(f"{p.port}/{p.protocol} → {p.target}" for p in service.ports)
        yield f"{service}, {service.source}: port {known}"
    behind = [w for w in site.workloads if any(is_before(service, w) for service in services.values())]
    yield f"behind it: {join_names((f'{workload} ({workload.source})' for workload in behind), most=4)}"
