"""What the tiers of ClusterNetworkPolicies decide on a flow, in the order in which their rules count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from rewriter.cilium.compile import Entry, TierPlace
from rewriter.cilium.identity import NamedPort
from rewriter.cilium.policy_set import PolicySet, match_tiers
from rewriter.cilium.terms import opaque_name
from rewriter.cilium.tiers import ACCEPT, DENY, PASS
from rewriter.cilium.universe import Universe

_ORDER = (DENY, ACCEPT, PASS)


class LoadedTierRule(NamedTuple):
    """A rule of the `policy`-th manifest with the bitsets of its subjects and peers; `names` are its opaque peers."""

    policy: int
    rule: Entry
    place: TierPlace
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
    loaded = []
    for policy, rule, subjects, peers in match_tiers(policies, universe):
        if rule.tier is not None:
            names = tuple(name for term in rule.peers if (name := opaque_name(term)))
            loaded.append(LoadedTierRule(policy, rule, rule.tier, subjects, peers, names))
    return sorted(loaded, key=lambda rule: in_order(rule.place))


def in_order(where: TierPlace) -> tuple[int, int]:
    """By this the rules of a tier are sorted: at one place Deny counts before Accept before Pass."""
    return where.place, _ORDER.index(where.action)


def decide(rules: Sequence[LoadedTierRule], tier: str, flow: TierFlow, outside: int) -> TierDecision:
    """What a tier decides on a flow; `outside` are the identities that a DNS name may lead to."""
    possible: list[str] = []
    concerned = (rule for rule in rules if rule.place.tier == tier and _concerns(rule, flow))
    for (_, action), same in groupby(concerned, key=lambda rule: (rule.place.place, rule.place.action)):
        group = list(same)
        matching = [rule for rule in group if rule.peers & flow.peer]
        if matching:
            allowed = None if action == PASS else action == ACCEPT
            return TierDecision(allowed, tuple(matching), _unique(possible))
        if flow.peer & outside:
            possible += [name for rule in group for name in rule.names]
    return TierDecision(possible=_unique(possible))


def _concerns(other: LoadedTierRule, flow: TierFlow) -> bool:
    rule = other.rule
    return (
        rule.direction == flow.direction
        and bool(other.subjects & flow.subject)
        and any(grant.match.covers(flow.protocol, flow.port, flow.named_ports) for grant in rule.ports)
    )


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
