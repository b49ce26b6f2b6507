"""What the tiers of ClusterNetworkPolicies decide on a flow, in the order in which their rules count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from rewriter.cilium.identity import NamedPort
from rewriter.cilium.policy_set import PolicySet, unenforced
from rewriter.cilium.terms import opaque_name, reserved_term
from rewriter.cilium.tiers import ACCEPT, DENY, PASS, TierRule
from rewriter.cilium.universe import Universe

_ORDER = (DENY, ACCEPT, PASS)


class LoadedTierRule(NamedTuple):
    """A rule of the `policy`-th manifest with the bitsets of its subjects and peers; `names` are its opaque peers."""

    policy: int
    rule: TierRule
    subjects: int
    peers: int
    names: tuple[str, ...]


class TierFlow(NamedTuple):
    """A flow as one direction sees it: bitsets of the subject and the peer, and what is asked for."""

    direction: str
    subject: int
    peer: int
    protocol: str
    port: int
    named_ports: tuple[NamedPort, ...]


class TierDecision(NamedTuple):
    """What a tier decides: None where no rule matches, or one that passes the flow on. `possible` may turn it."""

    allowed: bool | None = None
    rules: tuple[LoadedTierRule, ...] = ()
    possible: tuple[str, ...] = ()


def load_tier_rules(policies: PolicySet, universe: Universe) -> list[LoadedTierRule]:
    """The rules that have a subject in the universe, in the order in which they count; none where nothing counts."""
    if not policies.tiers or not policies.settings.enforces:
        return []
    exempt = unenforced(policies.settings, universe) | universe.select(reserved_term("host"))
    loaded = []
    for index, rule in policies.tiers:
        subjects = universe.select(rule.subject) & ~exempt
        if subjects:
            names = tuple(name for term in rule.peers if (name := opaque_name(term)))
            loaded.append(LoadedTierRule(index, rule, subjects, universe.select_any(rule.peers), names))
    return sorted(loaded, key=lambda each: (each.rule.place, _ORDER.index(each.rule.action)))


def decide(rules: Sequence[LoadedTierRule], tier: str, flow: TierFlow, outside: int) -> TierDecision:
    """What a tier decides on a flow; `outside` are the identities that a DNS name may lead to."""
    possible: list[str] = []
    concerned = (each for each in rules if each.rule.tier == tier and _concerns(each, flow))
    for (_, action), same in groupby(concerned, key=lambda each: (each.rule.place, each.rule.action)):
        group = list(same)
        matching = [each for each in group if each.peers & flow.peer]
        if matching:
            allowed = None if action == PASS else action == ACCEPT
            return TierDecision(allowed, tuple(matching), _unique(possible))
        if flow.peer & outside:
            possible += [name for each in group for name in each.names]
    return TierDecision(possible=_unique(possible))


def _concerns(each: LoadedTierRule, flow: TierFlow) -> bool:
    rule = each.rule
    return (
        rule.direction == flow.direction
        and bool(each.subjects & flow.subject)
        and any(grant.match.covers(flow.protocol, flow.port, flow.named_ports) for grant in rule.ports)
    )


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
