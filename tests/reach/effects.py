"""What rewriting one policy does to traffic, beside what the upgrade would do to it anyway."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rewriter.cilium.identity import Identity
from rewriter.cilium.policy_set import PolicySet, compile_policies
from rewriter.cilium.settings import NO_FACTS, Facts, Settings
from rewriter.reach.compare import reach
from rewriter.reach.difference import Difference, FlowStatement
from rewriter.reach.world import PolicyWorld
from rewriter.records import dataclass

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Effect:
    """The effect of a rewrite under the target settings, against the policy as it was under the source settings.

    `alone` is the policy by itself, `together` beside the others, `upgrade` the old policy under the target settings
    against the source settings. Statements of `opened` and `closed` are those of `alone` and `together`.
    """

    alone: Difference
    together: Difference
    upgrade: Difference

    @property
    def opened(self) -> tuple[FlowStatement, ...]:
        return _union(self.alone.opened, self.together.opened)

    @property
    def closed(self) -> tuple[FlowStatement, ...]:
        return _union(self.alone.closed, self.together.closed)

    @property
    def upgrade_opened(self) -> tuple[FlowStatement, ...]:
        return self.upgrade.opened

    @property
    def upgrade_closed(self) -> tuple[FlowStatement, ...]:
        return self.upgrade.closed


def policy_effect(
    old: Manifest | None,
    new: Manifest | None,
    source: Settings,
    target: Settings,
    *,
    facts: Facts = NO_FACTS,
    identities: Sequence[Identity] = (),
    others: Iterable[Manifest] = (),
    namespace: str | None = None,
) -> Effect:
    """The effect of rewriting `old` to `new` while Cilium goes from `source` to `target`; None is no policy.

    A policy that a release rejects is not in force there: when only the new one is accepted, default deny begins, and
    what it does not allow closes. `others` are the policies that stay as they are; both times they are read under
    `target`, so that what the upgrade does to them is no part of the effect. `namespace` is where the manifests land
    that name none.
    """
    before, after, unchanged = (
        _world(manifest, settings, facts, namespace)
        for manifest, settings in ((old, source), (new, target), (old, target))
    )
    alone = reach(before, after, identities)
    rest = compile_policies(others, target, facts)
    together = alone
    if rest.entries:
        together = reach(_beside(before, rest), _beside(after, rest), identities)
    upgrade = alone if new == old else reach(before, unchanged, identities)
    return Effect(alone, together, upgrade)


def _world(manifest: Manifest | None, settings: Settings, facts: Facts, namespace: str | None) -> PolicyWorld:
    manifests = () if manifest is None else (manifest,)
    return PolicyWorld((compile_policies(manifests, settings, facts, namespaces=(namespace,)),))


def _beside(world: PolicyWorld, rest: PolicySet) -> PolicyWorld:
    return PolicyWorld((*world.sets, rest))


def _union(first: tuple[FlowStatement, ...], second: tuple[FlowStatement, ...]) -> tuple[FlowStatement, ...]:
    return tuple(dict.fromkeys((*first, *second)))
