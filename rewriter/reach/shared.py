"""The rules of worlds that are compared which no world of a pair has alone: they bear on what the others change only.

What a comparison reports differs within a pair: between before and after; for a step, between today and today with the
step, or between the target release without the step and with it. A rule that both worlds of a pair hold lets the same
through in both, so that it is matched once, and counts for the peers of the other rules alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, groupby
from typing import NamedTuple

from rewriter.cilium.compile import Content, Entry
from rewriter.cilium.policy_set import PolicySet, Rules
from rewriter.cilium.settings import Settings
from rewriter.reach.world import PolicyWorld
from rewriter.records import dataclass

#: The pairs of a comparison by its number of worlds: before and after, a world beside these, the four of a step.
PAIRS: dict[int, tuple[tuple[int, ...], ...]] = {2: ((0, 1),), 3: ((0, 1), (2,)), 4: ((0, 3), (1, 2))}


@dataclass(frozen=True, slots=True)
class Common:
    """What rules of every one of some worlds do; `contents` are the rules of each world by what they do.

    Of worlds that a step lies between nearly all rules are in `stretches` that they share, by the ids of these.
    """

    contents: Sequence[Mapping[Content, Entry]]
    stretches: frozenset[int]

    def __contains__(self, content: Content) -> bool:
        return all(content in held for held in self.contents)

    def __bool__(self) -> bool:
        return bool(self.stretches) or any(content in self for content in self.contents[0])

    def others(self, policies: PolicySet) -> Iterator[tuple[int, Entry]]:
        """The entries of one of the worlds' sets, tiers left out, that do what not every world's rules do."""
        for stretch in policies.stretches:
            if id(stretch) not in self.stretches:
                yield from (item for item in stretch if item[1].content not in self)


class Shared(NamedTuple):
    """Rules that the worlds at these positions share, among the `rules` of the first of them."""

    worlds: tuple[int, ...]
    settings: Settings
    rules: Sequence[Rules]
    common: Common


class Run(NamedTuple):
    """Entries beside each other that have one subject and direction; `asked` are labels of which each peer has one."""

    entries: Sequence[Entry]
    default_deny: bool
    asked: frozenset[tuple[str, str]] | None


def runs_in(rules: Rules, common: Common) -> Sequence[Run]:
    """Those entries of a stretch that do what rules of every world do."""
    if id(rules) not in common.stretches:
        return _runs(entry for _, entry in rules if entry.content in common)
    known: Sequence[Run] | None = rules.answers.get("runs")
    if known is None:
        known = rules.answers["runs"] = _runs(entry for _, entry in rules)
    return known


def _runs(entries: Iterable[Entry]) -> Sequence[Run]:
    """Most rules have the subject and the direction of the one before."""
    together = [list(run) for _, run in groupby(entries, lambda e: (id(e.subject), e.direction, e.subject_is_node))]
    return [
        Run(
            run,
            any(entry.default_deny for entry in run),
            frozenset(chain.from_iterable(entry.asked or () for entry in run))
            if all(entry.asked is not None for entry in run)
            else None,
        )
        for run in together
    ]


def shared_rules(worlds: Sequence[PolicyWorld]) -> list[Shared]:
    """The rules that both worlds of each pair hold and read alike.

    There are none where rules change each other (fromRequires, toRequires), or where ports have names: then a rule
    means what the other rules make of it.
    """
    found = []
    for pair in PAIRS[len(worlds)]:
        sets = [policies for position in pair for policies in worlds[position].sets]
        if len({_reading(policies.settings) for policies in sets}) != 1:
            continue
        if not all(policies.plain for policies in sets):
            continue
        common = common_rules([worlds[position] for position in pair])
        if common:
            rules = [stretch for policies in worlds[pair[0]].sets for stretch in policies.stretches]
            found.append(Shared(pair, sets[0].settings, rules, common))
    return found


def touched(worlds: Sequence[PolicyWorld]) -> list[Entry]:
    """The rules that one world of a pair has and the other has not: what a step changes, whatever the upgrade does."""
    found: dict[Content, Entry] = {}
    for pair in PAIRS[len(worlds)]:
        held = [worlds[position] for position in pair]
        common = common_rules(held)
        for policies in (policies for world in held for policies in world.sets):
            tiers = (item for item in policies.tiers if item[1].content not in common)
            found.update({entry.content: entry for _, entry in (*common.others(policies), *tiers)})
    return list(found.values())


def contents_of(world: PolicyWorld) -> Mapping[Content, Entry]:
    """The rules of a world by what they do."""
    first, *rest = (policies.by_content for policies in world.sets)
    return {content: entry for contents in (first, *rest) for content, entry in contents.items()} if rest else first


def common_rules(worlds: Sequence[PolicyWorld]) -> Common:
    """What rules of every world do."""
    return Common([contents_of(world) for world in worlds], common_stretches(worlds))


def common_stretches(worlds: Sequence[PolicyWorld]) -> frozenset[int]:
    """The stretches of entries that every world has, by their ids: they live as long as the worlds."""
    first, *rest = ([id(stretch) for policies in world.sets for stretch in policies.stretches] for world in worlds)
    return frozenset(first).intersection(*rest)


def without(policies: PolicySet, common: Common) -> PolicySet:
    """The set without the entries that do what those of every world do."""
    left = tuple(common.others(policies))
    return policies if len(left) == len(policies.entries) else replace(policies, entries=left)


def _reading(settings: Settings) -> tuple[object, ...]:
    """What of the settings bears on whom a compiled rule selects."""
    return (
        settings.enforces,
        settings.host_firewall,
        settings.cidr_match_nodes,
        settings.matches_pods_by_address,
    )
