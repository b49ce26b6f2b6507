"""The pods that an entry of a peer field means on the target release."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rewriter.cilium.peers import endpoint_term, knp_peer_terms, names_init
from rewriter.cilium.policy import KNP, Policy
from rewriter.cilium.selector import Selector, read_selector
from rewriter.cilium.settings import Settings
from rewriter.cilium.terms import LabelTerm
from rewriter.evidence.context import Context
from rewriter.evidence.once import once
from rewriter.evidence.settings import settings_of
from rewriter.passes.kit.changes.site import Site, entries

#: The fields whose entries select pods by their labels.
POD_FIELDS = ("fromEndpoints", "toEndpoints", "from", "to")


@once
def pod_peers(context: Context, *, namespaces: bool = False) -> Iterator[tuple[Site, Selector, LabelTerm]]:
    """The entries that select pods: each with the selector of the pods' own labels and all that it means.

    Entries for reserved identities are left out, and those of a NetworkPolicy that select addresses; with `namespaces`
    those that select whole namespaces by their labels count, with the selector of the namespaces. Without a known mesh
    a selector means the cluster that the policy is in.
    """
    settings = _settings(context)
    for site in entries(context, *POD_FIELDS):
        if context.policy.kind == KNP:
            made = _of_network_policy(context.policy, site, settings, namespaces=namespaces)
            if made is not None:
                yield site, *made
        elif site.selector is not None and not site.selector.names_reserved and not names_init(site.spec.subject):
            term = _of_selector(context.policy, site, site.selector, settings)
            if term is not None:
                yield site, site.selector, term


def _settings(context: Context) -> Settings:
    """Made once a cluster and run."""
    key = ("pod peers", context.cluster and context.cluster.name, context.to_version, bool(context.mesh))
    if key not in context.answers:
        # Labels that identities lack are the pass filtered-label's: here a selector means what it says.
        settings = replace(settings_of(context.cluster, context.to_version), pod_labels=None)
        context.answers[key] = settings if context.mesh else replace(settings, default_local_cluster=False)
    made: Settings = context.answers[key]
    return made


def _of_selector(policy: Policy, site: Site, selector: Selector, settings: Settings) -> LabelTerm | None:
    """What a selector of from/toEndpoints means. Remembered for the settings that were asked for last."""
    key = ("endpoint term", site.route)
    known = policy.answers.get(key)
    if known is None or known[0] is not settings or known[1] is not selector:
        made = endpoint_term(selector, policy, site.spec.subject, settings)
        known = policy.answers[key] = settings, selector, made
    term: LabelTerm | None = known[2]
    return term


def _of_network_policy(
    policy: Policy, site: Site, settings: Settings, *, namespaces: bool
) -> tuple[Selector, LabelTerm] | None:
    """The selector of an entry and what it means; None where it selects no pods by such labels. Remembered."""
    key = ("pod peer", site.route, namespaces)
    known = policy.answers.get(key)
    if known is None or known[0] is not settings:
        selector = _network_policy_selector(site, namespaces=namespaces)
        found = [*knp_peer_terms(site.entry, policy.namespace or "", settings)] if selector else []
        term = found[0] if len(found) == 1 else None
        made = (selector, term) if selector is not None and isinstance(term, LabelTerm) else None
        known = policy.answers[key] = settings, made
    answer: tuple[Selector, LabelTerm] | None = known[1]
    return answer


def _network_policy_selector(site: Site, *, namespaces: bool) -> Selector | None:
    """The first selector of an entry that is not empty: of pods, else of namespaces where those count."""
    for field in ("podSelector", "namespaceSelector") if namespaces else ("podSelector",):
        raw = site.entry.get(field) if isinstance(site.entry, dict) else None
        if raw:
            return read_selector(raw, f"{site.route}/{field}")
    return None
