"""Comparisons by their form: what counts of them with stand-ins for the values of labels, and the answers for these."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from rewriter.cilium.compile import Entry, PortGrant
from rewriter.cilium.identity import Identity
from rewriter.cilium.labels import Label
from rewriter.cilium.policy_set import PolicySet
from rewriter.cilium.settings import Settings
from rewriter.cilium.terms import LabelTerm, Term
from rewriter.reach.compare import reach
from rewriter.reach.difference import Difference, FlowStatement
from rewriter.reach.stand_ins import StandIns, put_back
from rewriter.reach.world import PolicyWorld

#: More forms than this are not remembered.
_MOST = 4096

#: One set of pods, by single values of labels.
_PHRASE = re.compile(
    r"(?:any pod|pods with [^\s,=]+=[^\s,]+(?:, [^\s,=]+=[^\s,]+)*)(?: of namespace [^\s,]+)?"
    r"(?: in other clusters| in [^\s,]+)?"
)


class KeptRule(NamedTuple):
    """A rule that counts; of a `bare` one only that it denies by default."""

    entry: Entry
    bare: bool


class Part(NamedTuple):
    """The rules that count of a set of policies, each once."""

    settings: Settings
    rules: Sequence[KeptRule]


Place = tuple[int, bool]
"""A world of comparisons by its identity, and whether it is one of the peers."""


class Comparison(NamedTuple):
    """Worlds that are compared: before and after, one beside these, and those of the pods that are peers."""

    before: PolicyWorld
    after: PolicyWorld
    beside: PolicyWorld
    ends: tuple[PolicyWorld, PolicyWorld] | None = None

    @property
    def worlds(self) -> dict[Place, PolicyWorld]:
        """All of them by their places, in order."""
        own = {(id(world), False): world for world in (self.before, self.after, self.beside)}
        return own | {(id(world), True): world for world in self.ends or ()}

    @property
    def places(self) -> tuple[Place, ...]:
        """The places of each."""
        own = (self.before, self.after, self.beside)
        return (*((id(world), False) for world in own), *((id(world), True) for world in self.ends or ()))


def rules_of(parts: Iterable[Part]) -> Iterator[KeptRule]:
    for part in parts:
        yield from part.rules


_Form = tuple[Hashable, ...]
#: A rule with stand-ins: direction, deny, default deny, subject, peers and ports.
_Rule = tuple[str, bool, bool, LabelTerm, tuple[Term, ...], tuple[PortGrant, ...]]


class _Known(NamedTuple):
    """The answers, None for each that is not a simple one, and the labels of the pods that they name.

    `settings` are looked up by identity.
    """

    settings: object
    answers: tuple[Difference | None, ...]
    pods: Mapping[str, frozenset[Label]]


#: Answers by form.
_ANSWERS: dict[_Form, _Known] = {}


def answers(
    comparisons: Sequence[Comparison],
    parts: Mapping[Place, Sequence[Part]],
    clusters: Sequence[str],
    identities: Sequence[Identity],
) -> list[Difference | None]:
    """The answers, from the same comparisons with stand-ins. `parts` has what counts of each world."""
    stand_ins = StandIns()
    made: dict[int, tuple[_Rule, ...]] = {}
    for part in (part for world in parts.values() for part in world):
        if id(part) in made:
            continue
        rules: dict[_Rule, None] = {}
        for entry, bare in part.rules:
            subject = stand_ins.selector(entry.subject)
            peers = () if bare else tuple(map(stand_ins.peer, entry.peers))
            ports = () if bare else entry.ports
            rules[entry.direction, entry.deny, entry.default_deny, subject, peers, ports] = None
        made[id(part)] = tuple(rules)
    settings = [part.settings for world in parts.values() for part in world]
    pods = stand_ins.pods(identities)
    numbers = {place: number for number, place in enumerate(parts)}
    form = (
        tuple(tuple(made[id(part)] for part in world) for world in parts.values()),
        tuple(tuple(map(numbers.__getitem__, one.places)) for one in comparisons),
        tuple(map(id, settings)),
        tuple(clusters),
        frozenset(pods),
    )
    known = _ANSWERS.get(form)
    if known is None:
        if len(_ANSWERS) >= _MOST:
            _ANSWERS.clear()
        worlds = {
            place: PolicyWorld(tuple(_set(part.settings, made[id(part)]) for part in world))
            for place, world in parts.items()
        }
        names = {f"pod {number}": labels for number, labels in enumerate(pods)}
        found = []
        for one in comparisons:
            before, after, beside, *rest = map(worlds.__getitem__, one.places)
            ends = (rest[0], rest[1]) if rest else None
            found.append(reach(before, after, list(map(Identity, names, names.values())), beside, (), clusters, ends))
        simple = tuple(difference if _is_one_phrase_each(difference) else None for difference in found)
        known = _ANSWERS[form] = _Known(settings, simple, names)
    names_of = {name: pods[labels] for name, labels in known.pods.items()}
    return [answer and _named(answer, stand_ins.values, names_of) for answer in known.answers]


def _set(settings: Settings, rules: Sequence[_Rule]) -> PolicySet:
    entries = [
        Entry("", direction, deny, default_deny, subject, False, peers, ports)
        for direction, deny, default_deny, subject, peers, ports in rules
    ]
    return PolicySet(settings, tuple(enumerate(entries)), (None,) * len(entries))


def _is_one_phrase_each(found: Difference) -> bool:
    return (
        found.exact
        and len(found.opened) <= 1
        and len(found.closed) <= 1
        and all(
            len(statement.peers) == 1
            and not statement.limits
            and _PHRASE.fullmatch(statement.subject)
            and _PHRASE.fullmatch(statement.peers[0])
            for statement in (*found.opened, *found.closed)
        )
    )


def _named(found: Difference, values: Sequence[str], pods: Mapping[str, str]) -> Difference:
    """The answer with the values, and the names of pods, in place of their stand-ins."""

    def statements(those: Iterable[FlowStatement]) -> tuple[FlowStatement, ...]:
        return tuple(
            replace(
                statement,
                subject=put_back(statement.subject, values),
                peers=tuple(put_back(peer, values) for peer in statement.peers),
                subject_workloads=tuple(sorted(map(pods.__getitem__, statement.subject_workloads))),
                peer_workloads=tuple(sorted(map(pods.__getitem__, statement.peer_workloads))),
            )
            for statement in those
        )

    return Difference(statements(found.opened), statements(found.closed), exact=found.exact)
