"""What the upgrade changes in the rules of a policy that a fix keeps alive, and that it would else have rejected."""

from __future__ import annotations

from collections.abc import Sequence

from rewriter.cilium.compile import Entry
from rewriter.cilium.policy import Rule, Spec
from rewriter.cilium.terms import FqdnTerm
from rewriter.finding import Declared
from rewriter.passes.base import Context
from rewriter.passes.declared import rule_flows
from rewriter.passes.enforcement import SwitchedOn
from rewriter.passes.rules import covered, entries_of


def changed_by_upgrade(context: Context) -> SwitchedOn:
    """What the rules of an enforced policy open and close by being read as the target release reads them.

    Mostly nothing. A policy that the target release rejects as it is would not be read at all: there this is the doing
    of the fix that keeps it alive.
    """
    opens: list[Declared] = []
    closes: list[Declared] = []
    for spec in context.policy.specs:
        for rule in spec.rules:
            wider, narrower = _change(context, spec, rule)
            words = f"the peers of the rule as Cilium {context.to_version} reads it"
            if wider:
                (closes if rule.deny else opens).append(rule_flows(context, spec, rule, words))
            if narrower:
                (opens if rule.deny else closes).append(rule_flows(context, spec, rule, words))
    return SwitchedOn(tuple(opens), tuple(closes))


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
