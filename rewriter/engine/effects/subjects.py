"""Subjects of rules by the labels that they demand, to find those that peers may mean without a look at each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from rewriter.cilium.terms import LabelTerm, demanded_label, may_meet

#: More peers than this are not remembered of one namespace.
_MOST = 64


class Subjects:
    """The places of policies by the subjects of their rules."""

    def __init__(self, places: Mapping[LabelTerm, Sequence[int]]) -> None:
        self._subjects = list(places.items())
        self._met: dict[LabelTerm, frozenset[int]] = {}

    def places_met_by(self, peer: LabelTerm) -> frozenset[int]:
        """The places of the subjects that may select pods which the peer selects too."""
        known = self._met.get(peer)
        if known is None:
            if len(self._met) >= _MOST:
                self._met.clear()
            known = self._met[peer] = frozenset(self._places_met_by(peer))
        return known

    def _places_met_by(self, peer: LabelTerm) -> Iterator[int]:
        for number in self._candidates(peer):
            subject, places = self._subjects[number]
            if may_meet(peer, subject):
                yield from places

    def _candidates(self, peer: LabelTerm) -> Sequence[int]:
        """The subjects that one of the peer's conditions leaves: of all, that which leaves the fewest."""
        best: Sequence[int] = range(len(self._subjects))
        for condition in peer.conditions:
            demanding = self._demanding.get(demanded_label(condition)) if condition.operator == "In" else None
            if demanding is None:
                continue
            by_value, others = demanding
            left = {*others, *(number for value in condition.values for number in by_value.get(value, ()))}
            if len(left) < len(best):
                best = sorted(left)
        return best

    @cached_property
    def _demanding(self) -> Mapping[str, tuple[Mapping[str, Sequence[int]], Sequence[int]]]:
        """Of each label the subjects that demand a value of it, by value, and those that demand none."""
        found: dict[str, dict[str, list[int]]] = {}
        for number, (subject, _) in enumerate(self._subjects):
            for condition in subject.conditions:
                if condition.operator == "In":
                    by_value = found.setdefault(demanded_label(condition), {})
                    for value in condition.values:
                        by_value.setdefault(value, []).append(number)
        made = {}
        for key, by_value in found.items():
            those = {number for numbers in by_value.values() for number in numbers}
            made[key] = by_value, [number for number in range(len(self._subjects)) if number not in those]
        return made
