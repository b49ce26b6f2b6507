"""Services that a rule names and whose pods the patch release that runs does not find."""

from __future__ import annotations

from collections.abc import Iterator

from rewriter.cilium.labels import NAMESPACE_LABEL
from rewriter.cilium.policy import PeerField
from rewriter.cilium.services import service_fault, service_matches
from rewriter.cilium.settings import ServiceView
from rewriter.evidence.settings import known_patch
from rewriter.finding import Applicability, Finding, Severity
from rewriter.passes.kit.changes.coverage import sibling, uncovered_rules
from rewriter.passes.kit.changes.report import report
from rewriter.passes.kit.changes.site import RuleSite


def not_found_by_fault(site: RuleSite, field: PeerField, index: int) -> Iterator[Finding]:
    """The first Service of an entry of toServices that is lost so."""
    cluster, version, entry = site.context.cluster, site.context.to_version, field.entries[index]
    patch = known_patch(cluster.version if cluster else None, version)
    if patch is None or not isinstance(entry, dict):
        return
    source = cluster.source_of("version") if cluster and version.patch is None else "given by --to or the config"
    for service in site.context.inventory.all_services():
        view = ServiceView(service.namespace, service.name, service.selector or {}, service.labels)
        fault = service_fault(entry, view.selector, version, patch) if service_matches(entry, view) else None
        own = cluster is None or service.cluster in (None, cluster.name)
        if fault is None or not own or site.context.inventory.doubts(service):
            continue
        pods = {**view.selector, NAMESPACE_LABEL: service.namespace}
        beside = sibling(site.rule, {"toEndpoints": [{"matchLabels": pods}]})
        if not site.deny and not uncovered_rules(site.context, site.rule, [beside]):
            continue  # Another rule of the policy lets its pods be reached on these ports anyway.
        yield report(
            site.context,
            field.entry_route(index),
            Applicability.MANUAL,
            f"Cilium {version}.{patch} finds no pods of {service}: the rule allows nothing for it",
            f"it loses label keys with dots ({fault.issue}), which {version}.{fault.mended} mends",
            severity=Severity.ERROR,
            evidence=[f"{service}, {service.source}", f"Cilium {version}.{patch}, {source}"],
            advice=f"go to Cilium {version}.{fault.mended} or later, or name the pods with `toEndpoints`",
        )
        return
