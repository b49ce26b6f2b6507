"""The rules of worlds that are compared which no world of a pair has alone: they bear on what the others change only.

What a comparison reports differs within a pair: between before and after; for a step, between today and today with the
step, or between the target release without the step and with it. A rule that both worlds of a pair hold lets the same
through in both, so that it is matched once, and counts for the peers of the other rules alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from typing import NamedTuple

from rewriter.cilium.compile import Content, Entry
from rewriter.cilium.policy_set import PolicySet
from rewriter.cilium.settings import Settings
from rewriter.reach.world import PolicyWorld

#: The pairs of a comparison by its number of worlds: before and after, a world beside these, the four of a step.
PAIRS: dict[int, tuple[tuple[int, ...], ...]] = {2: ((0, 1),), 3: ((0, 1), (2,)), 4: ((0, 3), (1, 2))}


class Shared(NamedTuple):
    """Rules that the worlds at these positions share."""

    worlds: tuple[int, ...]
    settings: Settings
    rules: Sequence[Entry]
    contents: Set[Content]


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
        common = common_contents([worlds[position] for position in pair])
        if common:
            rules = [entry for content, entry in contents_of(worlds[pair[0]]).items() if content in common]
            found.append(Shared(pair, sets[0].settings, rules, common))
    return found


def touched(worlds: Sequence[PolicyWorld]) -> list[Entry]:
    """The rules that one world of a pair has and the other has not: what a step changes, whatever the upgrade does."""
    found: dict[Content, Entry] = {}
    for pair in PAIRS[len(worlds)]:
        held = [worlds[position] for position in pair]
        common = common_contents(held)
        found.update({c: e for world in held for c, e in contents_of(world).items() if c not in common})
    return list(found.values())


def contents_of(world: PolicyWorld) -> Mapping[Content, Entry]:
    """The rules of a world by what they do."""
    first, *rest = (policies.by_content for policies in world.sets)
    return {content: entry for contents in (first, *rest) for content, entry in contents.items()} if rest else first


def common_contents(worlds: Sequence[PolicyWorld]) -> Set[Content]:
    """What rules of every world do."""
    return set(contents_of(worlds[0])).intersection(*map(contents_of, worlds[1:]))


def without(policies: PolicySet, left_out: Set[Content]) -> PolicySet:
    """The set without the rules that do just this."""
    if not left_out:
        return policies
    return replace(policies, entries=tuple(item for item in policies.entries if item[1].content not in left_out))


def _reading(settings: Settings) -> tuple[object, ...]:
    """What of the settings bears on whom a compiled rule selects."""
    return (
        settings.enforces,
        settings.host_firewall,
        settings.cidr_match_nodes,
        settings.matches_pods_by_address,
    )
