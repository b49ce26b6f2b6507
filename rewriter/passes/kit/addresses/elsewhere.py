"""Which entries of CIDRs are the question of another pass than CNP003."""

from __future__ import annotations

from rewriter.cilium.policy import EGRESS, PeerField, Rule, Spec
from rewriter.evidence.api_server import api_server
from rewriter.evidence.context import Context
from rewriter.evidence.service_addresses import service_range
from rewriter.passes.kit.addresses.address_owner import (
    holds_nodes_only,
    is_api_server,
    is_range_of_api_server,
    service_holders,
)
from rewriter.passes.kit.addresses.api_server_words import is_meant
from rewriter.passes.kit.addresses.cidr_entries import CidrEntry
from rewriter.passes.kit.addresses.node_ports import is_node_port
from rewriter.passes.kit.changes.site import RuleSite


def is_elsewhere(context: Context, spec: Spec, rule: Rule, field: PeerField, entry: CidrEntry) -> bool:
    """Whether CNP020 (API server), CNP028 (Services) or CNP031 (host policies) reports an entry in place of CNP003."""
    if is_node_port(context, rule, entry):
        return True
    if entry.internet:
        return False
    if spec.subject is None:
        return holds_nodes_only(context, entry)
    if service_range(context, entry.addresses):
        return True
    if rule.direction != EGRESS:
        return False
    server = api_server(context)
    return (
        is_api_server(context, rule, entry, server)
        or is_range_of_api_server(context, rule, entry, server)
        or bool(service_holders(context, entry))
        or is_meant(RuleSite(context, spec, rule), field, entry, server)
    )
