"""## What it does

Finds ports of a rule on which no pod listens: on ingress the pods of the policy, on egress those of the peers.

## Why it matters

Policies are checked on the port of the pod, after load balancing. A rule for a port that no pod has lets nothing
through: what was meant to be let in stays shut.

## Example

```diff
   ingress:
     - fromEndpoints:
         - matchLabels:
             app: proxy
       toPorts:
         - ports:
-            - port: "9000"
+            - port: "9443"
```

## Fix safety

The only port that all the pods declare, or a declared name that is nearly the written one, is offered; that is unsafe,
since nothing says that it is meant. Otherwise the finding is manual. Nothing is reported as long as

- one of the pods declares no ports, or its pod template is not known. There is one exception: where no rule lets in
  the only port to which the pods' Services forward, and nothing of the pods has the rule's port, the port of the
  Services is offered,
- a Service forwards to the port, or a probe, an argument or a variable of the pod speaks of it,
- it is one on which proxies of Istio or Linkerd listen in the pods,
- there may be pods that are not known, or a clusterwide policy selects Cilium's own Gateway or Ingress, or its health
  endpoint, which listens there.

The port of a Service in the place of its targetPort is `service-port`.

## References

- Cilium documentation, "Layer 4 Policies" and "Limit ingress/egress ports"
- Kubernetes documentation, "Service", section "Port definitions"
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from rewriter.cilium.ports import ANY_PROTOCOL
from rewriter.evidence.context import Context
from rewriter.evidence.listening import declared_ports, listens, services_before
from rewriter.evidence.workloads import workloads_evidence
from rewriter.finding import Applicability, Finding
from rewriter.inventory.facts.model import NamedPort, Workload
from rewriter.passes.kit.changes.change import Change
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.ports.cilium_ports import is_port_of_cilium
from rewriter.passes.kit.ports.port_sites import PortSite, port_sites
from rewriter.passes.kit.ports.shut_services import ShutService, shut_service
from rewriter.passes.kit.registry import EVERY_KIND, antipattern
from rewriter.text import join_names, port_text

#: Those that containers declare ports of. Any other is for `rejected` to report.
_PROTOCOLS = frozenset({"TCP", "UDP", "SCTP", ANY_PROTOCOL})
#: On which proxies listen that a service mesh puts into pods, and that no manifest of theirs declares: Istio's tunnel
#: and its sidecar's health and metrics (Istio, "Application Requirements"), Linkerd's proxy ("Ports").
_OF_MESHES = frozenset({15008, 15020, 15021, 15090, 4143, 4191})


@antipattern(
    code="CNP026",
    id="unlistened-port",
    title="a port on which no pod listens",
    kinds=EVERY_KIND,
    after=("service-port",),
    drops=True,
    guesses=True,
)
def find(context: Context) -> Iterator[Finding]:
    for site in port_sites(context):
        if not site.pods.workloads or not site.pods.certain or site.protocol not in _PROTOCOLS:
            continue
        # What a pod on the host network listens on is meant for it, and its node is the pass host-network-peer's.
        everybody = (*site.pods.workloads, *site.on_nodes)
        if _is_service_port(site) or is_port_of_cilium(site) or site.port in _OF_MESHES:
            continue
        if all(_hears(site, workload) is False for workload in everybody):
            yield _finding(site)
        elif (shut := shut_service(site)) is not None:
            yield _shut(site, shut)


def _hears(site: PortSite, workload: Workload) -> bool | None:
    return listens(site.context, workload, site.protocol, site.port)


def _is_service_port(site: PortSite) -> bool:
    """Whether a Service of the pods has the port in front of another: the pass service-port speaks of that."""
    services = [service for workload in site.pods.workloads for service in services_before(site.context, workload)]
    return any(site.port in (port.port, port.name) for service in services for port in service.ports)


def _finding(site: PortSite) -> Finding:
    pods = join_names((str(workload) for workload in site.pods.workloads), most=3)
    declared = {
        (port.number, port.protocol): port
        for workload in site.pods.workloads
        for port in declared_ports(workload, site.protocol)
    }
    known = join_names(_words(port) for port in declared.values())
    near = _near(site, list(declared.values()))
    change: Change | None = None
    if near is not None and all(other.port != str(near) for other in site.others):
        change = site.becomes(near, "the peers of the rule")
    listening = f"the ports of {pods} are {known}" if known else f"{pods} has no {site.protocol} port"
    return report(
        site.context,
        site,
        Applicability.UNSAFE if change else Applicability.MANUAL,
        f"no pod listens on {port_text(site.entry)}: {listening}",
        "Cilium checks policy on the port of the pod, so that the rule lets nothing through",
        change=change,
        rests_on=site.pods.workloads,
        evidence=workloads_evidence(site.pods.workloads),
        advice="" if change else "write the port on which the pods listen, or declare it as a containerPort",
    )


def _shut(site: PortSite, shut: ShutService) -> Finding:
    """The finding of pods that declare no ports: the only one that their Service has is shut."""
    free = all(other.port != str(shut.target) for other in site.others)
    change = site.becomes(shut.target, "the peers of the rule") if free else None
    service = shut.service
    return report(
        site.context,
        site,
        Applicability.UNSAFE if change else Applicability.MANUAL,
        f"no container of the pods has port {port_text(site.entry)}, and {service} forwards to {shut.target}, "
        "which no rule lets in",
        "Cilium checks policy on the port of the pod, so that no client reaches the Service",
        change=change,
        rests_on=site.pods.workloads,
        evidence=(*workloads_evidence(site.pods.workloads), f"{service}, {service.source}"),
        advice="" if change else "write the port on which the pods listen, or declare it as a containerPort",
    )


def _words(port: NamedPort) -> str:
    return f"{port.number}/{port.protocol}" + (f" ({port.name})" if port.name else "")


def _near(site: PortSite, declared: list[NamedPort]) -> int | str | None:
    """The port that may be meant: a name that is nearly the written one, or the only one that every pod declares."""
    if isinstance(site.port, str):
        names = [port.name for port in declared if port.name]
        close = get_close_matches(site.port, names, n=1, cutoff=0.75)
        if close:
            return close[0]
    if site.port == 53:
        return None  # DNS is meant, not another port of these pods.
    everywhere = all(
        any(port.number == other.number for port in workload.ports)
        for workload in site.pods.workloads
        for other in declared
    )
    return declared[0].number if len(declared) == 1 and everywhere else None
