"""Stand-ins for the values of labels, by which comparisons of the same form are known as the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rewriter import patterns as re
from rewriter.cilium.identity import Identity
from rewriter.cilium.labels import CLUSTER_LABEL, NAMESPACE_LABEL, NAMESPACE_NAME_KEY, RESERVED, Label
from rewriter.cilium.terms import Condition, LabelTerm, Term, demanded_label

_STAND_IN = re.compile("\ue000([0-9]+)\ue001")
#: Stands for each value that no rule asks for.
_ANOTHER = "\ue002"


class StandIns:
    """Stand-ins for values of labels, in the order in which these are met; clusters keep their names."""

    __slots__ = ("_asked", "_known", "values")

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], str] = {}
        self._asked: set[str] = {NAMESPACE_LABEL}
        self.values: list[str] = []

    def peer(self, term: Term) -> Term:
        return self.selector(term) if isinstance(term, LabelTerm) else term

    def selector(self, term: LabelTerm) -> LabelTerm:
        return LabelTerm(tuple(self._condition(condition) for condition in term.conditions))

    def _condition(self, condition: Condition) -> Condition:
        key = demanded_label(condition)
        self._asked.add(condition.key)
        if key == CLUSTER_LABEL or condition.source == RESERVED or not condition.values:
            return condition
        found = []
        for value in condition.values:
            stand_in = self._known.get((key, value))
            if stand_in is None:
                stand_in = self._known[key, value] = f"\ue000{len(self.values)}\ue001"
                self.values.append(value)
            found.append(stand_in)
        return Condition(condition.source, condition.key, condition.operator, tuple(found))

    def pods(self, identities: Iterable[Identity]) -> dict[frozenset[Label], str]:
        """The labels of pods that the terms so far ask for, each with the name of one pod that has them."""
        found: dict[frozenset[Label], str] = {}
        for identity in identities:
            labels = [
                label if label.key == CLUSTER_LABEL else label._replace(value=self._value(label))
                for label in identity.labels
                if label.key == CLUSTER_LABEL or label.key in self._asked
            ]
            found.setdefault(frozenset(labels), identity.name)
        return found

    def _value(self, label: Label) -> str:
        key = NAMESPACE_LABEL if label.key == NAMESPACE_NAME_KEY else label.key
        return self._known.get((key, label.value), _ANOTHER)


def put_back(text: str, values: Sequence[str]) -> str:
    """A text with the values in place of their stand-ins."""
    return _STAND_IN.sub(lambda match: values[int(match[1])], text)
