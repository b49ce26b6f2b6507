"""What the upgrade changes in what a fix keeps alive, and that the upgrade would else have taken away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from rewriter.cilium.compile import Entry
from rewriter.cilium.labels import CLUSTER_LABEL, K8S
from rewriter.cilium.policy import Rule, Spec
from rewriter.cilium.terms import Condition, FqdnTerm, LabelTerm, Term, label_term, opaque_name
from rewriter.evidence.context import Context
from rewriter.finding import FlowClaim
from rewriter.passes.kit.changes.claims import rule_flows
from rewriter.passes.kit.changes.coverage import covered, covered_by_others, entries_of
from rewriter.passes.kit.enforced.enforcement import FlowChanges, denied_today, rejected_today


def changed_by_upgrade(context: Context) -> FlowChanges:
    """What the rules of an enforced policy open and close by being read as the target release reads them.

    Mostly nothing. A policy that the target release rejects as it is would not be read at all: there the fix causes
    these changes, since it keeps the policy alive.
    """
    opens: list[FlowClaim] = []
    closes: list[FlowClaim] = []
    for spec in context.policy.specs:
        for rule in spec.rules:
            wider, narrower = _change(context, spec, rule)
            words = f"the peers of the rule as Cilium {context.to_version} reads it"
            if wider:
                (closes if rule.deny else opens).append(rule_flows(context, spec, rule, words))
            if narrower:
                pods = tuple(_of_the_mesh_before(context, spec, rule)) or None
                peers = words if pods is None else "pods of other clusters"
                (opens if rule.deny else closes).append(rule_flows(context, spec, rule, peers, terms=pods))
    return FlowChanges(tuple(opens), tuple(closes))


def of_other_clusters(
    context: Context, spec: Spec, rule: Rule, entry: Mapping[str, object], names: Sequence[str] | None
) -> tuple[LabelTerm, ...]:
    """The pods of other clusters that an entry means on the target release, where that is more than today.

    `entry` is the rule with that entry alone, and `names` are the clusters that it is to name (None: every one). By
    itself the upgrade would keep these pods out, and so change nothing for them. A policy that is not enforced today
    denies nothing, and allows nothing new where no policy denies its pods by default. Empty where other rules of the
    list say all of it.
    """
    dead = rejected_today(context) is not None
    if dead and not rule.deny and not denied_today(context, spec, rule.direction):
        return ()
    before, after = (
        entries_of(context, spec, rule, entry, version, every_cluster=True)
        for version in (context.from_version, context.to_version)
    )
    before = () if dead else before
    elsewhere = _elsewhere(context, names)
    if not elsewhere or not _is_more(after, before):
        return ()
    kept = [
        replace(entry, peers=tuple(label_term([*peer.conditions, *elsewhere]) for peer in _pods(entry.peers)))
        for entry in after
    ]
    return () if covered_by_others(context, rule, kept) else tuple(_pods(p for entry in kept for p in entry.peers))


def _elsewhere(context: Context, names: Sequence[str] | None) -> list[Condition]:
    """The conditions of pods in named clusters, or (None) in any, other than the policy's own; empty where none is."""
    own = context.cluster.name if context.cluster else None
    if names is None:
        there = [Condition(K8S, CLUSTER_LABEL, "Exists")]
        return there if own is None else [*there, Condition(K8S, CLUSTER_LABEL, "NotIn", (own,))]
    others = tuple(sorted(name for name in names if name != own))
    return [Condition(K8S, CLUSTER_LABEL, "In", others)] if others else []


def _pods(peers: Iterable[Term]) -> Iterator[LabelTerm]:
    return (peer for peer in peers if isinstance(peer, LabelTerm))


def _change(context: Context, spec: Spec, rule: Rule) -> tuple[bool, bool]:
    """Whether the target release reads a rule as more than the source release does, and as less."""
    before, after = (
        entries_of(context, spec, rule, rule.raw, version) for version in (context.from_version, context.to_version)
    )
    if _names(before) == _names(after):
        return False, False
    if _names(before, as_written=True) == _names(after, as_written=True):
        return True, False  # Patterns of DNS names match more from 1.19 on, and never less.
    return _is_more(after, before), _is_more(before, after)


def _of_the_mesh_before(context: Context, spec: Spec, rule: Rule) -> Iterator[LabelTerm]:
    """The pods that a rule loses where policy-default-local-cluster is all that narrows it; nothing otherwise."""
    elsewhere = _elsewhere(context, None)
    releases = context.from_version, context.to_version
    before, after = (entries_of(context, spec, rule, rule.raw, release, every_cluster=True) for release in releases)
    if context.cluster is None or _is_more(before, after):
        return
    before, after = (entries_of(context, spec, rule, rule.raw, release) for release in releases)
    kept = {peer for entry in after for peer in entry.peers}
    lost = [peer for entry in before for peer in entry.peers if peer not in kept]
    if not any(map(opaque_name, lost)):
        yield from (label_term([*peer.conditions, *elsewhere]) for peer in _pods(lost))


def _is_more(entries: Sequence[Entry], others: Sequence[Entry]) -> bool:
    return any(entry.peers and entry.ports for entry in entries) and not covered(entries, others)


def _names(entries: Sequence[Entry], *, as_written: bool = False) -> list[tuple[object, ...]]:
    """Subjects, peers and ports; DNS names `as_written`, or as what they match."""
    return [
        (
            entry.subject,
            [peer.written if as_written and isinstance(peer, FqdnTerm) else peer for peer in entry.peers],
            entry.ports,
        )
        for entry in entries
    ]
