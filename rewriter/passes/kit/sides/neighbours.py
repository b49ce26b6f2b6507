"""Policies by the pods that they may select, so that those of other pods need no look."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import overload

from rewriter.cilium.labels import NAMESPACE_LABEL
from rewriter.cilium.policy import Answers, Policy
from rewriter.cilium.selector import Selector
from rewriter.cilium.tiers import is_cluster_network_policy
from rewriter.evidence.resting import EVERYTHING, ask, ask_all, home


class Neighbours(Sequence[Policy]):
    """Policies of one cluster, in order.

    `answers` are remembered by those who ask the same of them again and again, as of a `Policy`.
    """

    __slots__ = ("_by_namespace", "_of_all", "_policies", "answers")

    def __init__(self, policies: Iterable[Policy]) -> None:
        self.answers: Answers = {}
        self._policies = tuple(policies)
        self._by_namespace: dict[str, _Group] | None = None
        self._of_all: set[int] = set()

    @overload
    def __getitem__(self, index: int) -> Policy: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Policy]: ...
    def __getitem__(self, index: int | slice) -> Policy | Sequence[Policy]:
        ask(EVERYTHING)
        return self._policies[index]

    def __len__(self) -> int:
        ask(EVERYTHING)
        return len(self._policies)

    def __iter__(self) -> Iterator[Policy]:
        ask(EVERYTHING)
        return iter(self._policies)

    @property
    def all(self) -> tuple[Policy, ...]:
        """All of them, for those who say themselves which of these their answers rest on."""
        return self._policies

    def near(self, policies: Iterable[Policy]) -> Iterator[Policy]:
        """The policies that may select a pod that one of these does, and perhaps others; in order.

        Any policy may select the pods of a ClusterNetworkPolicy.
        """
        own = list(policies)
        ask_near(own)
        if any(is_cluster_network_policy(policy.raw) for policy in own):
            return iter(self._policies)
        groups = self._groups()
        places = set(self._of_all)
        for policy in own:
            for namespace in {"", policy.namespace} if policy.namespace else groups.keys():
                if group := groups.get(namespace):
                    places |= group.near(policy)
        return (self._policies[place] for place in sorted(places))

    def _groups(self) -> dict[str, _Group]:
        if self._by_namespace is None:
            self._by_namespace = {}
            for position, policy in enumerate(self._policies):
                if is_cluster_network_policy(policy.raw):
                    self._of_all.add(position)
                else:
                    self._by_namespace.setdefault(policy.namespace or "", _Group()).add(position, policy)
        return self._by_namespace


def ask_near(own: Iterable[Policy]) -> None:
    """Takes down that an answer rests on the policies of the same pods as these."""
    for policy in own:
        tier = is_cluster_network_policy(policy.raw)
        ask_all((EVERYTHING,) if tier or not policy.namespace else (home(None), home(policy.namespace)))


def near(policies: Sequence[Policy], own: Iterable[Policy]) -> Iterable[Policy]:
    """Those of the policies that may select a pod that one of their own does, and perhaps others; in order."""
    return policies.near(own) if isinstance(policies, Neighbours) else policies


class _Group:
    """Places of the policies of one namespace, by a value of a label that their pods must have."""

    __slots__ = ("_by_label", "_others", "places")

    def __init__(self) -> None:
        self.places: set[int] = set()
        self._others: set[int] = set()
        self._by_label: dict[str, tuple[set[int], dict[str, set[int]]]] = {}

    def add(self, place: int, policy: Policy) -> None:
        self.places.add(place)
        for spec in policy.specs:
            key, values = next(iter(_demanded(spec.subject).items()), ("", ()))
            if not key:
                self._others.add(place)
                continue
            every, by_value = self._by_label.setdefault(key, (set(), {}))
            every.add(place)
            for value in values:
                by_value.setdefault(value, set()).add(place)

    def near(self, policy: Policy) -> set[int]:
        places: set[int] = set(self._others) if policy.specs else set()
        for spec in policy.specs:
            demanded = _demanded(spec.subject)
            for key, (every, by_value) in self._by_label.items():
                if key in demanded:
                    places.update(*(by_value.get(value, ()) for value in demanded[key]))
                else:
                    places |= every
        return places


def _demanded(subject: Selector | None) -> dict[str, Sequence[str]]:
    """The labels of which a subject demands one of some values. A policy's own namespace may be written over."""
    if subject is None:
        return {}
    found: dict[str, Sequence[str]] = {}
    for requirement in subject.requirements:
        if requirement.operator == "In" and requirement.key != NAMESPACE_LABEL:
            found.setdefault(requirement.key, requirement.values)
    return found
