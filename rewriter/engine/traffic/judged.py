"""Observed traffic judged under the policies of a run: as they are today, after the upgrade, and after each fix."""

from __future__ import annotations

from dataclasses import field

from rewriter.cilium.policy import Policy
from rewriter.engine.results.observed import Observed, period
from rewriter.engine.traffic.replay import ClusterReplay, PolicyPosition, decided
from rewriter.inventory.hubble.flows import FORWARDED, ObservedFlow, ObservedFlows
from rewriter.records import dataclass


@dataclass(frozen=True, slots=True)
class Traffic:
    """The observed flows of a run, a replay for each cluster that they were judged in."""

    observed: ObservedFlows
    replays: dict[str, ClusterReplay] = field(default_factory=dict)

    def step(self, where: PolicyPosition, before: Policy, after: Policy) -> Observed | None:
        """What a step of a rewrite does to observed flows; None where they were not judged with that policy."""
        restored: list[ObservedFlow] = []
        kept: list[ObservedFlow] = []
        dropped: list[ObservedFlow] = []
        seen = 0
        replays = [replay for replay in self.replays.values() if replay.knows(where)]
        for replay in replays:
            step = replay.step(where, before, after)
            seen += step.seen
            for number, old, new in step.changes:
                flow, today = replay.flows[number], decided(replay.today[number])
                if flow.verdict != FORWARDED:
                    if today is False and old is False and new:
                        restored.append(flow)
                elif today and old is False and new:
                    kept.append(flow)
                elif today and old and new is False:
                    dropped.append(flow)
        return Observed(tuple(restored), tuple(kept), tuple(dropped), seen, period(self.observed)) if replays else None
