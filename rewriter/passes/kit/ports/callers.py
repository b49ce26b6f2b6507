"""Ports that are for callers which no selector of pods names: the API server, and whoever scrapes."""

from __future__ import annotations

from typing import TypeGuard

from rewriter.cilium.nodes import PortProtocol, PortRule
from rewriter.cilium.policy import INGRESS, Rule, Spec
from rewriter.evidence.context import Context
from rewriter.evidence.reachable import workloads_of_spec
from rewriter.evidence.scrapers import monitored
from rewriter.passes.kit.ports.webhooks import called_ports


def is_for_callers(context: Context, spec: Spec, ports: Rule) -> bool:
    """Whether a rule of ingress is for ports alone that the API server calls, or that monitors name, on known pods."""
    written = {p.port for item in ports.port_rules if isinstance(item, PortRule) for p in item.ports if _is_single(p)}
    if ports.direction != INGRESS or spec.subject is None or not written:
        return False
    callers: set[str] = set()
    for workload in workloads_of_spec(context, spec):
        own = {*called_ports(context, workload), *(item.port for item in monitored(context, workload))}
        callers |= {str(number) for number in own} | {port.name for port in workload.ports if port.number in own}
    return written <= callers


def _is_single(port: object) -> TypeGuard[PortProtocol]:
    return isinstance(port, PortProtocol) and not port.end
