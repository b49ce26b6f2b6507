"""The pods that an entry of a peer field means on the target release."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rewriter.cilium.peers import endpoint_term, knp_peer_terms, names_init
from rewriter.cilium.policy import KNP
from rewriter.cilium.selector import Selector, read_selector
from rewriter.cilium.terms import LabelTerm
from rewriter.evidence.context import Context
from rewriter.evidence.settings import settings_of
from rewriter.passes.kit.changes.site import Site, entries

#: The fields whose entries select pods by their labels.
POD_FIELDS = ("fromEndpoints", "toEndpoints", "from", "to")


def pod_peers(context: Context, *, namespaces: bool = False) -> Iterator[tuple[Site, Selector, LabelTerm]]:
    """The entries that select pods: each with the selector of the pods' own labels and all that it means.

    Entries for reserved identities are left out, and those of a NetworkPolicy that select addresses; with `namespaces`
    those that select whole namespaces by their labels count, with the selector of the namespaces. Without a known mesh
    a selector means the cluster that the policy is in.
    """
    # Labels that identities lack are the pass filtered-label's: here a selector means what it says.
    settings = replace(settings_of(context.cluster, context.to_version), pod_labels=None)
    if not context.mesh:
        settings = replace(settings, default_local_cluster=False)
    for site in entries(context, *POD_FIELDS):
        if context.policy.kind == KNP:
            selector = _network_policy_selector(site, namespaces=namespaces)
            found = [*knp_peer_terms(site.entry, context.policy.namespace or "", settings)] if selector else []
            if selector is not None and len(found) == 1 and isinstance(found[0], LabelTerm):
                yield site, selector, found[0]
        elif site.selector is not None and not site.selector.names_reserved and not names_init(site.spec.subject):
            term = endpoint_term(site.selector, context.policy, site.spec.subject, settings)
            if term is not None:
                yield site, site.selector, term


def _network_policy_selector(site: Site, *, namespaces: bool) -> Selector | None:
    """The first selector of an entry that is not empty: of pods, else of namespaces where those count."""
    for field in ("podSelector", "namespaceSelector") if namespaces else ("podSelector",):
        raw = site.entry.get(field) if isinstance(site.entry, dict) else None
        if raw:
            return read_selector(raw, f"{site.route}/{field}")
    return None
