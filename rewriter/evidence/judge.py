"""Verdicts on the flows between two ends, and which rules that may count beside the others would turn one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from rewriter.cilium.identity import Identity
from rewriter.cilium.policy import INGRESS
from rewriter.cilium.policy_set import PolicySet
from rewriter.cilium.settings import Settings
from rewriter.cilium.terms import ANYTHING
from rewriter.cilium.verdict import Bearing, DirectionVerdict, Engine
from rewriter.evidence.policies import AppliedRule

_SUBJECT, _PEER = "subject", "peer"


class Judge:
    """Judges the flows between a subject that all of the rules select and one peer, for any port."""

    __slots__ = ("_ends", "_engine", "_rules", "_settings")

    def __init__(self, rules: Sequence[AppliedRule], settings: Settings, subject: Identity, peer: Identity) -> None:
        self._rules = rules
        self._settings = settings
        self._ends = (subject._replace(name=_SUBJECT), peer._replace(name=_PEER))
        self._engine = self._engine_of(rules)

    def verdict(self, direction: str, protocol: str, port: int) -> DirectionVerdict:
        """The verdict of the rules; its references give their positions among them."""
        return _of(self._engine, direction, protocol, port)

    def turned_by(self, rules: Iterable[AppliedRule], direction: str, protocol: str, port: int) -> AppliedRule | None:
        """The first of these rules that turns the verdict where it counts beside the others; None for none.

        A rule turns it by denying, by denying by default and by matching the flow: those that are alike in this are
        judged once.
        """
        allowed = self.verdict(direction, protocol, port).allowed
        narrowed = any(rule.entry.required and rule.entry.direction == direction for rule in self._rules)
        known: dict[Bearing | None, bool] = {None: False}
        for rule in rules:
            entry = rule.entry
            if entry.direction != direction:
                continue
            if entry.tier is not None or entry.required or (narrowed and entry.endpoint_peers):
                turns = self._turns(rule, direction, protocol, port, allowed)
            else:
                kind = self._engine.bearing(replace(entry, subject=ANYTHING), _SUBJECT, _PEER, protocol, port)
                if kind not in known:
                    known[kind] = self._turns(rule, direction, protocol, port, allowed)
                turns = known[kind]
            if turns:
                return rule
        return None

    def _turns(self, rule: AppliedRule, direction: str, protocol: str, port: int, allowed: bool) -> bool:
        engine = self._engine_of((*self._rules, rule))
        return _of(engine, direction, protocol, port).allowed is not allowed

    def _engine_of(self, rules: Sequence[AppliedRule]) -> Engine:
        # Each rule counts as a policy of its own, so that the engine's references lead back to it.
        every = [(n, replace(rule.entry, subject=ANYTHING)) for n, rule in enumerate(rules)]
        entries, tiers = (tuple(e for e in every if (e[1].tier is not None) is tiered) for tiered in (False, True))
        return Engine(PolicySet(self._settings, entries, (), tiers=tiers), self._ends)


def _of(engine: Engine, direction: str, protocol: str, port: int) -> DirectionVerdict:
    if direction == INGRESS:
        return engine.verdict(_PEER, _SUBJECT, protocol, port).ingress
    return engine.verdict(_SUBJECT, _PEER, protocol, port).egress
