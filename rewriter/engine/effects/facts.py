"""What policies refer to by name, of what is known: Services, CIDR groups, and the numbers of named ports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from rewriter.cilium.policy import Policy
from rewriter.cilium.settings import NO_FACTS, Facts
from rewriter.engine.effects.asked import asking_for_facts, names_egress_ports, names_groups, values_of
from rewriter.evidence.settings import facts_of, mesh_port_names
from rewriter.inventory.facts.model import Service
from rewriter.inventory.questions.inventory import Inventory


def facts_for(policies: Iterable[Policy], inventory: Inventory, own_cluster: str) -> Facts:
    """The facts that policies of a cluster point at; NO_FACTS where they point at none."""
    both = asking_for_facts(policies)
    if not both:
        return NO_FACTS
    services = {id(found): found for policy in both for found in _services(policy, inventory, own_cluster)}
    groups = inventory.cidr_groups() if any(map(names_groups, both)) else ()
    named = any(map(names_egress_ports, both))
    if not (services or groups or named or any(values_of(policy, "toServices") for policy in both)):
        return NO_FACTS
    facts = facts_of(services.values(), groups, inventory)
    return replace(facts, named_ports=mesh_port_names(inventory)) if named else facts


def _services(policy: Policy, inventory: Inventory, own_cluster: str) -> Iterator[Service]:
    found: list[Service] = []
    for entry in values_of(policy, "toServices"):
        for item in entry if isinstance(entry, list) else ():
            named = item.get("k8sService") if isinstance(item, dict) else None
            name = named.get("serviceName") if isinstance(named, dict) else None
            found += inventory.services(name) if isinstance(name, str) else inventory.all_services()
    known = own_cluster in {cluster.name for cluster in inventory.clusters}
    return (service for service in found if not known or service.cluster in (None, own_cluster))
