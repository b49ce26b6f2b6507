"""A world: the policies that are in force together, each read as its own settings say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rewriter.cilium.compile import Entry
from rewriter.cilium.policy_set import PolicySet, compile_policies
from rewriter.cilium.settings import NO_FACTS, Facts, Settings
from rewriter.cilium.validation import Rejection
from rewriter.records import dataclass


@dataclass(frozen=True, slots=True)
class PolicyWorld:
    """Policy sets in force in one cluster; usually one. A rejected policy is in none of them.

    Several sets differ in their settings, so that a change can be seen under new settings beside policies that are read
    alike before and after.
    """

    sets: tuple[PolicySet, ...]

    @property
    def local_cluster(self) -> str:
        return self.sets[0].settings.local_cluster if self.sets else "default"

    @property
    def rejections(self) -> tuple[Rejection | None, ...]:
        """Why manifests are rejected, set by set; None for each accepted one."""
        return tuple(why for policies in self.sets for why in policies.rejections)

    def entries(self) -> Iterator[Entry]:
        for policies in self.sets:
            yield from policies.all_entries()


@dataclass(frozen=True, slots=True)
class CompiledClaims:
    """The flows that a step may open and close: those of the rules in each set, whether these allow or deny."""

    opens: PolicySet
    closes: PolicySet


def policy_world(
    manifests: Iterable[Mapping[str, Any]],
    settings: Settings,
    facts: Facts = NO_FACTS,
    *,
    namespaces: Sequence[str | None] = (),
) -> PolicyWorld:
    """The world of these manifests; `namespaces` says where those without a namespace land, one for each."""
    return PolicyWorld((compile_policies(manifests, settings, facts, namespaces=namespaces),))
