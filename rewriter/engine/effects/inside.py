"""Which addresses of policies are known to belong to a Service or a node, and so to no one outside the mesh."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rewriter.cilium.cidr import AddressError, Prefix, parse_prefix_or_address, parsed_prefixes
from rewriter.cilium.policy import Policy, Rule
from rewriter.cilium.settings import Settings
from rewriter.cilium.stretches import Stretch, stretches_of
from rewriter.evidence.api_server import address_beside_dns
from rewriter.inventory.questions.inventory import Inventory


def addresses_inside(inventory: Inventory, settings: Settings, policies: Iterable[Policy]) -> tuple[Prefix, ...]:
    """The single addresses in policies that a node has, or a Service of the own cluster has or may get.

    Load balancing turns a Service's address into its backends before policy sees it, and a node is no address to
    policy unless policy-cidr-match-mode is `nodes`.
    """
    written = dict.fromkeys(one for policy in policies for one in _singles(policy))
    return tuple(one for one in written if _is_inside(inventory, settings, one))


def _is_inside(inventory: Inventory, settings: Settings, address: Prefix) -> bool:
    ranges = [
        cidr
        for cluster in inventory.clusters
        if cluster.name == settings.local_cluster
        for cidr in cluster.service_cidrs or ()
    ]
    if any(prefix.contains(address) for prefix in parsed_prefixes(ranges)):
        return True
    beside_dns = None if ranges else address_beside_dns(inventory, settings.local_cluster)
    if beside_dns is not None and beside_dns[0] == address:
        return True
    services = inventory.addresses.services(address)
    own = any(service.cluster in (None, settings.local_cluster) for service in services)
    if own or inventory.addresses.is_balanced(address):
        return True
    return not settings.cidr_match_nodes and bool(inventory.addresses.nodes(address))


def _singles(policy: Policy) -> tuple[Prefix, ...]:
    """The single addresses among the peers of a policy."""
    key = ("single addresses",)
    if key not in policy.answers:
        singles: list[Prefix] = []
        for spec in policy.specs:
            for stretch in stretches_of(spec.rules):
                singles += _singles_of(stretch)
        policy.answers[key] = tuple(singles)
    found: tuple[Prefix, ...] = policy.answers[key]
    return found


def _singles_of(rules: Stretch[Rule]) -> list[Prefix]:
    key = ("single addresses",)
    if key not in rules.answers:
        found = (_single(entry) for rule in rules for field in rule.peers for entry in field.entries)
        rules.answers[key] = [one for one in found if one is not None]
    singles: list[Prefix] = rules.answers[key]
    return singles


def _single(entry: Any) -> Prefix | None:
    """The address of a CIDR, or of an ipBlock, that holds one; None for anything else."""
    block = entry.get("ipBlock", entry) if isinstance(entry, dict) else entry
    text = block.get("cidr") if isinstance(block, dict) else block
    if not isinstance(text, str):
        return None
    try:
        found = parse_prefix_or_address(text)
    except AddressError:
        return None
    return found if found.bits == found.width else None
