"""Who may talk to whom under one policy by itself, before and after a change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rewriter.cilium.identity import Identity
from rewriter.cilium.policy import KNP
from rewriter.cilium.settings import NO_FACTS, Facts, Settings
from rewriter.reach.compare import reach
from rewriter.reach.difference import FlowStatement
from rewriter.reach.world import PolicyWorld, policy_world
from rewriter.records import dataclass

_SUBJECTS = ("endpointSelector", "nodeSelector", "podSelector")


@dataclass(frozen=True, slots=True)
class Permitted:
    """The flows that a policy lets through by itself: those that a change keeps, opens and closes, in words.

    A direction that the policy does not restrict is left out. `enforced_before` and `enforced_after` are False where
    the release rejects the policy: then it restricts nothing, and `kept` is all that the other one lets through.
    """

    kept: tuple[FlowStatement, ...]
    opened: tuple[FlowStatement, ...] = ()
    closed: tuple[FlowStatement, ...] = ()
    enforced_before: bool = True
    enforced_after: bool = True


def permitted(
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    source: Settings,
    target: Settings,
    facts: Facts = NO_FACTS,
    *,
    identities: Sequence[Identity] = (),
    namespace: str | None = None,
) -> Permitted:
    """What a policy permits as `old` under `source` and as `new` under `target`."""
    before, after = (
        policy_world([manifest], settings, facts, namespaces=[namespace])
        for manifest, settings in ((old, source), (new, target))
    )
    closed = policy_world([_allowing_nothing(new)], target, facts, namespaces=[namespace])
    in_force = [world.sets[0].rejections == (None,) for world in (before, after)]
    if not all(in_force):
        only = before if in_force[0] else after
        kept = _restricted(reach(only, closed, identities).closed, only)
        return Permitted(kept, enforced_before=in_force[0], enforced_after=in_force[1])
    change = reach(before, after, identities)
    both = reach(before, closed, identities, after)
    return Permitted(
        kept=_restricted(both.closed, before, after),
        opened=_restricted(change.opened, before, after),
        closed=_restricted(change.closed, before, after),
    )


def _restricted(statements: Sequence[FlowStatement], *worlds: PolicyWorld) -> tuple[FlowStatement, ...]:
    """The statements of the directions that one of the worlds restricts."""
    directions = {entry.direction for world in worlds for entry in world.entries() if entry.default_deny or entry.deny}
    return tuple(statement for statement in statements if statement.direction in directions)


def _allowing_nothing(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A policy of the same subjects that denies by default both ways."""
    bare: dict[str, Any] = {name: value for name, value in manifest.items() if name not in ("spec", "specs")}
    if isinstance(manifest.get("spec"), dict):
        bare["spec"] = _allowing_nothing_spec(manifest["spec"], manifest.get("kind"))
    if isinstance(manifest.get("specs"), list):
        bare["specs"] = [_allowing_nothing_spec(spec, None) for spec in manifest["specs"] if isinstance(spec, dict)]
    return bare


def _allowing_nothing_spec(spec: Mapping[str, Any], kind: object) -> dict[str, Any]:
    subject = {name: spec[name] for name in _SUBJECTS if name in spec}
    if kind == KNP:
        return {**subject, "policyTypes": ["Ingress", "Egress"]}
    return {**subject, "ingress": [{}], "egress": [{}]}
