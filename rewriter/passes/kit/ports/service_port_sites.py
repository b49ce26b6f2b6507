"""Ports of Services in NetworkPolicies and in ingress rules, where the pods listen on others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rewriter.cilium.digits import is_number
from rewriter.cilium.policy import CCNP, EGRESS, INGRESS, KNP
from rewriter.evidence.backends import Backends
from rewriter.evidence.context import Context
from rewriter.evidence.doubts import REMEDY, doubts_about
from rewriter.evidence.listening import listens
from rewriter.evidence.target_ports import is_behind, no_container_has
from rewriter.evidence.workloads import hidden_services, workloads_evidence
from rewriter.finding import Finding, Severity
from rewriter.inventory.facts.completeness import Completeness, Hidden
from rewriter.inventory.facts.model import Service
from rewriter.passes.kit.changes.applicability import EVIDENT, MANUAL, OTHERWISE, UNSAFE, decided
from rewriter.passes.kit.changes.change import Change
from rewriter.passes.kit.changes.coverage import uncovered_rules
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.ports.backend_ports import translations
from rewriter.passes.kit.ports.port_sites import PortSite, port_sites
from rewriter.records import dataclass
from rewriter.text import join_names, port_text


@dataclass(frozen=True, slots=True)
class _Targets:
    """What the port of a rule becomes, the Services that say so, and why it cannot be decided.

    `nameless` says that they forward it to a name that no container has.
    """

    ports: tuple[Mapping[str, object], ...]
    services: tuple[Service, ...]
    doubt: str = ""
    nameless: str = ""


def service_port_sites(context: Context) -> Iterator[Finding]:
    """A finding for each such port; egress of Cilium policies is left out, since rules there are read as a whole."""
    if context.policy.kind != CCNP and not context.namespace_known:
        return
    for site in port_sites(context):
        if site.rule.direction == EGRESS and context.policy.kind != KNP:
            continue
        if _is_for_every_pod(site):
            continue
        if site.pods.workloads and not site.pods.undecided and (targets := _targets(site)) is not None:
            finding = _finding(site, targets)
            if finding is not None:
                yield finding


def _is_for_every_pod(site: PortSite) -> bool:
    """Whether a rule lets traffic in to all pods of the cluster, so it is not about one Service in particular."""
    subject = site.spec.subject
    everybody = site.context.policy.clusterwide and subject is not None and not subject.requirements
    return site.rule.direction == INGRESS and everybody


def _targets(site: PortSite) -> _Targets | None:
    """What one port becomes; None where it is right, or no Service has it."""
    pods = site.pods.workloads
    if any(listens(site.context, pod, site.protocol, site.port) for pod in pods):
        return None
    written = {"port": str(site.port), "protocol": site.protocol}
    behind = [s for s in site.context.inventory.all_services() if any(is_behind(pod, s) for pod in pods)]

    def backends(service: Service) -> Backends:
        containers = tuple(port for pod in pods if is_behind(pod, service) for port in pod.ports)
        return Backends(str(service), "", (), service.ports, containers)

    found = translations(written, behind, backends)
    if found is None or any(_stands_beside(site, new) for new in found.ports):
        return None
    services, doubt = found.services, found.doubt
    beside = [pod for pod in pods if not any(is_behind(pod, service) for service in services)]
    if any(listens(site.context, workload, site.protocol, site.port) is None for workload in beside):
        return None
    numbers = list(dict.fromkeys(str(new["port"]) for new in found.ports))
    doubts = doubts_about(site.context.inventory, (*services, *pods), "services", "workloads")
    if len(numbers) > 1:
        doubt = "the Services forward it to different ports"
    elif beside:
        doubt = "the rule is for pods that are not behind such a Service as well"
    elif doubts:
        doubt = f"{join_names(doubts)}; {REMEDY}"
    nameless = "" if doubt else no_container_has(numbers, pods)
    return _Targets(tuple({"port": number} for number in numbers), services, doubt, nameless)


def _stands_beside(site: PortSite, new: Mapping[str, object]) -> bool:
    """Whether a backend port stands in the rule already, by number, by name or in a range."""
    known = [port for workload in site.pods.workloads for port in workload.ports]
    wanted = str(new["port"])
    numbers = {port.number for port in known if port.name == wanted} | ({int(wanted)} if is_number(wanted) else set())
    names = {wanted, *(port.name for port in known if port.number in numbers and port.name)}
    for other in site.others:
        first, last = other.port or "0", other.end
        if first == "0" or first in names or (is_number(first) and int(first) in numbers):
            return True
        if is_number(first) and any(int(first) <= number <= last for number in numbers):
            return True
    return False


def _finding(site: PortSite, targets: _Targets) -> Finding | None:
    context = site.context
    new = str(targets.ports[0]["port"])
    port = int(new) if is_number(new) else new
    change: Change | None = None
    if not targets.doubt:
        change = site.becomes(port, "the peers of the rule")
        if not uncovered_rules(context, site.rule, [site.rule_on(site.entry_on(port))]):
            return None
    hidden = _hidden(site)
    known = join_names(f"{p.port}/{p.protocol} → {p.target} ({s})" for s in targets.services for p in s.ports)
    advice = f"{targets.doubt}; write the ports on which the pods listen: {known}" if targets.doubt else _gap(hidden)
    trust = decided((targets.doubt, MANUAL), (hidden or targets.nameless, UNSAFE), (OTHERWISE, EVIDENT))
    name = "ports" if context.policy.kind == KNP else "toPorts"
    return report(
        context,
        site,
        trust,
        f"`{name}` names port {port_text(site.entry)} of {join_names(map(str, targets.services))}, "
        f"{'which forwards to' if targets.nameless else 'whose backends listen on'} "
        f"{join_names(target['port'] for target in targets.ports)}",
        "Cilium checks policy on the backends' ports, so the rule allows no connection to the Service",
        change=change,
        severity=Severity.NOTE if hidden else Severity.WARNING,
        evidence=(
            *(f"{service}, {service.source}" for service in targets.services),
            *workloads_evidence(site.pods.workloads),
        ),
        advice="; ".join(filter(None, (targets.nameless, advice))),
    )


def _hidden(site: PortSite) -> Sequence[Hidden]:
    others = hidden_services(site.context, (workload.namespace for workload in site.pods.workloads))
    return tuple(dict.fromkeys((*site.pods.hidden, *others)))


def _gap(hidden: Sequence[Hidden]) -> str:
    """What may make other pods, or Services, for which the port is right, and what makes it known; empty for none."""
    if not hidden:
        return ""
    words = join_names(Completeness(tuple(hidden)).reasons, most=3)
    return f"{words} may make pods or Services for which the port is right: {hidden[0].lift}"
