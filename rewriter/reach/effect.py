"""What a step of a rewrite does to traffic, beside what the upgrade would do to it anyway."""

from __future__ import annotations

from collections.abc import Sequence

from rewriter.cilium.cidr import Prefix
from rewriter.cilium.identity import Identity
from rewriter.reach.compare import StepEffect, reach_of_step
from rewriter.reach.world import CompiledClaims, PolicyWorld


def step_effect(
    today: PolicyWorld,
    fixed: PolicyWorld,
    unfixed: PolicyWorld,
    early: PolicyWorld,
    *,
    identities: Sequence[Identity] = (),
    inside: Sequence[Prefix] = (),
    declared: CompiledClaims | None = None,
    ends: tuple[PolicyWorld, PolicyWorld] | None = None,
    narrow: bool = False,
) -> StepEffect:
    """What a step does to a policy, judged alone; see `reach_of_step`.

    A step to a policy that the source version rejects can only be taken together with the upgrade: it has no early
    effect.
    """
    if any(early.rejections):
        early = today
    return reach_of_step(today, fixed, unfixed, early, identities, inside, declared, ends, narrow=narrow)
