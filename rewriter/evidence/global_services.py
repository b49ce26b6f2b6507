"""Remote backends of global Services that a rule reaches through toServices, and stops reaching at 1.19."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rewriter.cilium.labels import CLUSTER_LABEL
from rewriter.cilium.policy import PeerField, Rule, Spec
from rewriter.cilium.version import DEFAULT_LOCAL_CLUSTER, SERVICES_WITH_PORTS
from rewriter.evidence.context import Context
from rewriter.finding import Applicability, Finding, Severity
from rewriter.inventory.facts.model import Service
from rewriter.text import flow_text, join_names


def lost_backends(context: Context, spec: Spec, rule: Rule, field: PeerField) -> Iterator[Finding]:
    """Global Services whose remote backends a rule reaches today; toServices means selectors since 1.17."""
    if context.from_version < SERVICES_WITH_PORTS or context.cluster is None:
        return
    for index, entry in enumerate(field.entries):
        services = [service for service in _named_services(context, entry) if service.is_global and service.selector]
        if not services or any(CLUSTER_LABEL in (service.selector or {}) for service in services):
            continue
        shown = join_names([str(service) for service in services])
        advice = (
            "write toEndpoints with the Service's selector, its namespace, the backend ports and "
            "io.cilium.k8s.policy.cluster (`operator: Exists`) if the remote backends are meant"
        )
        yield Finding(
            severity=Severity.WARNING,
            applicability=Applicability.MANUAL,
            route=field.entry_route(index),
            message=f"`toServices` reaches only local backends of the global {shown} on {context.to_version}",
            why=f"the upgrade closes flows {flow_text(context.policy, spec, rule, f'remote backends of {shown}')}",
            evidence=tuple(f"{service} is global, {service.source}" for service in services),
            advice=advice,
            versions=str(DEFAULT_LOCAL_CLUSTER),
        )


def _named_services(context: Context, entry: Any) -> Sequence[Service]:
    named = entry.get("k8sService") if isinstance(entry, dict) else None
    if not isinstance(named, dict):
        return ()
    name, namespace = named.get("serviceName"), named.get("namespace")
    if not isinstance(name, str) or not isinstance(namespace, str | None):
        return ()
    return context.inventory.services(name, namespace or None)
