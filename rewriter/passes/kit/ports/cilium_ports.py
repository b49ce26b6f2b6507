"""Ports on which endpoints of Cilium itself listen, which a clusterwide policy selects beside pods."""

from __future__ import annotations

from rewriter.cilium.identity import reserved_identity
from rewriter.cilium.labels import LabelSet
from rewriter.cilium.policy import CCNP, INGRESS
from rewriter.evidence.gateways import ENVOY, front_ports
from rewriter.passes.kit.ports.port_sites import PortSite

_HEALTH = reserved_identity("health")
_HEALTH_PORT = 4240


def is_port_of_cilium(site: PortSite) -> bool:
    """Whether a rule lets in to Cilium's Gateways and Ingresses, or to its health endpoint, on a port of theirs."""
    subject = site.spec.subject
    if site.context.policy.kind != CCNP or site.rule.direction != INGRESS or subject is None:
        return False
    if site.port == _HEALTH_PORT:
        return subject.selects(LabelSet(_HEALTH.labels))
    return site.port in front_ports(site.context) and subject.selects(LabelSet(ENVOY.labels))
