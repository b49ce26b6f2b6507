"""Comparisons in which few rules count and names are all that differs: each is made once, for any names.

Most policies of a cluster are a handful of forms, in many namespaces and for many applications. Where the rules that
differ name pods by their labels, the others count only as far as they may name these pods. What is left is compared
with stand-ins for the values of labels, and the answer is put into the names of each policy that has this form.

The answer is that of `reach` to the letter, or there is none:

- Outside of the rules that `after` and the world beside it do not share, no flow counts, as long as these rules leave
  alone who is denied by default. A rule whose subjects or peers cannot be those of such a rule lets nothing more
  through there, and refuses nothing.
- A flow that is all combinations of some subjects, some peers and some ports, each set one phrase that asks for single
  values of labels, is worded so whatever else is compared with it, in whatever order, as long as every combination of
  labels is tried. Any other answer is left to `reach`.
- A pod that is known counts as one of its labels that these rules ask for: of several that they do not tell apart one
  stands for all.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple
from weakref import WeakKeyDictionary

from rewriter.cilium.cidr import Prefix
from rewriter.cilium.compile import Content, Entry, PortGrant
from rewriter.cilium.identity import Identity
from rewriter.cilium.labels import ANY, CLUSTER_LABEL, K8S, RESERVED, Label
from rewriter.cilium.policy_set import PolicySet
from rewriter.cilium.settings import Settings
from rewriter.cilium.terms import CidrTerm, FqdnTerm, LabelTerm, Term, demands_of, may_have
from rewriter.reach.cells import Asked, asked_by, cells_of
from rewriter.reach.compare import reach
from rewriter.reach.difference import NO_DIFFERENCE, Difference, FlowStatement
from rewriter.reach.shared import contents_of
from rewriter.reach.space import MAX_CELLS
from rewriter.reach.stand_ins import StandIns, put_back
from rewriter.reach.world import PolicyWorld

#: More forms than this are not remembered.
_MOST = 4096

#: One set of pods, by single values of labels.
_PHRASE = re.compile(
    r"(?:any pod|pods with [^\s,=]+=[^\s,]+(?:, [^\s,=]+=[^\s,]+)*)(?: of namespace [^\s,]+)?"
    r"(?: in other clusters| in [^\s,]+)?"
)


class _Kept(NamedTuple):
    """A rule that counts; of a `bare` one only that it denies by default."""

    entry: Entry
    bare: bool


class _Part(NamedTuple):
    """The rules that count of a set of policies, each once."""

    settings: Settings
    rules: Sequence[_Kept]


def reach_among(
    before: PolicyWorld,
    after: PolicyWorld,
    beside: PolicyWorld,
    identities: Sequence[Identity] = (),
    inside: Sequence[Prefix] = (),
    clusters: Sequence[str] = (),
    ends: tuple[PolicyWorld, PolicyWorld] | None = None,
) -> Difference:
    """The flows that `reach` finds for these worlds, from a comparison like this one where its result is known.

    Where default deny begins or ends is no part of the answer. Of several identities that the rules which count do not
    tell apart, one may stand for all among the workloads of a statement.
    """
    simple = reach_simple(before, after, beside, clusters, ends, identities)
    return reach(before, after, identities, beside, inside, clusters, ends) if simple is None else simple


def reach_simple(
    before: PolicyWorld,
    after: PolicyWorld,
    beside: PolicyWorld,
    clusters: Sequence[str] = (),
    ends: tuple[PolicyWorld, PolicyWorld] | None = None,
    identities: Sequence[Identity] = (),
) -> Difference | None:
    """What `reach_among` has, or None where `reach` has to look."""
    worlds = (before, after, beside, *(ends or ()))
    if not all(map(_is_plain_pod, identities)):
        return None
    if not all(_is_plain(policies) for world in worlds for policies in world.sets):
        return None
    changed = _changed(after, beside)
    if not changed:
        return NO_DIFFERENCE
    entries = {content: entry for world in worlds for content, entry in contents_of(world).items()}
    labels = [_labels_of(entry) for entry in entries.values()]
    if not all(entry_labels.simple for entry_labels in labels):
        return None
    parts = _parts(entries, changed, (before, after, beside), ends)
    if parts is None or not _fits(labels, after.local_cluster, clusters):
        return None
    whole = (rule.entry for part in parts for rule in _rules(part) if not rule.bare)
    kept = {after.local_cluster, *clusters}.union(*(_labels_of(entry).clusters for entry in whole))
    if any(not entry_labels.clusters <= kept for entry_labels in labels):
        return None  # A cluster that only rules name which do not count may be in the words.
    return _answer(parts, clusters, identities, with_ends=ends is not None)


def _is_plain_pod(identity: Identity) -> bool:
    """Whether all that counts of an identity are labels that Kubernetes knows."""
    return (
        identity.prefix is None
        and not identity.dns_names
        and identity.is_pod
        and all(label.source == K8S and label.key != "host" for label in identity.labels)
    )


def _is_plain(policies: PolicySet) -> bool:
    settings = policies.settings
    return (
        policies.plain
        and settings.enforces
        and not settings.denies_everybody
        and not (settings.cidr_match_nodes or settings.matches_pods_by_address)
    )


class _Labels(NamedTuple):
    """What a rule asks of the labels of pods, and the clusters that it names.

    `simple` are rules that select pods by labels, or addresses, DNS names or reserved identities, which no pod has.
    """

    simple: bool
    asked: frozenset[Asked]
    clusters: frozenset[str]


_LABELS: WeakKeyDictionary[Content, _Labels] = WeakKeyDictionary()


def _labels_of(entry: Entry) -> _Labels:
    known = _LABELS.get(entry.content)
    if known is None:
        terms = (entry.subject, *entry.peers)
        simple = (
            entry.tier is None and not entry.required and not entry.subject_is_node and all(map(_is_simple_term, terms))
        )
        conditions = [condition for term in terms if isinstance(term, LabelTerm) for condition in term.conditions]
        known = _LABELS[entry.content] = _Labels(
            simple,
            asked_by(terms),
            frozenset(
                value for condition in conditions if condition.key == CLUSTER_LABEL for value in condition.values
            ),
        )
    return known


def _fits(labels: Sequence[_Labels], local: str, clusters: Sequence[str]) -> bool:
    """Whether every combination of the labels is tried in a comparison of these rules."""
    return (
        cells_of(frozenset[Asked]().union(*(entry_labels.asked for entry_labels in labels)), local, clusters)
        <= MAX_CELLS
    )


def _is_simple_term(term: Term) -> bool:
    if isinstance(term, CidrTerm | FqdnTerm):
        return True
    if len(term.conditions) == 1 and term.conditions[0].source == RESERVED:
        return True
    # On pods with a label `host` no policy may be enforced.
    return all(condition.source in (ANY, K8S) and condition.key != "host" for condition in term.conditions)


def _changed(after: PolicyWorld, beside: PolicyWorld) -> list[Entry]:
    """The rules that one of the worlds does not have."""
    one, other = contents_of(after), contents_of(beside)
    return [
        entry for here, there in ((one, other), (other, one)) for content, entry in here.items() if content not in there
    ]


def _parts(
    entries: Mapping[Content, Entry],
    changed: Sequence[Entry],
    worlds: tuple[PolicyWorld, PolicyWorld, PolicyWorld],
    ends: tuple[PolicyWorld, PolicyWorld] | None,
) -> list[list[_Part]] | None:
    """What counts of each world, then of each end; None where the changed rules do not name pods alone.

    `entries` are the rules of all of them, each once.
    """
    direction = changed[0].direction
    for entry in changed:
        named = entry.default_deny and entry.direction == direction and entry.peers
        if not (named and all(map(_asks_for_values, (entry.subject, *entry.peers)))):
            return None
    subjects = list(dict.fromkeys(entry.subject for entry in changed))
    peers = list(dict.fromkeys(term for entry in changed for term in entry.peers if isinstance(term, LabelTerm)))
    own = {entry.content for entry in changed}
    of_subjects, of_peers = list(map(demands_of, subjects)), list(map(demands_of, peers))

    @cache
    def counts(content: Content) -> _Kept | None:
        entry = entries[content]
        if content in own:
            return _Kept(entry, False)
        if entry.direction == direction:
            meets = _meets_any(entry.subject, of_subjects) and any(_meets_any(peer, of_peers) for peer in entry.peers)
            return _Kept(entry, False) if meets else None
        return at_end(content)

    @cache
    def at_end(content: Content) -> _Kept | None:
        """A rule of the peers, as far as it bears on the subjects."""
        entry = entries[content]
        if ends is None or entry.direction == direction or not _meets_any(entry.subject, of_peers):
            return None
        if any(_meets_any(peer, of_subjects) for peer in entry.peers):
            return _Kept(entry, False)
        return _Kept(entry, True) if entry.default_deny else None

    found: list[list[_Part]] = []
    for world in worlds:
        parts = [
            _Part(policies.settings, list(filter(None, map(counts, policies.by_content)))) for policies in world.sets
        ]
        denied = {e.subject for e, _ in _rules(parts) if e.direction == direction and e.default_deny}
        if not denied.issuperset(subjects):
            return None  # Another rule may be what denies by default.
        found.append(parts)
    for world in ends or ():
        found.append(
            [_Part(policies.settings, list(filter(None, map(at_end, policies.by_content)))) for policies in world.sets]
        )
    limited = any(grant.limits for parts in found for kept in _rules(parts) for grant in kept.entry.ports)
    return None if limited else found


def _rules(parts: Iterable[_Part]) -> Iterator[_Kept]:
    for part in parts:
        yield from part.rules


def _asks_for_values(term: Term) -> bool:
    """Whether a term asks for a value of a label that only pods have."""
    return isinstance(term, LabelTerm) and any(
        condition.operator == "In" and condition.source in (ANY, K8S) and all(condition.values)
        for condition in term.conditions
    )


def _meets_any(term: Term, others: Iterable[Sequence[tuple[str, tuple[str, ...]]]]) -> bool:
    """Whether an identity may be selected by a term and have what one of the others, which select pods, demands."""
    if isinstance(term, LabelTerm):
        for demands in others:
            if may_have(term, demands):
                return True
    return False


_Form = tuple[Hashable, ...]
#: A rule with stand-ins: direction, deny, default deny, subject, peers and ports.
_Rule = tuple[str, bool, bool, LabelTerm, tuple[Term, ...], tuple[PortGrant, ...]]


class _Known(NamedTuple):
    """An answer, None where it is not a simple one, and the labels of the pods that it names.

    `settings` are looked up by identity.
    """

    settings: object
    answer: Difference | None
    pods: Mapping[str, frozenset[Label]]


#: Answers by form.
_ANSWERS: dict[_Form, _Known] = {}


def _answer(
    parts: Sequence[Sequence[_Part]], clusters: Sequence[str], identities: Sequence[Identity], *, with_ends: bool
) -> Difference | None:
    stand_ins = StandIns()
    made: list[list[dict[_Rule, None]]] = []
    for world in parts:
        made.append([])
        for part in world:
            rules: dict[_Rule, None] = {}
            for entry, bare in part.rules:
                subject = stand_ins.selector(entry.subject)
                peers = () if bare else tuple(map(stand_ins.peer, entry.peers))
                ports = () if bare else entry.ports
                rules[entry.direction, entry.deny, entry.default_deny, subject, peers, ports] = None
            made[-1].append(rules)
    settings = [part.settings for world in parts for part in world]
    pods = stand_ins.pods(identities)
    form = (
        tuple(tuple(map(tuple, world)) for world in made),
        tuple(map(id, settings)),
        tuple(clusters),
        frozenset(pods),
    )
    known = _ANSWERS.get(form)
    if known is None:
        if len(_ANSWERS) >= _MOST:
            _ANSWERS.clear()
        before, after, beside, *rest = (
            PolicyWorld(tuple(_set(part.settings, rules) for part, rules in zip(world, other, strict=True)))
            for world, other in zip(parts, made, strict=True)
        )
        ends = (rest[0], rest[1]) if with_ends else None
        names = {f"pod {number}": labels for number, labels in enumerate(pods)}
        found = reach(before, after, list(map(Identity, names, names.values())), beside, (), clusters, ends)
        known = _ANSWERS[form] = _Known(settings, found if _is_one_phrase_each(found) else None, names)
    if known.answer is None:
        return None
    return _named(known.answer, stand_ins.values, {name: pods[labels] for name, labels in known.pods.items()})


def _set(settings: Settings, rules: Iterable[_Rule]) -> PolicySet:
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
