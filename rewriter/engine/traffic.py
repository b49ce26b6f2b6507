"""Observed traffic judged under the policies of a run: as they are today, after the upgrade, and after each fix."""

from __future__ import annotations

from dataclasses import dataclass, field

from rewriter.cilium.policy import Policy
from rewriter.engine.observed import Observed, period
from rewriter.engine.scene import Placed, Scene, decided
from rewriter.inventory.hubble.flows import FORWARDED, ObservedFlow, ObservedFlows


@dataclass(frozen=True, slots=True)
class Traffic:
    """The observed flows of a run, a scene for each cluster that they were judged in."""

    observed: ObservedFlows
    scenes: dict[str, Scene] = field(default_factory=dict)

    def step(self, place: Placed, before: Policy, after: Policy) -> Observed | None:
        """What a step of a rewrite does to observed flows; None where they were not judged with that policy."""
        restored: list[ObservedFlow] = []
        kept: list[ObservedFlow] = []
        dropped: list[ObservedFlow] = []
        seen = 0
        scenes = [scene for scene in self.scenes.values() if scene.knows(place)]
        for scene in scenes:
            step = scene.step(place, before, after)
            seen += step.seen
            for number, old, new in step.changes:
                flow, today = scene.flows[number], decided(scene.today[number])
                if flow.verdict != FORWARDED:
                    if today is False and old is False and new:
                        restored.append(flow)
                elif today and old is False and new:
                    kept.append(flow)
                elif today and old and new is False:
                    dropped.append(flow)
        return Observed(tuple(restored), tuple(kept), tuple(dropped), seen, period(self.observed)) if scenes else None
