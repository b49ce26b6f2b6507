"""Subjects by the rules that apply to them: those to whom the same rules apply are judged together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rewriter.cilium.universe import positions
from rewriter.reach.side import RuleBits, denies_by_default

RuleBitsByWorld = tuple[frozenset[RuleBits], ...]
"""The rules of one subject and direction in each world of a comparison."""

Groups = Mapping[int, tuple[set[RuleBits], ...]]
"""For the bits of subjects the rules that select just these, in each world."""

BySubjects = dict[int, list[RuleBits]]
"""For the bits of subjects the rules that select just these."""

#: A rule without peers that denies by default.
DENIES_BY_DEFAULT = RuleBits(False, True, 0, ())


def with_shared(
    groups: Groups, shared: Iterable[tuple[Sequence[int], BySubjects]], differing: int, touched: int
) -> Groups:
    """The groups with the rules that worlds share, as far as they bear on the peers that others `touched`.

    `shared` holds them with the positions of these worlds. For other peers they let the same through in all of them.
    """
    found = {subjects: tuple(map(set, sides)) for subjects, sides in groups.items()}
    for worlds, by_subjects in shared:
        for all_subjects, rules in by_subjects.items():
            subjects = all_subjects & differing
            if not subjects:
                continue
            count = len(next(iter(groups.values())))
            sides = found.setdefault(subjects, tuple(set() for _ in range(count)))
            bearing = {rule._replace(peers=peers) for rule in rules if (peers := rule.peers & touched)}
            if denies_by_default(rules):
                bearing.add(DENIES_BY_DEFAULT)
            for position in worlds:
                sides[position].update(bearing)
    return found


def classes_of(groups: Groups, differing: int, compared: int) -> list[tuple[int, RuleBitsByWorld]]:
    """The differing subjects, together where the same groups apply, with their rules where these differ.

    They differ where not all of the first `compared` worlds have the same.
    """
    parts: dict[int, int] = {0: differing}
    for index, subjects in enumerate(groups):
        if subjects & differing:
            cut: dict[int, int] = {}
            for indexes, mask in parts.items():
                inside, rest = mask & subjects, mask & ~subjects
                if inside:
                    cut[indexes | 1 << index] = inside
                if rest:
                    cut[indexes] = rest
            parts = cut
    sides = list(groups.values())
    classes = []
    for indexes, subjects in parts.items():
        chosen = [sides[index] for index in positions(indexes)]
        worlds = range(len(chosen[0])) if chosen else ()
        rules = tuple(frozenset[RuleBits]().union(*(side[world] for side in chosen)) for world in worlds)
        if len(set(rules[:compared])) > 1:
            classes.append((subjects, rules))
    return classes
